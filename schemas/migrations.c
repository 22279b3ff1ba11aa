/* The numbered SQL of both stores. The table itself is made by scripts/embed-sql.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/migrations.h"
#include "base/assert.h"
#include <string.h>

const char *migration_store_name(enum migration_store store)
{
    switch (store) {
    case MIGRATION_POSTGRES:
        return "postgres";
    case MIGRATION_CLICKHOUSE:
        return "clickhouse";
    }
    UNREACHABLE("unknown store");
}

uint32_t migration_newest(enum migration_store store)
{
    uint32_t newest = 0;
    for (size_t i = 0; i < migrations_len; i++)
        if (migrations[i].store == store)
            newest = migrations[i].version;
    return newest;
}

void migration_sha256(const struct migration *migration, uint8_t ret_digest[DIGEST_SHA256_SIZE])
{
    digest_sha256(slice_from(migration->text), ret_digest);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Drops blanks and comment lines from the front. */
static struct slice skip_blank(struct slice text)
{
    while (text.size > 0) {
        size_t size = 1;
        if (text.size >= 2 && memcmp(text.data, "--", 2) == 0) {
            const char *end = memchr(text.data, '\n', text.size);
            size = end ? (size_t)(end - text.data) : text.size;
        } else if (!is_blank(text.data[0])) {
            break;
        }
        text = (struct slice){text.data + size, text.size - size};
    }
    return text;
}

bool migration_statement(struct slice *text, struct slice *ret_statement)
{
    struct slice rest = skip_blank(*text);
    if (rest.size == 0)
        return false;
    size_t size = 0;
    while (size < rest.size &&
           !(rest.data[size] == ';' && (size + 1 == rest.size || rest.data[size + 1] == '\n')))
        size++;
    size_t taken = size < rest.size ? size + 1 : size;
    while (size > 0 && is_blank(rest.data[size - 1]))
        size--;
    *ret_statement = (struct slice){rest.data, size};
    *text = (struct slice){rest.data + taken, rest.size - taken};
    return true;
}

static void append_identifier(struct buf *out, const char *name)
{
    buf_append_char(out, '`');
    for (; *name; name++) {
        if (*name == '`' || *name == '\\')
            buf_append_char(out, '\\');
        buf_append_char(out, *name);
    }
    buf_append_char(out, '`');
}

static bool starts_with(struct slice text, const char *start)
{
    return text.size >= strlen(start) && memcmp(text.data, start, strlen(start)) == 0;
}

void migration_fill(struct buf *out, struct slice statement, const char *database,
                    const char *table)
{
    while (statement.size > 0) {
        size_t size = 1;
        if (starts_with(statement, "{database}")) {
            append_identifier(out, database);
            size = strlen("{database}");
        } else if (starts_with(statement, "{table}")) {
            append_identifier(out, table);
            size = strlen("{table}");
        } else {
            buf_append_char(out, statement.data[0]);
        }
        statement = (struct slice){statement.data + size, statement.size - size};
    }
}
