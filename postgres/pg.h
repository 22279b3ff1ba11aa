/* A thin libpq: connect, statements with parameters, transactions, typed errors.
 *
 *     struct pg *pg = pg_connect(settings->postgres, "bxb-writer", schema, reterr);
 *     const char *params[] = {"main"};
 *     struct pg_result *rows;
 *     if (!pg_query(pg, "SELECT epoch FROM lane WHERE name = $1", params, 1, &rows, reterr))
 *         return false;
 *
 * Errors (all functions):
 *   POSTGRES_UNAVAILABLE  no connection, lost before COMMIT was sent, or a server that cannot work
 *                         now (starting, stopping, read-only, out of resources): nothing was
 * changed POSTGRES_UNKNOWN      the connection was lost after COMMIT was sent, or during a
 * statement that changes something outside a transaction: read again what holds POSTGRES_CONFLICT
 * 40001, 40P01, 55P03: run the transaction again EXISTS                23505 SCHEMA_MISMATCH 42P01,
 * 3F000, 42703: `bxb migrate` is missing POSTGRES_REFUSED      everything else the server says no
 * to; the text has its message SETTINGS_INVALID      from pg_connect: `conninfo` cannot be read
 *
 * A refused statement inside a transaction leaves the transaction to the caller: pg_rollback.
 * Every wait has an end (pg_set_timeout): a server that is frozen costs the connection, not the
 * thread. Notices and warnings of the server are dropped.
 *
 * Threads: a connection belongs to one thread at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef POSTGRES_PG_H
#define POSTGRES_PG_H
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PG_TIMEOUT_MS = 60000, /* for one statement, unless pg_set_timeout says otherwise */
    PG_CONNECT_TIMEOUT_S = 5,
};

struct pg;        /* a connection */
struct pg_result; /* rows, owned by the caller; libpq's own, which has this tag */

/* Connects to `conninfo` (a libpq URI or connection string; borrowed for the call) with
 * search_path = schema, within 5 s. TCP keep-alive and TCP_USER_TIMEOUT are set. NULL on failure;
 * the text never holds the password. */
struct pg *pg_connect(const char *conninfo, const char *application, const char *schema,
                      struct err *reterr) MUST_CHECK;
void pg_free(struct pg *pg);   /* NULL is fine */
void pg_freep(struct pg **pg); /* for CLEANUP */

/* "host:port/database" as the connection has them, for people. Cut when too long. */
void pg_address(const struct pg *pg, char *ret_text, size_t size);

/* How long one statement may take; then the connection is given up. 0: for ever. */
void pg_set_timeout(struct pg *pg, int64_t timeout_ms);

/* True until the connection was lost. A lost one is freed and made anew, never repaired. */
bool pg_alive(const struct pg *pg);

/* One statement. `params` are texts, NULL for SQL's NULL; borrowed for the call. ret_result may be
 * NULL when the rows are not wanted. A statement that comes again is prepared by itself. */
bool pg_query(struct pg *pg, const char *sql, const char *const params[], size_t params_len,
              struct pg_result **ret_result, struct err *reterr) MUST_CHECK;

/* The number of rows the last statement changed. */
int64_t pg_affected(const struct pg *pg);

/* Several statements in one string, without parameters; in one implicit transaction. */
bool pg_script(struct pg *pg, const char *sql, struct err *reterr) MUST_CHECK;

bool pg_begin(struct pg *pg, struct err *reterr) MUST_CHECK;
bool pg_commit(struct pg *pg, struct err *reterr) MUST_CHECK;
void pg_rollback(struct pg *pg); /* after any failure inside a transaction; never fails */

size_t pg_rows(const struct pg_result *result);
bool pg_is_null(const struct pg_result *result, size_t row, size_t column);
const char *pg_text(const struct pg_result *result, size_t row, size_t column); /* "" for NULL */
struct slice pg_slice(const struct pg_result *result, size_t row, size_t column);
int64_t pg_i64(const struct pg_result *result, size_t row, size_t column); /* 0 for NULL */
bool pg_bool(const struct pg_result *result, size_t row, size_t column);   /* false for NULL */

/* A bytea of exactly `size` bytes; false when it is NULL or of another size. */
bool pg_bytea(const struct pg_result *result, size_t row, size_t column, uint8_t *ret_bytes,
              size_t size) MUST_CHECK;
void pg_result_free(struct pg_result *result);   /* NULL is fine */
void pg_result_freep(struct pg_result **result); /* for CLEANUP */

/* Appends an element of a PostgreSQL array literal ("{a,b}" is built as pg_array_begin, _add…,
 * _end), quoted and escaped as array_in wants it: for `unnest($1::text[])`. */
void pg_array_begin(struct buf *out);
void pg_array_add(struct buf *out, struct slice element);
void pg_array_add_null(struct buf *out);
void pg_array_end(struct buf *out);

/* What an SQLSTATE ("40001") means to us, as in the list above. */
enum err_code pg_sqlstate_code(const char *sqlstate);

#endif
