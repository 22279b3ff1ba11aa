/* Many rows in one statement: each column is an array parameter, for unnest.
 *
 *     pg_columns_init(&columns, 2);
 *     for each row:
 *         pg_columns_add(&columns, 0, name);
 *         pg_columns_add_i64(&columns, 1, count);
 *     pg_columns_query(pg, "INSERT INTO t SELECT $1::integer, n, c"
 *                          " FROM unnest($2::text[], $3::bigint[]) AS new (n, c)",
 *                      params, 1, &columns, &err);
 *     pg_columns_done(&columns);
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_PG_COLUMNS_H
#define POSTGRES_PG_COLUMNS_H
#include "postgres/pg.h"

enum {
    PG_COLUMNS_MAX = 12,
    PG_PARAMS_MAX = 20,
    PG_COLUMN_SIZE_MAX = 1 << 30, /* bytes of one column; PostgreSQL takes no more */
    PG_NUMBER_SIZE = 24,
};

struct pg_columns {
    struct buf arrays[PG_COLUMNS_MAX]; /* owned */
    size_t len;
    bool ended; /* nothing can be added any more */
};

void pg_columns_init(struct pg_columns *columns, size_t len);
void pg_columns_done(struct pg_columns *columns);

/* The next row's value of a column. */
void pg_columns_add(struct pg_columns *columns, size_t column, struct slice value);
void pg_columns_add_i64(struct pg_columns *columns, size_t column, int64_t value);
void pg_columns_add_null(struct pg_columns *columns, size_t column);
/* For bytea. */
void pg_columns_add_bytes(struct pg_columns *columns, size_t column, struct slice bytes);

/* Runs `sql` with `params`, and behind them the columns, to which nothing can be added any more;
 * they can be sent again.
 * Errors: those of pg_query; INTERNAL when a column is too large. */
bool pg_columns_query(struct pg *pg, const char *sql, const char *const params[], size_t params_len,
                      struct pg_columns *columns, struct err *reterr) MUST_CHECK;

/* The same for a statement whose rows are wanted; ret_result as in pg_query. */
bool pg_columns_rows(struct pg *pg, const char *sql, const char *const params[], size_t params_len,
                     struct pg_columns *columns, struct pg_result **ret_result,
                     struct err *reterr) MUST_CHECK;

/* An integer as the text of a parameter. Returns ret_text. */
const char *pg_number(int64_t value, char ret_text[PG_NUMBER_SIZE]);

#endif
