/* Which columns of the table are written, from which field of a record.
 *
 * Threads: one at a time; read-only after columns_plan. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_COLUMNS_H
#define BATCH_COLUMNS_H
#include "clickhouse/period.h"
#include "clickhouse/table.h"
#include "batch/order.h"

enum { COLUMNS_MAX = 16 };

/* The columns that this table has, in the order they are sent. */
struct columns {
    struct {
        size_t field; /* which field of a record */
        struct native_type type;
        bool may_refuse; /* a record that was read may have a value that the type cannot keep */
    } plans[COLUMNS_MAX];
    size_t len;
    enum ch_period period; /* by which blocks are cut */
    struct order order;    /* of a block's rows */
    char list[512];        /* "`organization_id`, `transaction_id`, …" for the INSERT */
};

/* What the writer wants of a table; for ch_table_check. */
const struct ch_wanted *columns_wanted(size_t *ret_len);

/* Plans the columns of a table that was checked. Errors: TABLE_MISMATCH. */
bool columns_plan(const struct ch_table *table, struct columns *ret_columns,
                  struct err *reterr) MUST_CHECK;

/* Whether the row can be encoded: what a record by itself can make impossible is found here, once,
 * before the row is gathered. Errors: VALUE_INVALID, VALUE_OUT_OF_RANGE, naming the column. */
bool columns_take(const struct columns *columns, const struct row *row,
                  struct err *reterr) MUST_CHECK;

/* Appends the rows, all taken, as one Native block. Errors: RECORD_INVALID, naming partition and
 * offset of a row that a column cannot hold for all that. */
bool columns_encode(const struct columns *columns, const struct row *const rows[], size_t rows_len,
                    uint32_t incarnation, struct buf *out, struct err *reterr) MUST_CHECK;

#endif
