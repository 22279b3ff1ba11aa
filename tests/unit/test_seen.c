/* The table of ids: what it holds, what it drops and when, and what it costs in memory.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/mem.h"
#include "dedup/seen_load.h"
#include "tests/unit/check.h"

enum {
    WINDOW_MS = 200000, /* a tag is a second */
    STEP_MS = 1000,
    MEMORY = 64 << 20,
};

/* As random as a hash, and another for each number. */
static struct seen_id id_of(uint64_t number)
{
    uint64_t x = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (struct seen_id){.stored = x,
                            .place = (uint16_t)(x * UINT64_C(0xd6e8feb86659fd93) >> 40)};
}

static bool has(const struct seen *seen, struct seen_id id)
{
    bool known;
    seen_check(seen, &id, 1, &known);
    return known;
}

static void add(struct seen *seen, struct seen_id id, int64_t appended_ms)
{
    seen_add(seen, &id, 1, appended_ms);
}

/* Adds the ids of the numbers [from, to). */
static void add_range(struct seen *seen, uint64_t from, uint64_t to, int64_t appended_ms)
{
    for (; from < to; from++)
        add(seen, id_of(from), appended_ms);
}

static uint64_t count_known(const struct seen *seen, uint64_t from, uint64_t to)
{
    uint64_t known = 0;
    for (; from < to; from++)
        known += has(seen, id_of(from));
    return known;
}

TEST(seen, knows_what_was_added_and_nothing_else)
{
    struct seen seen;
    seen_init(&seen, WINDOW_MS, MEMORY, 0);
    CHECK(!has(&seen, id_of(0)));
    add_range(&seen, 0, 500000, 5000);
    CHECK(count_known(&seen, 0, 500000) == 500000);
    CHECK(count_known(&seen, 500000, 1000000) == 0);
    CHECK(seen.len == 500000);
    add_range(&seen, 0, 1000, 5000);
    CHECK(seen.len == 500000);
    seen_done(&seen);
}

TEST(seen, answers_a_batch_as_it_answers_one_by_one)
{
    enum { LEN = 5000 };
    static struct seen_id ids[LEN];
    static bool known[LEN];
    struct seen seen;
    seen_init(&seen, WINDOW_MS, MEMORY, 0);
    for (size_t i = 0; i < LEN; i++)
        ids[i] = id_of(i * 2);
    seen_add(&seen, ids, LEN, 0);
    for (size_t len = 0; len < 40; len++) {
        for (size_t i = 0; i < len; i++)
            ids[i] = id_of(i);
        seen_check(&seen, ids, len, known);
        for (size_t i = 0; i < len; i++)
            CHECK(known[i] == (i % 2 == 0));
    }
    seen_done(&seen);
}

/* Neighbours, the smallest and the largest value there is: as a hash may give them. */
TEST(seen, holds_values_at_both_ends)
{
    struct seen seen;
    seen_init(&seen, WINDOW_MS, MEMORY, 0);
    for (uint64_t i = 0; i < 25; i++) {
        add(&seen, (struct seen_id){.stored = 25 - i, .place = 7}, 0);
        add(&seen, (struct seen_id){.stored = UINT64_MAX - i, .place = 7}, 0);
    }
    for (uint64_t i = 0; i < 25; i++) {
        CHECK(has(&seen, (struct seen_id){.stored = i + 1, .place = 7}));
        CHECK(has(&seen, (struct seen_id){.stored = UINT64_MAX - i, .place = 7}));
        CHECK(!has(&seen, (struct seen_id){.stored = i + 1, .place = 8}));
    }
    CHECK(!has(&seen, (struct seen_id){.stored = 26, .place = 7}));
    seen_done(&seen);
}

TEST(seen, tells_apart_what_only_the_place_tells_apart)
{
    struct seen seen;
    seen_init(&seen, WINDOW_MS, MEMORY, 0);
    add(&seen, (struct seen_id){.stored = 42, .place = 1}, 0);
    CHECK(has(&seen, (struct seen_id){.stored = 42, .place = 1}));
    CHECK(!has(&seen, (struct seen_id){.stored = 42, .place = 2}));
    seen_done(&seen);
}

TEST(seen, drops_what_is_no_longer_wanted_and_only_that)
{
    struct seen seen;
    seen_init(&seen, WINDOW_MS, MEMORY, 0);
    for (int64_t second = 0; second < 100; second++)
        add_range(&seen, (uint64_t)second * 1000, (uint64_t)second * 1000 + 1000, second * STEP_MS);
    seen_advance(&seen, 50 * STEP_MS);
    CHECK(seen_from_ms(&seen) == 50 * STEP_MS);
    CHECK(count_known(&seen, 50000, 100000) == 50000);
    /* A pass takes some calls; none of them does much. */
    for (int i = 0; i < SEEN_SHARDS; i++)
        seen_advance(&seen, (int64_t)(50 * STEP_MS + i % 2));
    add(&seen, id_of(100000), 99 * STEP_MS);
    for (int i = 0; i < 200; i++)
        add(&seen, id_of(100000), 99 * STEP_MS);
    CHECK(count_known(&seen, 0, 50000) == 0);
    CHECK(count_known(&seen, 50000, 100001) == 50001);
    CHECK(seen.len == 50001);
    seen_done(&seen);
}

TEST(seen, does_not_take_what_is_too_old_already)
{
    struct seen seen;
    seen_init(&seen, WINDOW_MS, MEMORY, 100 * STEP_MS);
    add(&seen, id_of(1), 99 * STEP_MS);
    add(&seen, id_of(2), 100 * STEP_MS);
    CHECK(!has(&seen, id_of(1)) && has(&seen, id_of(2)));
    seen_advance(&seen, 0);
    CHECK(seen_from_ms(&seen) == 100 * STEP_MS);
    seen_done(&seen);
}

TEST(seen, keeps_the_later_time_of_an_id_that_comes_twice)
{
    struct seen seen;
    seen_init(&seen, WINDOW_MS, MEMORY, 0);
    add(&seen, id_of(1), 10 * STEP_MS);
    add(&seen, id_of(1), 90 * STEP_MS);
    add(&seen, id_of(2), 90 * STEP_MS);
    add(&seen, id_of(2), 10 * STEP_MS);
    add(&seen, id_of(3), 10 * STEP_MS);
    seen_advance(&seen, 50 * STEP_MS);
    for (int i = 0; i < 200; i++)
        add(&seen, id_of(4), 90 * STEP_MS);
    CHECK(has(&seen, id_of(1)) && has(&seen, id_of(2)) && !has(&seen, id_of(3)));
    seen_done(&seen);
}

/* A byte tells 256 times apart: nothing old may come back to life when they come round. */
TEST(seen, forgets_across_any_leap_of_time)
{
    static const int64_t leaps[] = {200, 254, 255, 256, 257, 300, 512, 1000000};
    for (size_t i = 0; i < ARRAY_LEN(leaps); i++) {
        struct seen seen;
        seen_init(&seen, WINDOW_MS, MEMORY, 0);
        add_range(&seen, 0, 100, 3 * STEP_MS);
        int64_t then = (3 + leaps[i]) * STEP_MS;
        add(&seen, id_of(100), then);
        seen_advance(&seen, then - WINDOW_MS + STEP_MS);
        for (int64_t second = 0; second < 600; second++)
            add(&seen, id_of(101), then + second / 10 * STEP_MS);
        seen_advance(&seen, then);
        for (int call = 0; call < 200; call++)
            add(&seen, id_of(101), then + 60 * STEP_MS);
        CHECK(count_known(&seen, 0, 100) == 0);
        CHECK(has(&seen, id_of(100)) && has(&seen, id_of(101)));
        seen_done(&seen);
    }
}

/* Windows go by for a long time, at a constant rate: what is wanted is there, and memory does not
 * grow. */
TEST(seen, is_steady_at_a_constant_rate)
{
    struct seen seen;
    uint64_t size = 0;
    const uint64_t rate = 2000; /* ids in a second */
    seen_init(&seen, WINDOW_MS, MEMORY, 0);
    for (int64_t second = 0; second < 900; second++) {
        for (uint64_t part = 0; part < rate; part += 40)
            add_range(&seen, (uint64_t)second * rate + part, (uint64_t)second * rate + part + 40,
                      second * STEP_MS);
        seen_advance(&seen, (second - 200) * STEP_MS);
        if (second == 450)
            size = seen.size;
        if (second % 150 == 149) {
            uint64_t from = second > 200 ? (uint64_t)(second - 200) * rate : 0;
            uint64_t to = (uint64_t)(second + 1) * rate;
            CHECK(count_known(&seen, from, to) == to - from);
        }
    }
    CHECK(seen.len <= rate * 230);
    CHECK(seen.size <= size + size / 50);
    seen_done(&seen);
}

TEST(seen, gives_memory_back)
{
    struct seen seen;
    seen_init(&seen, WINDOW_MS, MEMORY, 0);
    add_range(&seen, 0, 3000000, 0);
    uint64_t full = seen.size;
    seen_advance(&seen, 20 * STEP_MS);
    for (int i = 0; i < 200; i++)
        add(&seen, id_of(1), 20 * STEP_MS);
    CHECK(seen.len == 1 && seen.size < full * 6 / 10);
    seen_done(&seen);
}

TEST(seen, takes_at_most_twelve_bytes_an_id)
{
    struct seen seen;
    seen_init(&seen, WINDOW_MS, (uint64_t)1 << 30, 0);
    uint64_t len = 3000000;
    add_range(&seen, 0, len, 0);
    for (; len < 6000000; len += 250000) {
        CHECK(seen.size <= len * 12);
        add_range(&seen, len, len + 250000, 0);
    }
    seen_done(&seen);
}

TEST(seen, drops_the_oldest_rather_than_go_over_its_cap)
{
    struct seen seen;
    const uint64_t rate = 40000, seconds = 60; /* about twice what fits */
    seen_init(&seen, WINDOW_MS, SEEN_SIZE_MIN, 0);
    for (uint64_t second = 0; second < seconds; second++) {
        add_range(&seen, second * rate, (second + 1) * rate, (int64_t)second * STEP_MS);
        CHECK(seen.size <= SEEN_SIZE_MIN);
    }
    /* From when on it says that nothing is missing, nothing is. */
    uint64_t from = (uint64_t)(seen_from_ms(&seen) / STEP_MS);
    CHECK(from > 0 && from < seconds - 20);
    CHECK(count_known(&seen, from * rate, seconds * rate) == (seconds - from) * rate);
    seen_done(&seen);
}

TEST(seen_load, adds_what_it_gathered)
{
    struct seen seen;
    struct seen_load load;
    seen_init(&seen, INT64_C(48) * 3600000, MEMORY, 0);
    seen_load_init(&load, &seen, 2000000);
    for (uint64_t i = 0; i < 2000000; i++)
        seen_load_add(&load, id_of(i), (int64_t)i * 10);
    seen_load_done(&load);
    CHECK(seen.len == 2000000);
    CHECK(count_known(&seen, 0, 2000000) == 2000000);
    CHECK(count_known(&seen, 2000000, 2100000) == 0);
    /* None leaves before its time. */
    seen_advance(&seen, INT64_C(5) * 3600000);
    for (int i = 0; i < 200; i++)
        add(&seen, id_of(0), INT64_C(20000000));
    CHECK(count_known(&seen, 1800000, 2000000) == 200000);
    seen_done(&seen);
}

/* The same ids, in any order and however many at a time, make the same table as one by one. */
TEST(seen_load, is_as_adding_one_by_one)
{
    enum { IDS = 60000, SPREAD_MS = 300 * STEP_MS };
    static const uint64_t announced[] = {0, 40000000, 400000000};
    for (size_t turn = 0; turn < ARRAY_LEN(announced); turn++) {
        struct seen one_by_one, loaded;
        struct seen_load load;
        seen_init(&one_by_one, WINDOW_MS, MEMORY, 50 * STEP_MS);
        seen_init(&loaded, WINDOW_MS, MEMORY, 50 * STEP_MS);
        seen_load_init(&load, &loaded, announced[turn]);
        for (uint64_t i = 0; i < 2 * IDS; i++) {
            uint64_t number = i * 7919 % IDS; /* each twice, at two times */
            int64_t at_ms = (int64_t)(i * 104729 % SPREAD_MS);
            add(&one_by_one, id_of(number), at_ms);
            seen_load_add(&load, id_of(number), at_ms);
            if (i % 50000 == 0)
                seen_load_flush(&load);
        }
        seen_load_flush(&load);
        seen_load_done(&load);
        for (int64_t from = 50; from < 300; from += 25) {
            seen_advance(&one_by_one, from * STEP_MS);
            seen_advance(&loaded, from * STEP_MS);
            for (int i = 0; i < SEEN_SHARDS; i++) { /* until all that is old has left */
                seen_add(&one_by_one, NULL, 0, from * STEP_MS);
                seen_add(&loaded, NULL, 0, from * STEP_MS);
            }
            CHECK(one_by_one.len == loaded.len);
            CHECK(seen_from_ms(&one_by_one) == seen_from_ms(&loaded));
            for (uint64_t i = 0; i < IDS; i++)
                CHECK(has(&one_by_one, id_of(i)) == has(&loaded, id_of(i)));
        }
        seen_done(&one_by_one);
        seen_done(&loaded);
    }
}

TEST(seen_load, keeps_to_the_cap)
{
    struct seen seen;
    struct seen_load load;
    const uint64_t rate = 40000, seconds = 60; /* about twice what fits */
    seen_init(&seen, WINDOW_MS, SEEN_SIZE_MIN, 0);
    seen_load_init(&load, &seen, rate * seconds);
    for (uint64_t i = 0; i < rate * seconds; i++)
        seen_load_add(&load, id_of(i), (int64_t)(i / rate) * STEP_MS);
    seen_load_done(&load);
    CHECK(seen.size <= SEEN_SIZE_MIN);
    uint64_t from = (uint64_t)(seen_from_ms(&seen) / STEP_MS);
    CHECK(from > 0 && from < seconds - 20);
    CHECK(count_known(&seen, from * rate, seconds * rate) == (seconds - from) * rate);
    seen_done(&seen);
}

TEST(run, sorts_what_is_wanted_and_merges)
{
    struct run run = {.len = 0}, fresh = {.len = 0};
    const uint64_t a[] = {UINT64_MAX, 7, UINT64_C(1) << 63, 9, 8, 7};
    const uint8_t tags_a[] = {1, 250, 3, 240, 0, 2}; /* 3 is the newest, 240 lies 19 before it */
    run_sort(&run, a, tags_a, 6, 3, 9);
    CHECK(run.len == 5 && run.ids[0] == 7 && run.ids[1] == 7 && run.ids[2] == 8);
    CHECK(run.ids[3] == UINT64_C(1) << 63 && run.tags[3] == 3 && run.ids[4] == UINT64_MAX);
    const uint64_t b[] = {8, 1, 7};
    const uint8_t tags_b[] = {255, 1, 251};
    run_sort(&fresh, b, tags_b, 3, 3, 255);
    run_merge(&run, &fresh, 3);
    CHECK(run.len == 5 && run.ids[0] == 1 && run.tags[0] == 1);
    CHECK(run.ids[1] == 7 && run.tags[1] == 2); /* the latest of three */
    CHECK(run.ids[2] == 8 && run.tags[2] == 0);
    run_sort(&fresh, a, tags_a, 0, 3, 255);
    run_merge(&run, &fresh, 3);
    CHECK(run.len == 5);
    run_done(&run);
    run_done(&fresh);
}
