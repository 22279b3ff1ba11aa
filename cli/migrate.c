/* bxb migrate: brings both stores to the schema of this program, and makes the topic.
 *
 * What was applied is a row in the table `migration`, written in the transaction of a PostgreSQL
 * step, and after a ClickHouse step, which can therefore run twice: its statements allow that.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/args.h"
#include "cli/cli.h"
#include "clickhouse/client.h"
#include "kafka/topic.h"
#include "kafka/topic_check.h"
#include "schemas/migrations.h"
#include <stdio.h>

enum {
    CLICKHOUSE_TIMEOUT_MS = 60000,
    ANSWER_SIZE_MAX = 64 * 1024,
    STATEMENT_SIZE_MAX = 1024 * 1024,
    NUMBER_SIZE = 24,
};

static const char newer_remedy[] = "Use the bxb that migrated it, or a newer one.";
static const char changed_remedy[] =
    "SQL that was applied is never edited: use an unchanged build of bxb.";

struct migrator {
    const struct settings *settings;
    struct pg *pg;
    struct ch_client *clickhouse;
    bool table_there;   /* in ClickHouse, when we began */
    const char *remedy; /* for an error that needs its own, or NULL */
};

/* Only one `bxb migrate` works on a schema at a time. */
static bool lock_schema(struct migrator *m, struct err *reterr)
{
    const char *params[] = {m->settings->postgres_schema};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(m->pg, "SELECT pg_try_advisory_lock(hashtextextended('bxb migrate ' || $1, 0))",
                  params, ARRAY_LEN(params), &rows, reterr))
        return false;
    if (pg_bool(rows, 0, 0))
        return true;
    fprintf(stderr, "bxb: another `bxb migrate` is at work; waiting for it\n");
    return pg_query(m->pg, "SELECT pg_advisory_lock(hashtextextended('bxb migrate ' || $1, 0))",
                    params, ARRAY_LEN(params), NULL, reterr);
}

/* Asks before it creates: a role that owns the schema may lack the right to create one. */
static bool create_schema(struct migrator *m, struct err *reterr)
{
    const char *params[] = {m->settings->postgres_schema};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(m->pg,
                  "SELECT format('CREATE SCHEMA %I', $1::text)"
                  " WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)",
                  params, ARRAY_LEN(params), &rows, reterr))
        return false;
    if (pg_rows(rows) > 0 && !pg_script(m->pg, pg_text(rows, 0, 0), reterr))
        return false;
    return pg_script(m->pg,
                     "CREATE TABLE IF NOT EXISTS migration ("
                     " store      text NOT NULL,"
                     " version    integer NOT NULL,"
                     " name       text NOT NULL,"
                     " sha256     bytea NOT NULL,"
                     " applied_at timestamptz NOT NULL DEFAULT now(),"
                     " PRIMARY KEY (store, version))",
                     reterr);
}

static bool check_not_newer(struct migrator *m, struct err *reterr)
{
    static const enum migration_store stores[] = {MIGRATION_POSTGRES, MIGRATION_CLICKHOUSE};
    for (size_t i = 0; i < ARRAY_LEN(stores); i++) {
        const char *store = migration_store_name(stores[i]);
        const char *params[] = {store};
        CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
        if (!pg_query(m->pg, "SELECT coalesce(max(version), 0) FROM migration WHERE store = $1",
                      params, ARRAY_LEN(params), &rows, reterr))
            return false;
        int64_t there = pg_i64(rows, 0, 0);
        if (there <= migration_newest(stores[i]))
            continue;
        m->remedy = newer_remedy;
        return err_set(reterr, ERR_SCHEMA_MISMATCH,
                       "the schema in %s has version %lld, this program knows up to %u", store,
                       (long long)there, migration_newest(stores[i]));
    }
    return true;
}

/* Whether a step is recorded. Errors: SCHEMA_MISMATCH when it was another text then. */
static bool is_recorded(struct migrator *m, const struct migration *migration, bool *ret_recorded,
                        struct err *reterr)
{
    const char *store = migration_store_name(migration->store);
    char version[NUMBER_SIZE];
    snprintf(version, sizeof(version), "%u", migration->version);
    const char *params[] = {store, version};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(m->pg, "SELECT sha256 FROM migration WHERE store = $1 AND version = $2", params,
                  ARRAY_LEN(params), &rows, reterr))
        return false;
    *ret_recorded = pg_rows(rows) > 0;
    if (!*ret_recorded)
        return true;
    uint8_t applied[DIGEST_SHA256_SIZE], ours[DIGEST_SHA256_SIZE];
    migration_sha256(migration, ours);
    if (pg_bytea(rows, 0, 0, applied, sizeof(applied)) && digest_equal(applied, ours, sizeof(ours)))
        return true;
    m->remedy = changed_remedy;
    return err_set(reterr, ERR_SCHEMA_MISMATCH,
                   "%s step %04u %s was applied with another text than this program has", store,
                   migration->version, migration->name);
}

static bool record(struct migrator *m, const struct migration *migration, struct err *reterr)
{
    uint8_t sha256[DIGEST_SHA256_SIZE];
    char hex[2 * DIGEST_SHA256_SIZE + 1], version[NUMBER_SIZE];
    migration_sha256(migration, sha256);
    digest_hex(sha256, sizeof(sha256), hex);
    snprintf(version, sizeof(version), "%u", migration->version);
    const char *params[] = {migration_store_name(migration->store), version, migration->name, hex};
    return pg_query(m->pg,
                    "INSERT INTO migration (store, version, name, sha256)"
                    " VALUES ($1, $2, $3, decode($4, 'hex'))"
                    " ON CONFLICT (store, version) DO NOTHING",
                    params, ARRAY_LEN(params), NULL, reterr);
}

static bool apply_postgres(struct migrator *m, const struct migration *migration,
                           struct err *reterr)
{
    if (!pg_begin(m->pg, reterr))
        return false;
    if (!pg_script(m->pg, migration->text, reterr) || !record(m, migration, reterr)) {
        pg_rollback(m->pg);
        return false;
    }
    return pg_commit(m->pg, reterr);
}

static bool apply_clickhouse(struct migrator *m, const struct migration *migration,
                             struct err *reterr)
{
    struct slice text = slice_from(migration->text), statement;
    while (migration_statement(&text, &statement)) {
        CLEANUP(buf_done) struct buf sql = {0};
        CLEANUP(buf_done) struct buf answer = {0};
        buf_init(&sql, STATEMENT_SIZE_MAX);
        buf_init(&answer, ANSWER_SIZE_MAX);
        migration_fill(&sql, statement, m->settings->clickhouse_database,
                       m->settings->clickhouse_table);
        if (!ch_query(m->clickhouse, buf_text(&sql), NULL, 0, CLICKHOUSE_TIMEOUT_MS, &answer,
                      reterr))
            return false;
    }
    return record(m, migration, reterr);
}

static bool apply(struct migrator *m, const struct migration *migration, struct err *reterr)
{
    bool recorded = false;
    if (!is_recorded(m, migration, &recorded, reterr))
        return false;
    /* A ClickHouse that was set up anew gets its table again. */
    bool done = recorded && (migration->store == MIGRATION_POSTGRES || m->table_there);
    const char *store = migration_store_name(migration->store);
    bool good =
        done || (migration->store == MIGRATION_POSTGRES ? apply_postgres(m, migration, reterr)
                                                        : apply_clickhouse(m, migration, reterr));
    if (!good)
        return err_prefix(reterr, "%s step %04u %s", store, migration->version, migration->name);
    printf("%-11s %04u %-20s %s\n", store, migration->version, migration->name,
           done ? "already applied" : "applied");
    return true;
}

/* Makes the database if there is none, and finds out whether the table is there. */
static bool look_at_clickhouse(struct migrator *m, struct err *reterr)
{
    const struct ch_param params[] = {
        {"database", m->settings->clickhouse_database},
        {"table", m->settings->clickhouse_table},
    };
    CLEANUP(buf_done) struct buf answer = {0};
    buf_init(&answer, ANSWER_SIZE_MAX);
    if (!ch_query(m->clickhouse,
                  "SELECT (SELECT count() FROM system.databases WHERE name = {database:String}),"
                  " (SELECT count() FROM system.tables WHERE database = {database:String}"
                  " AND name = {table:String}) FORMAT TSV",
                  params, ARRAY_LEN(params), CLICKHOUSE_TIMEOUT_MS, &answer, reterr))
        return false;
    m->table_there = strcmp(buf_text(&answer), "1\t1\n") == 0;
    if (strcmp(buf_text(&answer), "0\t0\n") != 0)
        return true;
    CLEANUP(buf_done) struct buf sql = {0};
    buf_init(&sql, STATEMENT_SIZE_MAX);
    migration_fill(&sql, SLICE("CREATE DATABASE IF NOT EXISTS {database}"),
                   m->settings->clickhouse_database, "");
    return ch_query(m->clickhouse, buf_text(&sql), NULL, 0, CLICKHOUSE_TIMEOUT_MS, &answer, reterr);
}

static bool migrate_stores(struct migrator *m, struct err *reterr)
{
    if (!lock_schema(m, reterr) || !create_schema(m, reterr) || !check_not_newer(m, reterr))
        return false;
    bool looked = false;
    for (size_t i = 0; i < migrations_len; i++) {
        if (migrations[i].store == MIGRATION_CLICKHOUSE && !looked) {
            if (!look_at_clickhouse(m, reterr))
                return false;
            looked = true;
        }
        if (!apply(m, &migrations[i], reterr))
            return false;
    }
    return true;
}

static void topic_closep(struct topic **topic)
{
    topic_close(*topic);
}

static bool make_topic(const struct settings *settings, struct err *reterr)
{
    CLEANUP(topic_closep) struct topic *topic = topic_open(settings, reterr);
    struct topic_plan plan = topic_plan_from(settings);
    struct topic_facts facts;
    bool created = false;
    if (!topic || !topic_create(topic, &plan, &created, reterr) ||
        !topic_describe(topic, &facts, reterr))
        return false;
    printf("%-11s topic %-19s %s: %u partitions, replication %u, min.insync.replicas %u\n", "kafka",
           settings->events_topic, created ? "made" : "already there", facts.partitions,
           facts.replication, facts.min_insync);
    if (facts.partitions != plan.partitions)
        fprintf(stderr,
                "bxb: the topic keeps its %u partitions; events.partitions = %u only counts when "
                "it is made\n",
                facts.partitions, plan.partitions);
    return topic_check(settings->events_topic, &facts, settings->server_event_max, reterr);
}

int migrate_run(const struct cli *cli, int argc, char **argv)
{
    int exit_code;
    if (!args_read(cli, NULL, 0, argc, argv, &exit_code))
        return exit_code;

    const struct settings *settings = cli->settings;
    /* The database may not be there yet, so it is not the connection's. */
    const struct ch_options options = {
        .url = settings->clickhouse_url,
        .user = settings->clickhouse_user,
        .password = settings->clickhouse_password,
        .database = "default",
    };
    struct err err;
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, &err);
    if (!pg)
        return cli_fail(&err, NULL);
    pg_set_timeout(pg, 0); /* a step may take as long as it needs */
    struct migrator migrator = {.settings = settings, .pg = pg, .clickhouse = ch_new(&options)};
    bool good = migrate_stores(&migrator, &err) && make_topic(settings, &err);
    ch_free(migrator.clickhouse);
    return good ? EXIT_CODE_OK : cli_fail(&err, migrator.remedy);
}
