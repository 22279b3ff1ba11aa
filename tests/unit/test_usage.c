/* Usage totals. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/usage.h"
#include "clickhouse/fixed.h"
#include "tests/unit/check.h"

enum { HOUR_MS = 3600000 };

static struct slice org_a = {"11111111-1111-4111-8111-111111111111", 36};
static struct slice org_b = {"22222222-2222-4222-8222-222222222222", 36};

static bool add(struct usage *usage, struct slice org, const char *customer, const char *code,
                int64_t at_ms, const char *value, struct err *err)
{
    const struct record record = {.organization_id = org,
                                  .external_customer_id = slice_from(customer),
                                  .code = slice_from(code),
                                  .timestamp_ms = at_ms,
                                  .value = slice_from(value)};
    return usage_add(usage, &record, err);
}

/* The six columns, joined by blanks; owned by the caller. */
static char *columns_text(struct usage *usage)
{
    struct pg_columns columns;
    struct buf all;
    buf_init(&all, 1 << 20);
    usage_columns(usage, &columns);
    for (size_t i = 0; i < columns.len; i++) {
        pg_array_end(&columns.arrays[i]);
        buf_printf(&all, "%s%s", i > 0 ? " " : "", buf_text(&columns.arrays[i]));
    }
    pg_columns_done(&columns);
    char *text = xstrdup(buf_text(&all));
    buf_done(&all);
    return text;
}

TEST(usage, adds_up_by_key_and_hour)
{
    struct usage usage;
    struct err err;
    usage_init(&usage, 1 << 20);
    CHECK(add(&usage, org_b, "c", "k", 0, "1.5", &err));
    CHECK(add(&usage, org_a, "c", "k", HOUR_MS - 1, "0.1", &err));
    CHECK(add(&usage, org_a, "c", "k", 0, "0.2", &err));
    CHECK(add(&usage, org_a, "c", "k", HOUR_MS, "-7", &err));
    CHECK(add(&usage, org_a, "c", "j", 0, NULL, &err));
    CHECK(add(&usage, org_a, "b,\"", "k", 0, "", &err));
    char *text = columns_text(&usage);
    CHECK(strcmp(text, "{\"11111111-1111-4111-8111-111111111111\","
                       "\"11111111-1111-4111-8111-111111111111\","
                       "\"11111111-1111-4111-8111-111111111111\","
                       "\"11111111-1111-4111-8111-111111111111\","
                       "\"22222222-2222-4222-8222-222222222222\"}"
                       " {\"b,\\\"\",\"c\",\"c\",\"c\",\"c\"}"
                       " {\"k\",\"j\",\"k\",\"k\",\"k\"}"
                       " {\"0\",\"0\",\"0\",\"1\",\"0\"}"
                       " {\"1\",\"1\",\"2\",\"1\",\"1\"}"
                       " {\"0.000000000000000000\",\"0.000000000000000000\","
                       "\"0.300000000000000000\",\"-7.000000000000000000\","
                       "\"1.500000000000000000\"}") == 0);
    mem_freep(&text);
    usage_done(&usage);
}

TEST(usage, key_texts_do_not_run_together)
{
    struct usage usage;
    struct err err;
    usage_init(&usage, 1 << 20);
    CHECK(add(&usage, org_a, "ab", "c", 0, "1", &err));
    CHECK(add(&usage, org_a, "a", "bc", 0, "1", &err));
    CHECK(usage.entries_len == 2);
    usage_done(&usage);
}

TEST(usage, many_keys_are_told_apart_and_reset)
{
    enum { KEYS = 5000 };
    struct usage usage;
    struct err err;
    usage_init(&usage, 1 << 24);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3 * KEYS; i++) {
            char customer[16];
            snprintf(customer, sizeof customer, "c%d", i % KEYS);
            CHECK(add(&usage, org_a, customer, "k", 0, "1", &err));
        }
        CHECK(usage.entries_len == KEYS);
        for (size_t i = 0; i < usage.entries_len; i++)
            CHECK(usage.entries[i].events == 3);
        usage_reset(&usage);
        CHECK(usage.entries_len == 0);
    }
    usage_done(&usage);
}

TEST(usage, sums_beyond_128_bits_stay_exact)
{
    struct usage_sum sum = {0};
    char text[USAGE_SUM_SIZE];
    __int128 largest;
    struct err err;
    CHECK(fixed_parse(SLICE("99999999999999999999.999999999999999999"), 38, 18, &largest, &err));
    for (int i = 0; i < 1000; i++)
        usage_sum_add(&sum, largest);
    usage_sum_format(&sum, text);
    CHECK(strcmp(text, "99999999999999999999999.999999999999999000") == 0);
    for (int i = 0; i < 2000; i++)
        usage_sum_add(&sum, -largest);
    usage_sum_format(&sum, text);
    CHECK(strcmp(text, "-99999999999999999999999.999999999999999000") == 0);
}

TEST(usage, sums_carry_between_their_parts)
{
    const struct {
        const char *values[4];
        const char *want;
    } rows[] = {
        {{"0.5", "0.5"}, "1.000000000000000000"},
        {{"-0.5", "-0.5"}, "-1.000000000000000000"},
        {{"2", "-0.000000000000000001"}, "1.999999999999999999"},
        {{"-2", "0.000000000000000001"}, "-1.999999999999999999"},
        {{"1", "-1.25"}, "-0.250000000000000000"},
        {{"-1", "1.25"}, "0.250000000000000000"},
        {{"1.7", "-1.7"}, "0.000000000000000000"},
        {{NULL}, "0.000000000000000000"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct usage_sum sum = {0};
        char text[USAGE_SUM_SIZE];
        for (size_t j = 0; rows[i].values[j]; j++) {
            __int128 value;
            struct err err;
            CHECK(fixed_parse(slice_from(rows[i].values[j]), 38, 18, &value, &err));
            usage_sum_add(&sum, value);
        }
        usage_sum_format(&sum, text);
        CHECK(strcmp(text, rows[i].want) == 0);
    }
}

TEST(usage, refuses_values_it_cannot_keep_and_counts_nothing)
{
    struct usage usage;
    struct err err;
    usage_init(&usage, 1 << 20);
    CHECK(!add(&usage, org_a, "c", "k", 0, "1e3", &err) && err.code == ERR_VALUE_INVALID);
    CHECK(!add(&usage, org_a, "c", "k", 0, "0.0000000000000000001", &err) &&
          err.code == ERR_VALUE_OUT_OF_RANGE);
    CHECK(usage.entries_len == 0);
    usage_done(&usage);

    usage_init(&usage, 64);
    CHECK(!add(&usage, org_a, "a customer whose name is longer than the cap of this test is", "k",
               0, "1", &err) &&
          err.code == ERR_OVERLOADED);
    usage_done(&usage);
}
