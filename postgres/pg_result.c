/* Rows of an answer, read as text.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "postgres/pg.h"
#include "base/assert.h"
#include "base/digest.h"
#include <libpq-fe.h>
#include <stdlib.h>

/* libpq's PGresult is its own `struct pg_result`: the rows are handed out as they are. */
void pg_result_free(struct pg_result *result)
{
    PQclear(result);
}

void pg_result_freep(struct pg_result **result)
{
    pg_result_free(*result);
}

size_t pg_rows(const struct pg_result *result)
{
    return (size_t)PQntuples(result);
}

bool pg_is_null(const struct pg_result *result, size_t row, size_t column)
{
    ASSERT(row < pg_rows(result) && column < (size_t)PQnfields(result));
    return PQgetisnull(result, (int)row, (int)column);
}

struct slice pg_slice(const struct pg_result *result, size_t row, size_t column)
{
    ASSERT(row < pg_rows(result) && column < (size_t)PQnfields(result));
    return (struct slice){PQgetvalue(result, (int)row, (int)column),
                          (size_t)PQgetlength(result, (int)row, (int)column)};
}

const char *pg_text(const struct pg_result *result, size_t row, size_t column)
{
    return pg_slice(result, row, column).data;
}

int64_t pg_i64(const struct pg_result *result, size_t row, size_t column)
{
    return strtoll(pg_text(result, row, column), NULL, 10);
}

bool pg_bool(const struct pg_result *result, size_t row, size_t column)
{
    return pg_text(result, row, column)[0] == 't';
}

bool pg_bytea(const struct pg_result *result, size_t row, size_t column, uint8_t *ret_bytes,
              size_t size)
{
    struct slice text = pg_slice(result, row, column); /* "\x" and hex digits */
    if (text.size != 2 + 2 * size || text.data[0] != '\\' || text.data[1] != 'x')
        return false;
    return digest_from_hex((struct slice){text.data + 2, text.size - 2}, ret_bytes, size);
}
