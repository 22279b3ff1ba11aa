/* The target table as ClickHouse describes it, and whether it can be written exactly once.
 *
 *     if (!ch_table_read(client, "default", "events_raw", &table, &err) ||
 *         !ch_table_check(&table, wanted, ARRAY_LEN(wanted), window, &err)) …
 *     ch_table_done(&table);
 *
 * A table that cannot be used is refused by name, with the statement that mends it.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef CLICKHOUSE_TABLE_H
#define CLICKHOUSE_TABLE_H
#include "clickhouse/client.h"
#include "clickhouse/native.h"

struct ch_column {
    char *name;         /* owned */
    char *type_text;    /* owned */
    char *default_kind; /* owned; "", "DEFAULT", "MATERIALIZED", "ALIAS" or "EPHEMERAL" */
    bool computed;      /* its default is more than a constant */
};

struct ch_table {
    char *database; /* all owned */
    char *name;
    char *uuid; /* changes when the table is made anew */
    char *engine;
    char *partition_key; /* "toYYYYMM(timestamp)" */
    char *sorting_key;   /* "organization_id, code, toDate(timestamp)"; "" for none */
    char *timezone;      /* of the server, for times whose type names none */
    uint64_t deduplication_window;
    uint64_t deduplication_s; /* how long a token counts; of a Replicated table */
    bool forgets_tokens;      /* the user's settings say that no INSERT token counts */
    bool offset_index;        /* there is a minmax index on kafka_offset */
    /* what ch_table_risks speaks of */
    char *server_version; /* "26.7.2.1" */
    char *constraints;    /* names of CHECK constraints, "a, b" */
    char *views;          /* materialized views that read the INSERTs, "db.a, db.b" */
    bool deletes_by_ttl;
    struct ch_column *columns;
    size_t columns_len;
};

/* A column that the caller will write. */
struct ch_wanted {
    const char *name;
    enum native_source source;
    bool may_be_null; /* the type must then be Nullable */
    bool optional;    /* a table without it will do */
    bool identity; /* rows that differ in it are different: a table that replaces rows must have it
                      in its sorting key */
    bool event_time;  /* must be kept in UTC, since the partition key counts periods by it, and in
                         milliseconds */
    uint64_t max;     /* NATIVE_FROM_U64: the greatest value there is */
    const char *type; /* for the statement that adds it */
};

enum { CH_TABLE_TIMEOUT_MS = 10000 };

/* Errors: TABLE_MISMATCH (no such table), CLICKHOUSE_UNAVAILABLE, CLICKHOUSE_REFUSED (also by a
 * server that is too old: the text says so). */
bool ch_table_read(struct ch_client *client, const char *database, const char *name,
                   struct ch_table *ret_table, struct err *reterr) MUST_CHECK;
void ch_table_done(struct ch_table *table); /* a zeroed one is fine */

/* Family of MergeTree that keeps every row, a partition key that blocks can follow (period.h), a
 * deduplication window of at least `window`, the index that makes reading back cheap, and the
 * wanted columns in types that can be written. Errors: TABLE_MISMATCH, CLICKHOUSE_REFUSED (the
 * server is too old). */
bool ch_table_check(const struct ch_table *table, const struct ch_wanted wanted[],
                    size_t wanted_len, uint64_t window, struct err *reterr) MUST_CHECK;

/* What is allowed but can surprise, a sentence a line: a server that was never tried, views and
 * constraints and computed columns that can refuse an INSERT, rows that go away by themselves.
 * Empty when there is nothing. Nothing of it can lose or double a row unseen. */
void ch_table_risks(const struct ch_table *table, const struct ch_wanted wanted[],
                    size_t wanted_len, struct buf *out);

/* The column of that name, or NULL. */
const struct ch_column *ch_table_column(const struct ch_table *table, const char *name);

/* True when merges may remove rows with an equal key (ReplacingMergeTree). */
bool ch_table_replaces(const struct ch_table *table);

/* True when the table has replicas: tokens live in Keeper, and a replica may lack rows that another
 * one has. */
bool ch_table_replicated(const struct ch_table *table);

#endif
