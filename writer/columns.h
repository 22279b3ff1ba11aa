/* Which columns of the table are written, from which field of a record.
 *
 * Threads: one at a time; read-only after columns_plan. SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_COLUMNS_H
#define WRITER_COLUMNS_H
#include "clickhouse/table.h"
#include "schemas/record.h"

/* A record with its place in the log. */
struct batch_row {
    struct record record; /* slices point into the message or the batch's arena */
    int64_t offset;
    uint32_t partition;
    uint32_t month; /* toYYYYMM(timestamp) */
};

enum { COLUMNS_MAX = 16 };

/* The columns that this table has, in the order they are sent. */
struct columns {
    struct {
        size_t field; /* which field of a record */
        struct native_type type;
    } plans[COLUMNS_MAX];
    size_t len;
    char list[512]; /* "`organization_id`, `transaction_id`, …" for the INSERT */
};

/* What the writer wants of a table; for ch_table_check. */
const struct ch_wanted *columns_wanted(size_t *ret_len);

/* Plans the columns of a table that was checked. Errors: TABLE_MISMATCH. */
bool columns_plan(const struct ch_table *table, struct columns *ret_columns,
                  struct err *reterr) MUST_CHECK;

/* Appends the rows as one Native block. Errors: RECORD_INVALID, naming partition and offset of a
 * record with a value that the column cannot hold. */
bool columns_encode(const struct columns *columns, const struct batch_row *const rows[],
                    size_t rows_len, uint32_t incarnation, struct buf *out,
                    struct err *reterr) MUST_CHECK;

#endif
