/* Counting duplicates. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/duplicates.h"
#include <stdlib.h>

enum {
    COLUMNS = 3,
    FIRST_CAPACITY = 16,
    MS_PER_DAY = 86400000,
};

void duplicates_done(struct duplicates *duplicates)
{
    mem_freep(&duplicates->list);
    *duplicates = (struct duplicates){0};
}

static bool same_key(const struct duplicate_count *a, const struct duplicate_count *b)
{
    return a->day == b->day && slice_equal(a->organization_id, b->organization_id);
}

bool duplicates_add(struct duplicates *duplicates, const struct row *row, struct arena *arena,
                    struct err *reterr)
{
    struct duplicate_count count = {.organization_id = row->record.organization_id,
                                    .day = row->message.timestamp_ms / MS_PER_DAY,
                                    .count = 1};
    if (duplicates->len > 0 && same_key(&duplicates->list[duplicates->len - 1], &count)) {
        duplicates->list[duplicates->len - 1].count++;
        return true;
    }
    count.organization_id = arena_copy(arena, count.organization_id);
    if (!count.organization_id.data)
        return err_set(reterr, ERR_OVERLOADED, "too many duplicates in one batch");
    if (duplicates->len == duplicates->capacity) {
        duplicates->capacity = duplicates->capacity ? duplicates->capacity * 2 : FIRST_CAPACITY;
        duplicates->list =
            xrealloc(duplicates->list, duplicates->capacity * sizeof *duplicates->list);
    }
    duplicates->list[duplicates->len++] = count;
    return true;
}

static int compare(const void *left, const void *right)
{
    const struct duplicate_count *a = left, *b = right;
    int order = memcmp(a->organization_id.data, b->organization_id.data,
                       a->organization_id.size); /* UUIDs: all of one size */
    return order ? order : (a->day > b->day) - (a->day < b->day);
}

void duplicates_columns(struct duplicates *duplicates, struct pg_columns *ret_columns)
{
    if (duplicates->len > 1)
        qsort(duplicates->list, duplicates->len, sizeof *duplicates->list, compare);
    pg_columns_init(ret_columns, COLUMNS);
    for (size_t from = 0, to; from < duplicates->len; from = to) {
        const struct duplicate_count *first = &duplicates->list[from];
        int64_t count = 0;
        for (to = from; to < duplicates->len && same_key(&duplicates->list[to], first); to++)
            count += duplicates->list[to].count;
        pg_columns_add(ret_columns, 0, first->organization_id);
        pg_columns_add_i64(ret_columns, 1, first->day);
        pg_columns_add_i64(ret_columns, 2, count);
    }
}
