/* Who was first: within a batch and after one, as far as memory can tell. What is looked up in
 * ClickHouse is tested with ClickHouse (tests/flow/test_duplicates.py).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/content.h"
#include "batch/known.h"
#include "tests/unit/check.h"

#define ORG_A "11111111-1111-4111-8111-111111111111"
#define ORG_B "22222222-2222-4222-8222-222222222222"

enum { INCARNATION = 2 };
static const int64_t now_ms = 1767225600000; /* long ago: the wall clock is ahead of it */

struct bench {
    struct settings settings;
    struct columns columns;
    struct known known;
    struct batch batch;
    struct arena texts;
    int64_t next_offset;
};

static void bench_init(struct bench *bench)
{
    static const uint8_t secret[SIPHASH_KEY_SIZE] = "0123456789abcde";
    struct ch_column columns[] = {{.name = (char *)"kafka_offset", .type_text = (char *)"UInt64"}};
    struct ch_table table = {.partition_key = (char *)"toYYYYMM(timestamp)",
                             .sorting_key = (char *)"",
                             .columns = columns,
                             .columns_len = ARRAY_LEN(columns)};
    struct err err;
    *bench = (struct bench){.next_offset = 10};
    settings_init(&bench->settings);
    CHECK(settings_set(&bench->settings, "dedup.directory", "", &err));
    CHECK(columns_plan(&table, &bench->columns, &err));
    known_open(&bench->known, &bench->settings, 1, INCARNATION, secret, 2,
               now_ms - bench->settings.dedup_window);
    bench->known.whole = true;
    batch_init(&bench->batch, 2, &bench->columns, &bench->known.key);
    arena_init(&bench->texts, 1 << 20);
}

static void bench_done(struct bench *bench)
{
    batch_done(&bench->batch);
    known_close(&bench->known);
    arena_done(&bench->texts);
    settings_done(&bench->settings);
}

static void add_bytes(struct bench *bench, struct slice value)
{
    struct slice copy = arena_copy(&bench->texts, value);
    const struct consumer_message message = {
        .partition = 1, .offset = bench->next_offset++, .timestamp_ms = now_ms, .value = copy};
    batch_add(&bench->batch, &message);
}

static void add(struct bench *bench, const char *organization, const char *transaction,
                const char *value)
{
    char text[1024];
    int size = snprintf(text, sizeof text,
                        "{\"organization_id\":\"%s\",\"transaction_id\":\"%s\","
                        "\"external_customer_id\":\"c\",\"code\":\"api\","
                        "\"timestamp\":\"2026-11-23T08:00:00.000Z\","
                        "\"ingested_at\":\"2026-11-23T08:00:01.000Z\","
                        "\"value\":\"%s\",\"properties\":{}}",
                        organization, transaction, value);
    add_bytes(bench, (struct slice){text, (size_t)size});
}

/* A letter for each row: s(tored), d(uplicate), c(onflict), x: another dead letter. */
static const char *decide(struct bench *bench)
{
    static char letters[64];
    struct err err;
    const struct known_stores none = {NULL, NULL, NULL};
    CHECK(known_decide(&bench->known, &bench->batch, &none, &err));
    for (size_t i = 0; i < bench->batch.rows_len; i++) {
        const struct fate *fate = &bench->batch.rows[i].fate;
        letters[i] = fate->kind == FATE_STORED                 ? 's'
                     : fate->kind == FATE_DUPLICATE            ? 'd'
                     : fate->reason == FATE_DUPLICATE_CONFLICT ? 'c'
                                                               : 'x';
    }
    letters[bench->batch.rows_len] = '\0';
    return letters;
}

TEST(known, the_first_of_a_batch_is_stored)
{
    struct bench bench;
    bench_init(&bench);
    add(&bench, ORG_A, "t1", "1");
    add(&bench, ORG_A, "t2", "1");
    add(&bench, ORG_A, "t1", "1.0");
    add(&bench, ORG_B, "t1", "1");
    add(&bench, ORG_A, "t1", "2");
    add(&bench, ORG_A, "t1", "1");
    CHECK(strcmp(decide(&bench), "ssdscd") == 0);
    for (size_t i = 0; i < bench.batch.rows_len; i++)
        if (bench.batch.rows[i].fate.kind != FATE_STORED)
            CHECK(bench.batch.rows[i].fate.first == stored_offset(INCARNATION, 10));
    CHECK(bench.known.seen.len == 3);
    bench_done(&bench);
}

TEST(known, what_is_no_event_has_no_identity)
{
    struct bench bench;
    bench_init(&bench);
    add_bytes(&bench, SLICE("{}"));
    add_bytes(&bench, SLICE("{}"));
    add(&bench, "no-organization", "t1", "1");
    add(&bench, ORG_A, "t1", "1");
    CHECK(strcmp(decide(&bench), "xxxs") == 0);
    CHECK(bench.known.seen.len == 1);
    bench_done(&bench);
}

TEST(known, only_what_is_stored_is_entered)
{
    struct bench bench;
    bool seen;
    bench_init(&bench);
    add(&bench, ORG_A, "t1", "1");
    bench.batch.rows[0].fate = (struct fate){.kind = FATE_DEAD, .reason = FATE_VALUE_UNSTORABLE};
    CHECK(strcmp(decide(&bench), "x") == 0);
    seen_check(&bench.known.seen, &bench.batch.rows[0].id, 1, &seen);
    CHECK(!seen && bench.known.seen.len == 0);
    /* Sent again by an operator it is stored, and only then known. */
    add(&bench, ORG_A, "t1", "1");
    CHECK(strcmp(decide(&bench), "xs") == 0);
    seen_check(&bench.known.seen, &bench.batch.rows[0].id, 1, &seen);
    CHECK(seen);
    bench_done(&bench);
}

TEST(known, a_rebuilt_batch_enters_what_was_pinned_as_stored)
{
    struct bench bench;
    bool seen;
    bench_init(&bench);
    add(&bench, ORG_A, "t1", "1");
    add(&bench, ORG_A, "t2", "1");
    bench.batch.rows[1].fate = (struct fate){.kind = FATE_DUPLICATE, .first = FATE_FIRST_UNKNOWN};
    known_enter(&bench.known, &bench.batch);
    seen_check(&bench.known.seen, &bench.batch.rows[0].id, 1, &seen);
    CHECK(seen);
    seen_check(&bench.known.seen, &bench.batch.rows[1].id, 1, &seen);
    CHECK(!seen && bench.known.clocks[1] == now_ms && bench.known.clocks[0] == 0);
    bench_done(&bench);
}

/* A broker whose clock is years ahead must not make everything old. */
TEST(known, no_id_is_of_the_future)
{
    struct bench bench;
    bench_init(&bench);
    add(&bench, ORG_A, "t1", "1");
    bench.batch.rows[0].message.timestamp_ms = INT64_C(4102444800000);
    add(&bench, ORG_A, "t2", "1");
    known_enter(&bench.known, &bench.batch);
    CHECK(bench.known.clocks[1] < INT64_C(4102444800000));
    CHECK(seen_from_ms(&bench.known.seen) <
          INT64_C(4102444800000) - 2 * bench.settings.dedup_window);
    bench_done(&bench);
}

/* The horizon follows the clock that lags most; a partition that is done does not hold it. */
TEST(known, the_horizon_waits_for_partitions_that_lag)
{
    struct bench bench;
    bench_init(&bench);
    int64_t window_ms = bench.settings.dedup_window, step_ms = bench.known.seen.step_ms;
    bench.known.clocks[0] = now_ms + 10 * step_ms;
    bench.known.clocks[1] = now_ms + 30 * step_ms;
    known_advance(&bench.known, (bool[]){false, false}, now_ms + 60 * step_ms);
    CHECK(seen_from_ms(&bench.known.seen) <= now_ms + 10 * step_ms - window_ms);
    known_advance(&bench.known, (bool[]){true, false}, now_ms + 60 * step_ms);
    CHECK(seen_from_ms(&bench.known.seen) <= now_ms + 30 * step_ms - window_ms);
    CHECK(seen_from_ms(&bench.known.seen) > now_ms + 28 * step_ms - window_ms);
    /* A broker whose clock is ahead of ours does not move it either. */
    bench.known.clocks[1] = now_ms + 300 * step_ms;
    known_advance(&bench.known, (bool[]){false, false}, now_ms + 60 * step_ms);
    CHECK(seen_from_ms(&bench.known.seen) <= now_ms + 60 * step_ms - window_ms);
    bench_done(&bench);
}

static struct record record_of(const char *value, int64_t timestamp_ms, int64_t ingested_ms)
{
    return (struct record){.code = SLICE("api"),
                           .external_customer_id = SLICE("c"),
                           .external_subscription_id = SLICE("s"),
                           .properties = SLICE("{\"a\":1}"),
                           .value = slice_from(value),
                           .timestamp_ms = timestamp_ms,
                           .ingested_ms = ingested_ms};
}

TEST(content, values_are_compared_by_their_worth)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"12.50", "12.5", true},
        {"1", "1.000", true},
        {"-0.5", "-0.50", true},
        {"", "", true},
        {"", "0", false},
        {"1", "", false},
        {"1", "-1", false},
        {"0.1", "0.10000000000000001", false},
        {"99999999999999999999.999999999999999999", "99999999999999999999.999999999999999998",
         false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct record a = record_of(rows[i].a, 5, 9), b = record_of(rows[i].b, 5, 10);
        CHECK(content_equal(&a, &b, CONTENT_WHOLE) == rows[i].equal);
        CHECK(content_equal(&b, &a, CONTENT_WHOLE) == rows[i].equal);
    }
}

TEST(content, a_time_of_receipt_is_no_time_of_the_event)
{
    struct record own = record_of("1", 5, 9), other = record_of("1", 6, 9);
    struct record timeless = record_of("1", 7, 7), again = record_of("1", 8, 8);
    CHECK(!content_equal(&own, &other, CONTENT_WHOLE));
    CHECK(content_equal(&timeless, &again, CONTENT_WHOLE));
    CHECK(!content_equal(&timeless, &own, CONTENT_WHOLE));
}

TEST(content, every_field_counts)
{
    struct record a = record_of("1", 5, 9), b = a;
    b.code = SLICE("apis");
    CHECK(!content_equal(&b, &a, CONTENT_WHOLE));
    b = a;
    b.external_customer_id = SLICE("d");
    CHECK(!content_equal(&b, &a, CONTENT_WHOLE));
    b = a;
    b.properties = SLICE("{\"a\":2}");
    CHECK(!content_equal(&b, &a, CONTENT_WHOLE));
    b = a;
    b.external_subscription_id = SLICE("");
    CHECK(!content_equal(&b, &a, CONTENT_WHOLE));
    CHECK(content_equal(&b, &a, CONTENT_WITHOUT_SUBSCRIPTION));
}

TEST(duplicates, are_counted_by_organization_and_day)
{
    static const int64_t day_ms = 86400000;
    static const struct {
        const char *organization;
        int64_t at_ms;
    } rows[] = {{ORG_B, 0}, {ORG_A, 1}, {ORG_A, 2}, {ORG_B, day_ms}, {ORG_A, 3}, {ORG_B, 5}};
    struct duplicates duplicates = {.len = 0};
    struct pg_columns columns;
    struct arena arena;
    struct err err;
    arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row row = {.record = {.organization_id = slice_from(rows[i].organization)},
                                .message = {.timestamp_ms = rows[i].at_ms}};
        CHECK(duplicates_add(&duplicates, &row, &arena, &err));
    }
    duplicates_columns(&duplicates, &columns);
    for (size_t i = 0; i < 3; i++)
        pg_array_end(&columns.arrays[i]);
    CHECK(strcmp(buf_text(&columns.arrays[0]), "{\"" ORG_A "\",\"" ORG_B "\",\"" ORG_B "\"}") == 0);
    CHECK(strcmp(buf_text(&columns.arrays[1]), "{\"0\",\"0\",\"1\"}") == 0);
    CHECK(strcmp(buf_text(&columns.arrays[2]), "{\"3\",\"2\",\"1\"}") == 0);
    pg_columns_done(&columns);
    duplicates_done(&duplicates);
    arena_done(&arena);
}
