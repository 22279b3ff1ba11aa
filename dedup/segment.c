/* Stamps, written and found again. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "dedup/segment.h"
#include <endian.h>
#include <zlib.h>

enum { MAGIC_SIZE = 8 };
static const char magic[MAGIC_SIZE + 1] = "bxbseen1";

static void put(struct buf *out, uint64_t value, size_t size)
{
    uint64_t little = htole64(value);
    buf_append(out, &little, size);
}

/* Takes `size` bytes (at most 8) from where *at points. */
static uint64_t get(const char **at, size_t size)
{
    uint64_t little = 0;
    memcpy(&little, *at, size);
    *at += size;
    return le64toh(little);
}

static uint32_t sum_of(struct slice bytes)
{
    return (uint32_t)crc32_z(0, (const unsigned char *)bytes.data, bytes.size);
}

void segment_append(struct buf *out, const struct segment_stamp *stamp, const struct seen_id ids[])
{
    size_t ids_size = (size_t)stamp->ids_len * SEGMENT_ID_SIZE;
    size_t begin = out->size;
    if (!buf_reserve(out, SEGMENT_HEAD_SIZE + ids_size))
        return;
    /* The ids first, at their place behind the head, because the head has their sum. */
    out->size += SEGMENT_HEAD_SIZE;
    for (size_t i = 0; i < stamp->ids_len; i++) {
        put(out, ids[i].stored, 8);
        put(out, ids[i].place, 2);
    }
    const char *first = out->data + begin + SEGMENT_HEAD_SIZE;
    uint32_t ids_sum = sum_of((struct slice){first, ids_size});
    out->size = begin;
    buf_append(out, magic, MAGIC_SIZE);
    buf_append(out, stamp->intent_id, SEGMENT_INTENT_SIZE);
    put(out, stamp->stamps, 4);
    put(out, stamp->key_id, 8);
    put(out, (uint64_t)stamp->from, 8);
    put(out, (uint64_t)stamp->to, 8);
    put(out, (uint64_t)stamp->appended_ms, 8);
    put(out, stamp->partition, 4);
    put(out, stamp->incarnation, 4);
    buf_append(out, stamp->digest, sizeof stamp->digest);
    put(out, stamp->ids_len, 4);
    put(out, ids_sum, 4);
    put(out, sum_of((struct slice){out->data + begin, out->size - begin}), 4);
    out->size += ids_size;
}

/* Reads the head at the beginning of `bytes`; false when there is none that is whole. */
static bool read_head(struct slice bytes, struct segment_stamp *ret_stamp, uint32_t *ret_ids_sum)
{
    if (bytes.size < SEGMENT_HEAD_SIZE || memcmp(bytes.data, magic, MAGIC_SIZE) != 0)
        return false;
    const char *at = bytes.data + MAGIC_SIZE;
    struct segment_stamp stamp = {.stamps = 0};
    memcpy(stamp.intent_id, at, SEGMENT_INTENT_SIZE);
    at += SEGMENT_INTENT_SIZE;
    stamp.stamps = (uint32_t)get(&at, 4);
    stamp.key_id = get(&at, 8);
    stamp.from = (int64_t)get(&at, 8);
    stamp.to = (int64_t)get(&at, 8);
    stamp.appended_ms = (int64_t)get(&at, 8);
    stamp.partition = (uint32_t)get(&at, 4);
    stamp.incarnation = (uint32_t)get(&at, 4);
    memcpy(stamp.digest, at, sizeof stamp.digest);
    at += sizeof stamp.digest;
    stamp.ids_len = (uint32_t)get(&at, 4);
    *ret_ids_sum = (uint32_t)get(&at, 4);
    uint32_t sum = sum_of((struct slice){bytes.data, (size_t)(at - bytes.data)});
    if (sum != (uint32_t)get(&at, 4))
        return false;
    *ret_stamp = stamp;
    return true;
}

/* Reads the stamp at the beginning of `bytes`, head and ids. */
static bool read_stamp(struct slice bytes, struct segment_stamp *ret_stamp, struct slice *ret_ids)
{
    uint32_t ids_sum;
    struct segment_stamp stamp;
    if (!read_head(bytes, &stamp, &ids_sum))
        return false;
    struct slice ids = {bytes.data + SEGMENT_HEAD_SIZE, (size_t)stamp.ids_len * SEGMENT_ID_SIZE};
    if (ids.size > bytes.size - SEGMENT_HEAD_SIZE || sum_of(ids) != ids_sum)
        return false;
    *ret_stamp = stamp;
    *ret_ids = ids;
    return true;
}

/* Goes forward to where the next stamp may begin. */
static void pass_over(struct segment_reader *reader)
{
    struct slice rest = {reader->rest.data + 1, reader->rest.size - 1};
    const char *next = memmem(rest.data, rest.size, magic, MAGIC_SIZE);
    reader->rest = next ? (struct slice){next, (size_t)(rest.data + rest.size - next)}
                        : (struct slice){rest.data + rest.size, 0};
}

bool segment_next(struct segment_reader *reader, struct segment_stamp *ret_stamp,
                  struct slice *ret_ids)
{
    for (bool told = false; reader->rest.size > 0; told = true) {
        if (read_stamp(reader->rest, ret_stamp, ret_ids)) {
            size_t size = SEGMENT_HEAD_SIZE + ret_ids->size;
            reader->rest = (struct slice){reader->rest.data + size, reader->rest.size - size};
            return true;
        }
        reader->damaged += !told;
        pass_over(reader);
    }
    return false;
}

struct seen_id segment_id(struct slice ids, size_t index)
{
    const char *at = ids.data + index * SEGMENT_ID_SIZE;
    struct seen_id id = {.stored = get(&at, 8)};
    id.place = (uint16_t)get(&at, 2);
    return id;
}
