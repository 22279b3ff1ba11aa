/* The list, and its text. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/fates.h"
#include "base/assert.h"
#include "base/mem.h"
#include "batch/fate.h"
#include "batch/intent.h"
#include <inttypes.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

void fates_done(struct fates *fates)
{
    mem_freep(&fates->list);
    *fates = (struct fates){0};
}

void fates_add(struct fates *fates, uint32_t partition, int64_t offset, const struct fate *fate)
{
    if (fates->len == fates->capacity) {
        fates->capacity = fates->capacity ? fates->capacity * 2 : FIRST_CAPACITY;
        fates->list = xrealloc(fates->list, fates->capacity * sizeof *fates->list);
    }
    fates->list[fates->len++] = (struct pinned_fate){offset, partition, *fate};
}

static int compare(const void *left, const void *right)
{
    const struct pinned_fate *a = left, *b = right;
    if (a->partition != b->partition)
        return a->partition < b->partition ? -1 : 1;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

void fates_sort(struct fates *fates)
{
    if (fates->len > 1)
        qsort(fates->list, fates->len, sizeof *fates->list, compare);
}

const struct fate *fates_find(const struct fates *fates, uint32_t partition, int64_t offset)
{
    const struct pinned_fate key = {.partition = partition, .offset = offset};
    const struct pinned_fate *found =
        fates->len > 0 ? bsearch(&key, fates->list, fates->len, sizeof key, compare) : NULL;
    return found ? &found->fate : NULL;
}

size_t fates_of_partition(const struct fates *fates, size_t at)
{
    size_t end = at;
    while (end < fates->len && fates->list[end].partition == fates->list[at].partition)
        end++;
    return end - at;
}

/* How far before the record the first one stands. Stored offsets wrap: the first one of a record
 * may stand in another partition, behind it. */
static uint64_t distance(const struct pinned_fate *pinned, uint32_t incarnation)
{
    if (pinned->fate.first == FATE_FIRST_UNKNOWN)
        return 0;
    return stored_offset(incarnation, pinned->offset) - pinned->fate.first;
}

static bool same_fate(const struct pinned_fate *a, const struct pinned_fate *b,
                      uint32_t incarnation)
{
    return a->fate.kind == b->fate.kind && a->fate.reason == b->fate.reason &&
           (a->fate.kind != FATE_DUPLICATE || distance(a, incarnation) == distance(b, incarnation));
}

void fates_encode(const struct fates *fates, size_t at, size_t len, uint32_t incarnation,
                  struct buf *out)
{
    int64_t next = 0; /* the offset behind the run before */
    size_t end = at + len;
    for (size_t from = at, to; from < end; from = to) {
        const struct pinned_fate *first = &fates->list[from];
        ASSERT(first->fate.kind != FATE_STORED);
        for (to = from + 1; to < end; to++)
            if (fates->list[to].offset != fates->list[to - 1].offset + 1 ||
                !same_fate(first, &fates->list[to], incarnation))
                break;
        buf_printf(out, "%s%" PRId64 ",%zu,", from > at ? ";" : "", first->offset - next,
                   to - from);
        if (first->fate.kind == FATE_DUPLICATE)
            buf_append_u64(out, distance(first, incarnation));
        else
            buf_append_str(out, fate_reason_code(first->fate.reason));
        next = fates->list[to - 1].offset + 1;
    }
}

/* The digits at the start of *text, up to the character `end` (which is skipped) or its end. */
static bool take_number(struct slice *text, char end, uint64_t *ret_number)
{
    uint64_t number = 0;
    size_t at = 0;
    for (; at < text->size && text->data[at] != end; at++)
        if (text->data[at] < '0' || text->data[at] > '9' ||
            __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(text->data[at] - '0'), &number))
            return false;
    if (at == 0)
        return false;
    *ret_number = number;
    at += at < text->size;
    *text = (struct slice){text->data + at, text->size - at};
    return true;
}

/* The rest of a run: a distance, or the code of a reason. */
static bool take_what(struct slice *text, struct fate *ret_fate, uint64_t *ret_distance)
{
    if (text->size > 0 && text->data[0] >= '0' && text->data[0] <= '9') {
        *ret_fate = (struct fate){.kind = FATE_DUPLICATE};
        return take_number(text, ';', ret_distance);
    }
    const char *end = text->size > 0 ? memchr(text->data, ';', text->size) : NULL;
    size_t size = end ? (size_t)(end - text->data) : text->size;
    struct slice code = {text->data, size};
    *ret_fate = (struct fate){.kind = FATE_DEAD, .reason = fate_reason_of(code)};
    *ret_distance = 0;
    size += end != NULL;
    *text = (struct slice){text->data + size, text->size - size};
    return ret_fate->reason != FATE_NO_REASON;
}

bool fates_decode(struct fates *fates, uint32_t partition, uint32_t incarnation, struct slice text)
{
    uint64_t next = 0;
    while (text.size > 0) {
        uint64_t skip, count, back;
        struct fate fate;
        if (!take_number(&text, ',', &skip) || !take_number(&text, ',', &count) ||
            !take_what(&text, &fate, &back) || skip > INT64_MAX - next ||
            count > INT64_MAX - next - skip || count > INTENT_RECORDS_MAX - fates->len)
            return false;
        next += skip;
        for (uint64_t end = next + count; next < end; next++) {
            fate.first =
                back > 0 ? stored_offset(incarnation, (int64_t)next) - back : FATE_FIRST_UNKNOWN;
            fates_add(fates, partition, (int64_t)next, &fate);
        }
    }
    return true;
}
