/* Reads system.tables and its like, and says what is wrong with a table.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/table.h"
#include "clickhouse/key.h"
#include "clickhouse/period.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    ANSWER_MAX = 1024 * 1024,
    /* As long as Kafka keeps the records of an intent: an older block is never posted again. */
    TOKENS_KEPT_LEAST_S = 7 * 86400,
    /* Query parameters, tokens of INSERTs, and every setting that is sent: 23.8. */
    OLDEST_VERSION = 2308,
    VERSION_SIZE = 64,
};

static const char table_sql[] =
    "SELECT toString(uuid), engine, partition_key, sorting_key, timezone(), version(),"
    " arrayStringConcat(extractAll(create_table_query, 'CONSTRAINT (\\\\S+) CHECK'), ', '),"
    " arrayStringConcat(arrayMap((d, t) -> concat(d, '.', t), dependencies_database,"
    "                            dependencies_table), ', '),"
    " (SELECT count() FROM system.settings"
    "  WHERE name = 'deduplicate_insert' AND value = 'disable'),"
    " match(engine_full, '\\\\sTTL\\\\s'),"
    " if(startsWith(engine, 'Replicated'),"
    "    extract(engine_full, '[^_]replicated_deduplication_window = (\\\\d+)'),"
    "    extract(engine_full, 'non_replicated_deduplication_window = (\\\\d+)')),"
    " if(startsWith(engine, 'Replicated'),"
    "    (SELECT any(value) FROM system.replicated_merge_tree_settings"
    "     WHERE name = 'replicated_deduplication_window'),"
    "    (SELECT any(value) FROM system.merge_tree_settings"
    "     WHERE name = 'non_replicated_deduplication_window')),"
    " extract(engine_full, 'replicated_deduplication_window_seconds = (\\\\d+)'),"
    " (SELECT any(value) FROM system.replicated_merge_tree_settings"
    "  WHERE name = 'replicated_deduplication_window_seconds'),"
    " (SELECT count() FROM system.data_skipping_indices"
    "  WHERE database = {database:String} AND table = {table:String}"
    "  AND type = 'minmax' AND expr = 'kafka_offset')"
    " FROM system.tables WHERE database = {database:String} AND name = {table:String}"
    " FORMAT TabSeparatedRaw";

static const char columns_sql[] = "SELECT name, type, default_kind,"
                                  " position(default_expression, '(') > 0 FROM system.columns"
                                  " WHERE database = {database:String} AND table = {table:String}"
                                  " ORDER BY position FORMAT TabSeparatedRaw";

/* Takes the text up to a tab or the end of the line, copied; owned by the caller. */
static char *take_field(struct slice *rest)
{
    size_t end = 0;
    while (end < rest->size && rest->data[end] != '\t' && rest->data[end] != '\n')
        end++;
    char *field = xstrndup(rest->data ? rest->data : "", end);
    end += end < rest->size;
    *rest = (struct slice){rest->data + end, rest->size - end};
    return field;
}

static uint64_t take_number(struct slice *rest)
{
    CLEANUP(mem_freep) char *field = take_field(rest);
    return strtoull(field, NULL, 10);
}

static bool read_columns(struct ch_client *client, const struct ch_param params[2],
                         struct ch_table *table, struct err *reterr)
{
    CLEANUP(buf_done) struct buf answer;
    buf_init(&answer, ANSWER_MAX);
    if (!ch_query(client, columns_sql, params, 2, CH_TABLE_TIMEOUT_MS, &answer, reterr))
        return false;
    for (struct slice rest = buf_slice(&answer); rest.size > 0;) {
        table->columns =
            xrealloc(table->columns, (table->columns_len + 1) * sizeof *table->columns);
        struct ch_column *column = &table->columns[table->columns_len++];
        column->name = take_field(&rest);
        column->type_text = take_field(&rest);
        column->default_kind = take_field(&rest);
        column->computed = take_number(&rest) > 0;
    }
    return true;
}

/* False when the version, as "26.7.2.1", lacks what is asked for. */
static bool check_version(const char *version, struct err *reterr)
{
    char *end;
    unsigned long major = strtoul(version, &end, 10);
    unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
    return major * 100 + minor >= OLDEST_VERSION ||
           err_set(reterr, ERR_CLICKHOUSE_REFUSED,
                   "ClickHouse %s is too old: the writer needs %d.%d or newer", version,
                   OLDEST_VERSION / 100, OLDEST_VERSION % 100);
}

/* A server that does not understand the question may be too old: then that is what is said. */
static bool refused(struct ch_client *client, struct err *reterr)
{
    CLEANUP(buf_done) struct buf answer;
    struct err ignored;
    buf_init(&answer, VERSION_SIZE);
    if (reterr->code != ERR_CLICKHOUSE_REFUSED ||
        !ch_query(client, "SELECT version() FORMAT TabSeparatedRaw", NULL, 0, CH_TABLE_TIMEOUT_MS,
                  &answer, &ignored))
        return false;
    struct slice rest = buf_slice(&answer);
    CLEANUP(mem_freep) char *version = take_field(&rest);
    return check_version(version, reterr) && false;
}

bool ch_table_read(struct ch_client *client, const char *database, const char *name,
                   struct ch_table *ret_table, struct err *reterr)
{
    const struct ch_param params[] = {{"database", database}, {"table", name}};
    CLEANUP(buf_done) struct buf answer;
    buf_init(&answer, ANSWER_MAX);
    if (!ch_query(client, table_sql, params, 2, CH_TABLE_TIMEOUT_MS, &answer, reterr))
        return refused(client, reterr);
    struct slice rest = buf_slice(&answer);
    if (rest.size == 0)
        return err_set(reterr, ERR_TABLE_MISMATCH,
                       "ClickHouse has no table %s.%s; `bxb migrate` makes it", database, name);
    CLEANUP(ch_table_done) struct ch_table table = {0};
    table.database = xstrdup(database);
    table.name = xstrdup(name);
    table.uuid = take_field(&rest);
    table.engine = take_field(&rest);
    table.partition_key = take_field(&rest);
    table.sorting_key = take_field(&rest);
    table.timezone = take_field(&rest);
    table.server_version = take_field(&rest);
    table.constraints = take_field(&rest);
    table.views = take_field(&rest);
    table.forgets_tokens = take_number(&rest) > 0;
    table.deletes_by_ttl = take_number(&rest) > 0;
    uint64_t own_window = take_number(&rest);
    uint64_t server_window = take_number(&rest);
    table.deduplication_window = own_window > 0 ? own_window : server_window;
    uint64_t own_s = take_number(&rest);
    uint64_t server_s = take_number(&rest);
    table.deduplication_s = own_s > 0 ? own_s : server_s;
    table.offset_index = take_number(&rest) > 0;
    if (!read_columns(client, params, &table, reterr))
        return false;
    *ret_table = table;
    table = (struct ch_table){0};
    return true;
}

void ch_table_done(struct ch_table *table)
{
    for (size_t i = 0; i < table->columns_len; i++) {
        mem_freep(&table->columns[i].name);
        mem_freep(&table->columns[i].type_text);
        mem_freep(&table->columns[i].default_kind);
    }
    mem_freep(&table->columns);
    mem_freep(&table->database);
    mem_freep(&table->name);
    mem_freep(&table->uuid);
    mem_freep(&table->engine);
    mem_freep(&table->partition_key);
    mem_freep(&table->sorting_key);
    mem_freep(&table->timezone);
    mem_freep(&table->server_version);
    mem_freep(&table->constraints);
    mem_freep(&table->views);
    *table = (struct ch_table){0};
}

const struct ch_column *ch_table_column(const struct ch_table *table, const char *name)
{
    for (size_t i = 0; i < table->columns_len; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return &table->columns[i];
    return NULL;
}

bool ch_table_replaces(const struct ch_table *table)
{
    return strstr(table->engine, "ReplacingMergeTree") != NULL;
}

bool ch_table_replicated(const struct ch_table *table)
{
    return strncmp(table->engine, "Replicated", strlen("Replicated")) == 0;
}

/* The engines that keep every row until an equal key replaces it. */
static bool engine_fits(const char *engine)
{
    static const char *const engines[] = {"MergeTree", "ReplacingMergeTree", "ReplicatedMergeTree",
                                          "ReplicatedReplacingMergeTree"};
    for (size_t i = 0; i < ARRAY_LEN(engines); i++)
        if (strcmp(engine, engines[i]) == 0)
            return true;
    return false;
}

static bool in_utc(const struct ch_table *table, const struct native_type *type)
{
    const char *named = strchr(type->text, '\'');
    if (named)
        return strstr(named, "'UTC'") || strstr(named, "'Etc/UTC'");
    return strcmp(table->timezone, "UTC") == 0 || strcmp(table->timezone, "Etc/UTC") == 0;
}

/* Whether the values that the caller has can be kept in the type, as far as the type can say. */
static bool type_fits(const struct ch_table *table, const struct ch_wanted *wanted,
                      const struct native_type *type, struct err *reterr)
{
    if (!native_type_takes(type, wanted->source))
        return err_set(reterr, ERR_TABLE_MISMATCH, "the type %s does not take it", type->text);
    if (wanted->may_be_null && !type->nullable)
        return err_set(reterr, ERR_TABLE_MISMATCH, "the type %s takes no NULL", type->text);
    if (wanted->source == NATIVE_FROM_U64 && !native_type_holds(type, wanted->max))
        return err_set(reterr, ERR_TABLE_MISMATCH, "the type %s is too small", type->text);
    if (wanted->event_time && !native_type_keeps_ms(type))
        return err_set(reterr, ERR_TABLE_MISMATCH, "the type %s cuts milliseconds", type->text);
    if (wanted->event_time && !in_utc(table, type))
        return err_set(reterr, ERR_TABLE_MISMATCH, "its time zone is not UTC");
    return true;
}

static bool check_column(const struct ch_table *table, const struct ch_wanted *wanted,
                         struct err *reterr)
{
    const struct ch_column *column = ch_table_column(table, wanted->name);
    if (!column)
        return wanted->optional ||
               err_set(reterr, ERR_TABLE_MISMATCH,
                       "%s.%s has no column %s; ALTER TABLE %s.%s ADD COLUMN %s %s",
                       table->database, table->name, wanted->name, table->database, table->name,
                       wanted->name, wanted->type);
    struct native_type type;
    bool fits = native_type_parse(column->type_text, &type, reterr) &&
                type_fits(table, wanted, &type, reterr);
    if (fits && column->default_kind[0] != '\0' && strcmp(column->default_kind, "DEFAULT") != 0)
        fits = err_set(reterr, ERR_TABLE_MISMATCH, "it is %s", column->default_kind);
    if (fits)
        return true;
    return err_prefix(reterr,
                      "column %s of %s.%s cannot be written (ALTER TABLE %s.%s MODIFY COLUMN %s "
                      "%s, or make the table anew where ClickHouse refuses that)",
                      wanted->name, table->database, table->name, table->database, table->name,
                      wanted->name, wanted->type);
}

/* Merges of ReplacingMergeTree keep one row of those that are equal in the key. */
static bool check_sorting_key(const struct ch_table *table, const struct ch_wanted wanted[],
                              size_t wanted_len, struct err *reterr)
{
    for (size_t i = 0; i < wanted_len; i++)
        if (wanted[i].identity && !ch_key_has(table->sorting_key, wanted[i].name))
            return err_set(reterr, ERR_TABLE_MISMATCH,
                           "%s.%s is a %s and would drop events that are equal in its sorting key "
                           "(%s), which lacks %s; make it anew with ORDER BY (%s, %s), or as "
                           "MergeTree",
                           table->database, table->name, table->engine, table->sorting_key,
                           wanted[i].name, table->sorting_key, wanted[i].name);
    return true;
}

bool ch_table_check(const struct ch_table *table, const struct ch_wanted wanted[],
                    size_t wanted_len, uint64_t window, struct err *reterr)
{
    const char *db = table->database, *name = table->name;
    if (!check_version(table->server_version, reterr))
        return false;
    if (!engine_fits(table->engine))
        return err_set(reterr, ERR_TABLE_MISMATCH,
                       "%s.%s has the engine %s; use ReplacingMergeTree(version) or MergeTree", db,
                       name, table->engine);
    enum ch_period period;
    if (!ch_period_of(table->partition_key, &period))
        return err_set(reterr, ERR_TABLE_MISMATCH,
                       "%s.%s has the partition key '%s'; make it anew with PARTITION BY "
                       "toYYYYMM(timestamp), toYYYYMMDD(timestamp), or without one",
                       db, name, table->partition_key);
    if (table->deduplication_window < window)
        return err_set(reterr, ERR_TABLE_MISMATCH,
                       "%s.%s remembers %" PRIu64 " INSERT tokens, %" PRIu64
                       " are needed; ALTER TABLE %s.%s MODIFY SETTING "
                       "%sreplicated_deduplication_window = 100000",
                       db, name, table->deduplication_window, window, db, name,
                       ch_table_replicated(table) ? "" : "non_");
    if (ch_table_replicated(table) && table->deduplication_s < TOKENS_KEPT_LEAST_S)
        return err_set(reterr, ERR_TABLE_MISMATCH,
                       "%s.%s remembers INSERT tokens for %" PRIu64
                       " s; ALTER TABLE %s.%s MODIFY SETTING "
                       "replicated_deduplication_window_seconds = %d",
                       db, name, table->deduplication_s, db, name, TOKENS_KEPT_LEAST_S);
    if (table->forgets_tokens)
        return err_set(
            reterr, ERR_TABLE_MISMATCH,
            "ClickHouse ignores the tokens of INSERTs (deduplicate_insert = 'disable' in "
            "the profile of the user); ALTER USER … SETTINGS deduplicate_insert = "
            "'enable'");
    for (size_t i = 0; i < wanted_len; i++)
        if (!check_column(table, &wanted[i], reterr))
            return false;
    if (ch_table_replaces(table) && !check_sorting_key(table, wanted, wanted_len, reterr))
        return false;
    if (!table->offset_index)
        return err_set(reterr, ERR_TABLE_MISMATCH,
                       "%s.%s has no minmax index on kafka_offset; ALTER TABLE %s.%s ADD INDEX "
                       "kafka_offset_range kafka_offset TYPE minmax GRANULARITY 1",
                       db, name, db, name);
    return true;
}
