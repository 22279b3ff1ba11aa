/* Rows as array parameters. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "postgres/pg_columns.h"
#include "base/assert.h"
#include <inttypes.h>
#include <stdio.h>

void pg_columns_init(struct pg_columns *columns, size_t len)
{
    ASSERT(len <= PG_COLUMNS_MAX);
    columns->len = len;
    columns->ended = false;
    for (size_t i = 0; i < len; i++) {
        buf_init(&columns->arrays[i], PG_COLUMN_SIZE_MAX);
        pg_array_begin(&columns->arrays[i]);
    }
}

void pg_columns_done(struct pg_columns *columns)
{
    for (size_t i = 0; i < columns->len; i++)
        buf_done(&columns->arrays[i]);
}

void pg_columns_add(struct pg_columns *columns, size_t column, struct slice value)
{
    pg_array_add(&columns->arrays[column], value);
}

void pg_columns_add_i64(struct pg_columns *columns, size_t column, int64_t value)
{
    char text[PG_NUMBER_SIZE];
    pg_array_add(&columns->arrays[column], slice_from(pg_number(value, text)));
}

void pg_columns_add_null(struct pg_columns *columns, size_t column)
{
    pg_array_add_null(&columns->arrays[column]);
}

void pg_columns_add_bytes(struct pg_columns *columns, size_t column, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    CLEANUP(buf_done) struct buf hex;
    buf_init(&hex, PG_COLUMN_SIZE_MAX);
    buf_append_str(&hex, "\\x");
    char *to = buf_reserve(&hex, 2 * bytes.size);
    for (size_t i = 0; to && i < bytes.size; i++) {
        *to++ = digits[(unsigned char)bytes.data[i] >> 4];
        *to++ = digits[(unsigned char)bytes.data[i] & 15];
    }
    hex.size += to ? 2 * bytes.size : 0;
    columns->arrays[column].overflow |= hex.overflow;
    pg_array_add(&columns->arrays[column], buf_slice(&hex));
}

bool pg_columns_query(struct pg *pg, const char *sql, const char *const params[], size_t params_len,
                      struct pg_columns *columns, struct err *reterr)
{
    return pg_columns_rows(pg, sql, params, params_len, columns, NULL, reterr);
}

bool pg_columns_rows(struct pg *pg, const char *sql, const char *const params[], size_t params_len,
                     struct pg_columns *columns, struct pg_result **ret_result, struct err *reterr)
{
    const char *all[PG_PARAMS_MAX];
    ASSERT(params_len + columns->len <= PG_PARAMS_MAX);
    for (size_t i = 0; i < params_len; i++)
        all[i] = params[i];
    for (size_t i = 0; i < columns->len; i++) {
        if (!columns->ended)
            pg_array_end(&columns->arrays[i]);
        all[params_len + i] = buf_text(&columns->arrays[i]);
        if (columns->arrays[i].overflow)
            return err_set(reterr, ERR_INTERNAL, "a column of rows is larger than %d bytes",
                           PG_COLUMN_SIZE_MAX);
    }
    columns->ended = true;
    return pg_query(pg, sql, all, params_len + columns->len, ret_result, reterr);
}

const char *pg_number(int64_t value, char ret_text[PG_NUMBER_SIZE])
{
    snprintf(ret_text, PG_NUMBER_SIZE, "%" PRId64, value);
    return ret_text;
}
