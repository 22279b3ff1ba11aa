/* The numbered SQL of both stores (schemas/postgres, schemas/clickhouse), carried inside the
 * programs: a program and the schema that it needs cannot be separated.
 *
 * A file that was ever released is never edited, only followed by another one: what was applied is
 * recorded with its checksum, and `bxb migrate` refuses a text that has changed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_MIGRATIONS_H
#define SCHEMAS_MIGRATIONS_H
#include "base/buf.h"
#include "base/digest.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum migration_store {
    MIGRATION_POSTGRES,   /* one transaction each; names resolve through search_path */
    MIGRATION_CLICKHOUSE, /* each statement can be run again; {database} and {table} are filled in
                           */
};

struct migration {
    enum migration_store store;
    uint32_t version; /* from 1 without gaps, for each store */
    const char *name;
    const char *text;
};

/* PostgreSQL first, then ClickHouse; each in the order of versions. */
extern const struct migration migrations[];
extern const size_t migrations_len;

/* "postgres", "clickhouse" */
const char *migration_store_name(enum migration_store store);

/* The newest version of a store. */
uint32_t migration_newest(enum migration_store store);

/* SHA-256 of the text as it stands in the file. */
void migration_sha256(const struct migration *migration, uint8_t ret_digest[DIGEST_SHA256_SIZE]);

/* Takes the next statement off *text: up to a semicolon at the end of a line, without it. False
 * when only blanks and comments are left. For ClickHouse, which takes one statement at a time. */
bool migration_statement(struct slice *text, struct slice *ret_statement);

/* Appends a statement with {database} and {table} filled in, quoted as ClickHouse's identifiers. */
void migration_fill(struct buf *out, struct slice statement, const char *database,
                    const char *table);

#endif
