/* What a broker's answer proves about the log. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/anchor.h"
#include "tests/unit/check.h"
#include <stddef.h>
#include <string.h>

enum { RECORDS = 40, ROUNDS = 20000 };

static uint64_t seed = 1;

static int64_t below(int64_t limit)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)(seed >> 33) % limit;
}

/* A log: when each of its records was appended. */
struct log {
    int64_t at[RECORDS];
    int64_t len;
};

/* Appended one after the other from `now_ms` on, many of them at the same time. */
static void append(struct log *log, int64_t len, int64_t *now_ms)
{
    while (log->len < len) {
        log->at[log->len++] = *now_ms;
        *now_ms += below(3) == 0 ? below(5) : 0;
    }
}

/* As Kafka answers: the first record of the time or later. */
static int64_t answer(const struct log *log, int64_t low, int64_t timestamp_ms)
{
    for (int64_t i = low; i < log->len; i++)
        if (log->at[i] >= timestamp_ms)
            return i;
    return -1;
}

static struct consumer_message record(const struct log *log, int64_t offset, const char *value)
{
    return (struct consumer_message){
        .offset = offset, .timestamp_ms = log->at[offset], .value = {value, strlen(value)}};
}

static struct anchor anchor_at(const struct log *log, int64_t offset)
{
    struct anchor anchor = {0};
    uint8_t digest[DIGEST_SHA256_SIZE];
    digest_sha256(SLICE("old"), digest);
    anchor_set(&anchor, offset, digest, log->at[offset]);
    return anchor;
}

static void take(struct anchor *anchor, const struct log *log, int64_t from, int64_t to)
{
    for (int64_t i = from; i <= to; i++) {
        struct consumer_message message = record(log, i, "old");
        anchor_take(anchor, &message);
    }
}

TEST(anchor, is_proven_by_the_log_that_was_read)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct log log = {.len = 0};
        int64_t now_ms = 1000, read = 2 + below(RECORDS - 2), done = below(read - 1);
        append(&log, read, &now_ms);
        struct anchor anchor = anchor_at(&log, done);
        take(&anchor, &log, done + 1, read - 1);
        append(&log, read + below(RECORDS - read + 1), &now_ms);
        int64_t low =
            below(done + 2); /* retention may have taken the anchor, and nothing behind it */
        CHECK(anchor_proven(&anchor, answer(&log, low, anchor.timestamp_ms + 1)));
    }
}

TEST(anchor, is_not_proven_by_a_log_that_was_made_anew)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct log old = {.len = 0}, new = {.len = 0};
        int64_t now_ms = 1000, read = 2 + below(RECORDS - 2), done = below(read - 1);
        int64_t seam =
            done + 1 + below(read - done); /* the first one that was read of the new log */
        append(&old, read, &now_ms);
        now_ms += 1 + below(2) * below(100);
        append(&new, seam + 1 + below(RECORDS - seam), &now_ms);
        struct anchor anchor = anchor_at(&old, done);
        take(&anchor, &old, done + 1, seam - 1);
        take(&anchor, &new, seam, new.len - 1);
        CHECK(!anchor_proven(&anchor, answer(&new, 0, anchor.timestamp_ms + 1)));
    }
}

TEST(anchor, is_not_proven_by_an_empty_log_unless_all_records_are_of_one_moment)
{
    const struct log log = {.at = {5, 5, 5, 6}, .len = 4};
    struct anchor anchor = anchor_at(&log, 0);
    take(&anchor, &log, 1, 2);
    CHECK(anchor_proven(&anchor, -1) && anchor_proven(&anchor, 3));
    CHECK(!anchor_proven(&anchor, 0) && !anchor_proven(&anchor, 2));
    take(&anchor, &log, 3, 3);
    CHECK(!anchor_proven(&anchor, -1) && !anchor_proven(&anchor, 4));
    CHECK(anchor_proven(&anchor, 3));
}

TEST(anchor, is_not_proven_when_a_clock_went_back)
{
    const struct log log = {.at = {5, 6, 4, 7}, .len = 4};
    struct anchor anchor = anchor_at(&log, 0);
    take(&anchor, &log, 1, 1);
    CHECK(anchor_proven(&anchor, 1));
    take(&anchor, &log, 2, 3);
    CHECK(!anchor_proven(&anchor, 1));
}

/* A transaction's end is appended as well, and never handed out. */
TEST(anchor, is_proven_by_a_record_that_nobody_reads)
{
    const struct log log = {.at = {5, 6, 7}, .len = 3};
    struct anchor anchor = anchor_at(&log, 0);
    take(&anchor, &log, 2, 2);
    CHECK(anchor_proven(&anchor, 1) && anchor_proven(&anchor, 2));
}

TEST(anchor, is_the_first_record_where_nothing_was_done_before)
{
    const struct log old = {.at = {5, 5, 9}, .len = 3}, new = {.at = {10, 10, 10, 11}, .len = 4};
    struct anchor anchor = {0};
    CHECK(!anchor_in_use(&anchor));
    take(&anchor, &old, 0, 0);
    CHECK(anchor_in_use(&anchor) && anchor.offset == 0);
    take(&anchor, &old, 1, 2);
    CHECK(anchor_proven(&anchor, answer(&old, 0, anchor.timestamp_ms + 1)));
    take(&anchor, &new, 3, 3);
    CHECK(!anchor_proven(&anchor, answer(&new, 0, anchor.timestamp_ms + 1)));
    struct consumer_message first = record(&old, 0, "old");
    CHECK(anchor_difference(&anchor, &first) == NULL);
}

TEST(anchor, is_not_in_use_until_something_was_taken)
{
    const struct log log = {.at = {5, 6}, .len = 2};
    struct anchor anchor = anchor_at(&log, 0);
    CHECK(!anchor_in_use(&anchor));
    take(&anchor, &log, 1, 1);
    CHECK(anchor_in_use(&anchor));
    anchor_set(&anchor, 1, anchor.digest, 6);
    CHECK(!anchor_in_use(&anchor));
}

TEST(anchor, differs_in_place_value_or_time)
{
    const struct log log = {.at = {5, 5, 7}, .len = 3};
    struct anchor anchor = anchor_at(&log, 1);
    struct consumer_message same = record(&log, 1, "old"), behind = record(&log, 2, "old"),
                            other = record(&log, 1, "new"), later = same;
    later.timestamp_ms++;
    CHECK(anchor_difference(&anchor, &same) == NULL);
    CHECK(anchor_difference(&anchor, &behind) && anchor_difference(&anchor, &other) &&
          anchor_difference(&anchor, &later));
}
