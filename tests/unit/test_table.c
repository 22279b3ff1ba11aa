/* Whether a table can be written exactly once. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/period.h"
#include "clickhouse/table.h"
#include "tests/unit/check.h"
#include "batch/columns.h"

static struct ch_column columns[16];
static size_t columns_len;

static void add(const char *name, const char *type)
{
    columns[columns_len++] =
        (struct ch_column){(char *)name, (char *)type, (char *)"", .computed = false};
}

/* The table that `bxb migrate` makes. */
static struct ch_table good_table(void)
{
    columns_len = 0;
    add("organization_id", "LowCardinality(String)");
    add("transaction_id", "String");
    add("external_customer_id", "String");
    add("external_subscription_id", "String");
    add("code", "LowCardinality(String)");
    add("timestamp", "DateTime64(3, 'UTC')");
    add("properties", "String");
    add("value", "Nullable(Float64)");
    add("decimal_value", "Nullable(Decimal(38, 18))");
    add("created_at", "DateTime64(3, 'UTC')");
    add("kafka_partition", "UInt16");
    add("kafka_offset", "UInt64");
    add("version", "UInt64");
    return (struct ch_table){.database = (char *)"default",
                             .name = (char *)"events_raw",
                             .uuid = (char *)"u",
                             .engine = (char *)"ReplacingMergeTree",
                             .partition_key = (char *)"toYYYYMM(timestamp)",
                             .sorting_key = (char *)"organization_id, code, transaction_id",
                             .timezone = (char *)"Europe/Berlin",
                             .server_version = (char *)"26.7.2.1",
                             .constraints = (char *)"",
                             .views = (char *)"",
                             .deduplication_window = 5000,
                             .offset_index = true,
                             .columns = columns,
                             .columns_len = columns_len};
}

static bool check(const struct ch_table *table, struct err *err)
{
    size_t wanted_len;
    const struct ch_wanted *wanted = columns_wanted(&wanted_len);
    return ch_table_check(table, wanted, wanted_len, 5000, err);
}

/* Gives the column `name` another type, or with NULL takes it away. */
static struct ch_table with_column(const char *name, const char *type)
{
    struct ch_table table = good_table();
    struct ch_column *column = (struct ch_column *)ch_table_column(&table, name);
    CHECK(column != NULL);
    if (type)
        column->type_text = (char *)type;
    else
        column->name = (char *)"another";
    return table;
}

TEST(table, ours_and_its_variants_are_taken)
{
    struct err err;
    struct ch_table table = good_table();
    CHECK(check(&table, &err));
    CHECK(ch_table_replaces(&table));
    table.engine = (char *)"MergeTree";
    CHECK(check(&table, &err));
    CHECK(!ch_table_replaces(&table));

    static const struct {
        const char *name, *type;
    } variants[] = {
        {"organization_id", "UUID"},
        {"value", "Nullable(String)"},
        {"decimal_value", "Nullable(Decimal(38, 26))"},
        {"code", "String"},
        {"kafka_offset", "Int64"},
        {"timestamp", "DateTime64(6, 'Etc/UTC')"},
        {"value", NULL},
        {"version", NULL},
        {"created_at", NULL},
        {"created_at", "DateTime"},
        {"decimal_value", "Nullable(Decimal(76, 26))"},
        {"value", "LowCardinality(Nullable(String))"},
        {"organization_id", "FixedString(36)"},
        {"external_subscription_id", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(variants); i++) {
        table = with_column(variants[i].name, variants[i].type);
        CHECK(check(&table, &err));
    }
}

TEST(table, what_is_missing_comes_with_the_statement_that_adds_it)
{
    static const struct {
        const char *name, *statement;
    } rows[] = {
        {"kafka_partition", "ALTER TABLE default.events_raw ADD COLUMN kafka_partition UInt16"},
        {"decimal_value",
         "ALTER TABLE default.events_raw ADD COLUMN decimal_value Nullable(Decimal(38, 18))"},
        {"transaction_id", "ADD COLUMN transaction_id String"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ch_table table = with_column(rows[i].name, NULL);
        struct err err;
        CHECK(!check(&table, &err) && err.code == ERR_TABLE_MISMATCH);
        CHECK(strstr(err.text, rows[i].statement));
    }
    struct err err;
    struct ch_table table = good_table();
    table.offset_index = false;
    CHECK(!check(&table, &err) && strstr(err.text, "ADD INDEX"));
    table = good_table();
    table.deduplication_window = 4999;
    CHECK(!check(&table, &err));
    CHECK(strstr(err.text, "MODIFY SETTING non_replicated_deduplication_window = 100000"));
    table = good_table();
    table.forgets_tokens = true;
    CHECK(!check(&table, &err) && strstr(err.text, "deduplicate_insert"));
    table = good_table();
    table.deduplication_window = 4999;
    table.engine = (char *)"ReplicatedMergeTree";
    CHECK(!check(&table, &err));
    CHECK(strstr(err.text, "MODIFY SETTING replicated_deduplication_window = 100000"));
    table.deduplication_window = 5000;
    table.deduplication_s = 3600;
    CHECK(!check(&table, &err));
    CHECK(strstr(err.text, "MODIFY SETTING replicated_deduplication_window_seconds = 604800"));
    table.deduplication_s = 604800;
    CHECK(check(&table, &err));
}

TEST(table, types_that_would_change_a_value_are_refused)
{
    static const struct {
        const char *name, *type;
    } rows[] = {
        {"decimal_value", "Decimal(38, 18)"}, /* takes no NULL */
        {"decimal_value", "Nullable(DateTime64(3))"},
        {"timestamp", "DateTime"},
        {"timestamp", "DateTime64(3)"}, /* the server's zone is another */
        {"timestamp", "DateTime64(3, 'Europe/Berlin')"},
        {"kafka_offset", "String"},
        {"kafka_offset", "UInt32"},
        {"kafka_partition", "Int16"},
        {"version", "Int64"},
        {"timestamp", "DateTime64(2, 'UTC')"},
        {"timestamp", "Date"},
        {"properties", "JSON"},
        {"transaction_id", "UInt64"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ch_table table = with_column(rows[i].name, rows[i].type);
        struct err err;
        CHECK(!check(&table, &err) && err.code == ERR_TABLE_MISMATCH);
        CHECK(strstr(err.text, rows[i].name));
    }
    struct ch_table table = with_column("timestamp", "DateTime64(3)");
    struct err err;
    table.timezone = (char *)"UTC";
    CHECK(check(&table, &err));
}

TEST(table, engines_and_partitions_that_do_not_keep_blocks_whole_are_refused)
{
    static const char *const engines[] = {"Memory", "SummingMergeTree", "Distributed", "View"};
    static const char *const keys[] = {"toHour(timestamp)", "code", "toYYYYMM(created_at)",
                                       "(toYYYYMM(timestamp), code)"};
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(engines); i++) {
        struct ch_table table = good_table();
        table.engine = (char *)engines[i];
        CHECK(!check(&table, &err) && err.code == ERR_TABLE_MISMATCH);
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct ch_table table = good_table();
        table.partition_key = (char *)keys[i];
        CHECK(!check(&table, &err) && err.code == ERR_TABLE_MISMATCH);
    }
}

TEST(table, a_server_that_is_too_old_is_refused)
{
    static const struct {
        const char *version;
        bool good;
    } rows[] = {{"18.16.1", false}, {"23.7.6.111", false}, {"23.8.1.1", true}, {"23.12.1", true},
                {"26.7.2.1", true}, {"100.1.1.1", true},   {"", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ch_table table = good_table();
        struct err err;
        table.server_version = (char *)rows[i].version;
        CHECK(check(&table, &err) == rows[i].good);
        CHECK(rows[i].good || (err.code == ERR_CLICKHOUSE_REFUSED && strstr(err.text, "too old")));
    }
}

TEST(table, merges_must_not_take_different_events_for_one)
{
    struct ch_table table = good_table();
    struct err err;
    table.sorting_key = (char *)"organization_id, code, toDate(timestamp), lower(transaction_id)";
    CHECK(!check(&table, &err) && err.code == ERR_TABLE_MISMATCH);
    CHECK(strstr(err.text, "lacks transaction_id"));
    table.engine = (char *)"ReplicatedReplacingMergeTree";
    CHECK(!check(&table, &err));
    table.engine = (char *)"MergeTree";
    CHECK(check(&table, &err));
}

TEST(table, risks_are_said_one_a_line)
{
    struct ch_table table = good_table();
    struct buf out;
    size_t wanted_len;
    const struct ch_wanted *wanted = columns_wanted(&wanted_len);
    buf_init(&out, 4096);
    columns[0].computed = true; /* it is written: its default does not matter */
    ch_table_risks(&table, wanted, wanted_len, &out);
    CHECK(out.size == 0);

    add("day", "Date");
    columns[columns_len - 1].computed = true;
    table.columns_len = columns_len;
    table.server_version = (char *)"26.70.1.1";
    table.views = (char *)"default.hourly";
    table.constraints = (char *)"positive";
    table.deletes_by_ttl = true;
    table.engine = (char *)"ReplicatedMergeTree";
    ch_table_risks(&table, wanted, wanted_len, &out);
    static const char *const marks[] = {"26.70.1.1", "one replica", "default.hourly",
                                        "positive",  "TTL",         "day"};
    struct slice rest = buf_slice(&out);
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        const char *end = memchr(rest.data, '\n', rest.size);
        CHECK(end && memmem(rest.data, (size_t)(end - rest.data), marks[i], strlen(marks[i])));
        size_t size = (size_t)(end + 1 - rest.data);
        rest = (struct slice){rest.data + size, rest.size - size};
    }
    CHECK(rest.size == 0);
    buf_done(&out);
}

TEST(table, a_column_that_computes_itself_is_refused)
{
    struct ch_table table = good_table();
    struct err err;
    columns[0].default_kind = (char *)"DEFAULT";
    CHECK(check(&table, &err));
    columns[0].default_kind = (char *)"MATERIALIZED";
    CHECK(!check(&table, &err) && strstr(err.text, "MATERIALIZED"));
}

TEST(table, partition_keys_that_blocks_can_follow)
{
    static const struct {
        const char *key;
        enum ch_period period;
    } rows[] = {
        {"toYYYYMM(timestamp)", CH_PERIOD_MONTH},
        {"toYYYYMMDD(timestamp)", CH_PERIOD_DAY},
        {"toDate(timestamp)", CH_PERIOD_DAY},
        {"", CH_PERIOD_NONE},
        {"tuple()", CH_PERIOD_NONE},
        {"(toYYYYMM(timestamp))", CH_PERIOD_MONTH},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ch_table table = good_table();
        enum ch_period period;
        struct err err;
        table.partition_key = (char *)rows[i].key;
        CHECK(check(&table, &err));
        CHECK(ch_period_of(rows[i].key, &period) && period == rows[i].period);
    }
}

TEST(table, periods_are_civil_days_and_months_in_utc)
{
    static const struct {
        int64_t ms;
        uint32_t day;
    } rows[] = {
        {0, 19700101},
        {2678399999, 19700131},
        {2678400000, 19700201},
        {951782400000, 20000229},
        {951868799999, 20000229},
        {951868800000, 20000301},
        {1793491199999, 20261031},
        {1793491200000, 20261101},
        {1798761599999, 20261231},
        {1798761600000, 20270101},
        {4107542399999, 21000228}, /* no leap year */
        {4107542400000, 21000301},
        {5662310399999, 21490606},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CHECK(ch_period_at(CH_PERIOD_DAY, rows[i].ms) == rows[i].day);
        CHECK(ch_period_at(CH_PERIOD_MONTH, rows[i].ms) == rows[i].day / 100);
        CHECK(ch_period_at(CH_PERIOD_NONE, rows[i].ms) == 0);
    }
}
