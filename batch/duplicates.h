/* Duplicates of a batch, counted by organization and day of the log. They are added to
 * duplicate_daily in the transaction that completes the batch.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_DUPLICATES_H
#define BATCH_DUPLICATES_H
#include "base/arena.h"
#include "postgres/pg_columns.h"
#include "batch/row.h"

struct duplicate_count {
    struct slice organization_id; /* in the arena */
    int64_t day;                  /* Unix days */
    int64_t count;
};

struct duplicates {
    struct duplicate_count *list; /* owned */
    size_t len, capacity;
};

void duplicates_done(struct duplicates *duplicates); /* a zeroed one is fine */

/* Counts a row whose fate is FATE_DUPLICATE. Errors: OVERLOADED beyond the arena's cap. */
bool duplicates_add(struct duplicates *duplicates, const struct row *row, struct arena *arena,
                    struct err *reterr) MUST_CHECK;

/* organization_id, day, count: one row each, in the order of the table's key. */
void duplicates_columns(struct duplicates *duplicates, struct pg_columns *ret_columns);

#endif
