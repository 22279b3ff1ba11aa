/* server/delay: when a queue is one that stays, and what is refused then.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/delay.h"
#include "tests/unit/check.h"

#define MS INT64_C(1000)

enum { TARGET_US = 10000 };

static const int64_t start_us = 12345678 * MS;

/* Requests that come each millisecond of [from, to) and wait so long; how many are refused. */
static int refused(struct delay *delay, int from_ms, int to_ms, int64_t waited_us)
{
    int n = 0;
    for (int ms = from_ms; ms < to_ms; ms++)
        n += delay_refuses(delay, waited_us, TARGET_US, start_us + ms * MS);
    return n;
}

TEST(delay, a_wait_up_to_the_target_is_never_refused)
{
    struct delay delay = {0};
    CHECK(refused(&delay, 0, 10000, TARGET_US) == 0);
}

TEST(delay, a_queue_that_comes_and_goes_is_never_refused)
{
    struct delay delay = {0};
    for (int ms = 0; ms < 10000; ms += 100) {
        CHECK(refused(&delay, ms, ms + 50, 10 * TARGET_US) == 0);
        CHECK(refused(&delay, ms + 50, ms + 100, 0) == 0);
    }
}

TEST(delay, a_queue_that_is_gone_for_a_moment_stays_all_the_same)
{
    struct delay delay = {0};
    for (int ms = 0; ms < 200; ms += 10) {
        (void)refused(&delay, ms, ms + 9, 10 * TARGET_US);
        CHECK(refused(&delay, ms + 9, ms + 10, 0) == 0);
    }
    CHECK(refused(&delay, 200, 210, 10 * TARGET_US) == 10);
}

TEST(delay, a_queue_that_stays_is_refused_from_the_end_of_the_interval)
{
    struct delay delay = {0};
    CHECK(refused(&delay, 0, 100, TARGET_US + 1) == 0);
    CHECK(refused(&delay, 100, 200, TARGET_US + 1) == 100);
}

/* A broker that pauses for less than ten times the target makes nobody send again. */
TEST(delay, a_longer_target_gives_a_queue_more_time_to_go)
{
    struct delay delay = {0};
    const int64_t target_us = 100 * MS;
    for (int ms = 0; ms < 1000; ms++)
        CHECK(!delay_refuses(&delay, 2 * target_us, target_us, start_us + ms * MS));
    CHECK(delay_refuses(&delay, 2 * target_us, target_us, start_us + 1000 * MS));
}

TEST(delay, while_it_stays_those_that_wait_little_are_taken_and_the_next_long_wait_is_refused)
{
    struct delay delay = {0};
    (void)refused(&delay, 0, 200, 10 * TARGET_US);
    CHECK(refused(&delay, 200, 250, TARGET_US) == 0);
    CHECK(refused(&delay, 250, 260, 10 * TARGET_US) == 10);
}

TEST(delay, it_is_over_when_nobody_waited_too_long_for_an_interval)
{
    struct delay delay = {0};
    (void)refused(&delay, 0, 200, 10 * TARGET_US);
    CHECK(refused(&delay, 200, 301, TARGET_US) == 0);
    CHECK(refused(&delay, 301, 400, 10 * TARGET_US) == 0);
    CHECK(refused(&delay, 400, 401, 10 * TARGET_US) == 1);
}

TEST(delay, what_was_before_a_pause_does_not_count)
{
    struct delay delay = {0};
    (void)refused(&delay, 0, 200, 10 * TARGET_US);
    CHECK(refused(&delay, 301, 401, 10 * TARGET_US) == 0);
    CHECK(refused(&delay, 401, 402, 10 * TARGET_US) == 1);
}

/* As when a turn of the loop takes long. */
TEST(delay, a_time_when_nobody_could_be_looked_at_is_no_pause)
{
    struct delay delay = {0};
    CHECK(refused(&delay, 0, 1, 300 * MS) == 0);
    CHECK(refused(&delay, 300, 301, 300 * MS) == 1);
}

TEST(delay, the_last_wait_is_known_for_an_interval)
{
    struct delay_seen seen = {0};
    CHECK(delay_last(&seen, start_us) == 0);
    delay_tell(&seen, 5 * MS, start_us);
    delay_tell(&seen, 7 * MS, start_us);
    CHECK(delay_last(&seen, start_us) == 7 * MS);
    CHECK(delay_last(&seen, start_us + DELAY_RECENT_US) == 7 * MS);
    CHECK(delay_last(&seen, start_us + DELAY_RECENT_US + 1) == 0);
}
