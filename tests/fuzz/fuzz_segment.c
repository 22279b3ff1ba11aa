/* Any bytes as a segment, and any stamps in one. What must hold:
 *
 *   - nothing is read beyond the end, and reading ends
 *   - a stamp that is found stands there byte for byte as it would be written
 *   - stamps between any bytes are found, and one with a changed byte is not
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/assert.h"
#include "base/mem.h"
#include "dedup/segment.h"
#include "tests/fuzz/fuzz.h"

enum { OUT_MAX = 1 << 22 };

/* Writes what was read: the ids, too. */
static void write_again(const struct segment_stamp *stamp, struct slice packed, struct buf *out)
{
    CLEANUP(mem_freep) struct seen_id *ids = xcalloc(stamp->ids_len, sizeof *ids);
    for (size_t i = 0; i < stamp->ids_len; i++)
        ids[i] = segment_id(packed, i);
    segment_append(out, stamp, ids);
}

/* Returns how many stamps there are. */
static size_t check_reading(struct slice bytes)
{
    struct segment_reader reader = {.rest = bytes};
    struct segment_stamp stamp;
    struct slice ids;
    size_t found = 0;
    while (segment_next(&reader, &stamp, &ids)) {
        CLEANUP(buf_done) struct buf again;
        buf_init(&again, OUT_MAX);
        write_again(&stamp, ids, &again);
        const char *begin = ids.data - SEGMENT_HEAD_SIZE;
        ASSERT(begin >= bytes.data && reader.rest.data == ids.data + ids.size);
        ASSERT(slice_equal(buf_slice(&again), (struct slice){begin, again.size}));
        found++;
    }
    ASSERT(reader.rest.size == 0 && reader.damaged <= bytes.size);
    return found;
}

/* A stamp whose numbers and ids are the input's bytes. */
static void append_stamp(struct slice input, struct buf *out)
{
    struct segment_stamp stamp = {.ids_len = (uint32_t)(input.size / 16)};
    size_t size = input.size < SEGMENT_INTENT_SIZE ? input.size : SEGMENT_INTENT_SIZE;
    if (size > 0)
        memcpy(stamp.intent_id, input.data, size);
    stamp.from = stamp.intent_id[0];
    stamp.partition = (uint32_t)input.size;
    CLEANUP(mem_freep) struct seen_id *ids = xcalloc(stamp.ids_len, sizeof *ids);
    for (size_t i = 0; i < stamp.ids_len; i++) {
        memcpy(&ids[i].stored, input.data + i * 16, sizeof ids[i].stored);
        memcpy(&ids[i].place, input.data + i * 16 + 8, sizeof ids[i].place);
    }
    segment_append(out, &stamp, ids);
}

void fuzz_segment(struct slice input)
{
    size_t inside = check_reading(input);
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, OUT_MAX);
    buf_append_slice(&out, input);
    append_stamp(input, &out);
    append_stamp((struct slice){input.data, input.size / 2}, &out);
    size_t damaged_at = out.size - 1 - (input.size > 0 ? (unsigned char)input.data[0] : 0u) % 100;
    ASSERT(check_reading(buf_slice(&out)) >= inside + 1);
    out.data[damaged_at] ^= 0x20;
    ASSERT(check_reading(buf_slice(&out)) >= inside);
}
