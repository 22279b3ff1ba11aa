/* Transaction records of a batch: what goes to transaction_record in the transaction that completes
 * it, kept as the statement's parameters from sealing on.
 *
 * Memory: the texts of the records that are written, once.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_RECORDS_H
#define BATCH_RECORDS_H
#include "postgres/pg_columns.h"
#include "batch/row.h"

/* Which of the stored records are written; the setting records.mode. */
enum records_mode {
    RECORDS_NONE,
    RECORDS_MARKED, /* those that say "transactional":true */
    RECORDS_ALL,
    RECORDS_MODES
};

const char *records_mode_name(enum records_mode mode);
/* RECORDS_MODES when there is no such mode. */
enum records_mode records_mode_of(const char *name);

struct records {
    struct pg_columns *chunks; /* one statement each; owned */
    size_t chunks_len;
    size_t bytes; /* of the last chunk */
};

void records_done(struct records *records); /* a zeroed one is fine */

/* Adds a stored row if the mode wants it. */
void records_add(struct records *records, enum records_mode mode, const struct row *row);

#endif
