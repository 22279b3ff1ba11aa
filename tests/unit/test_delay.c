/* server/delay: when a queue is one that stays, and what is refused then.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/delay.h"
#include "tests/unit/check.h"

#define MS INT64_C(1000)

enum { TARGET_US = 10000, HELD_US = 2000 };

static const int64_t start_us = 12345678 * MS;

/* Requests that come each millisecond of [from, to) and wait so long; how many are refused. */
static int refused(struct delay *delay, int from_ms, int to_ms, int64_t waited_us)
{
    int n = 0;
    for (int ms = from_ms; ms < to_ms; ms++)
        n += delay_refuses(delay, waited_us, TARGET_US, HELD_US, start_us + ms * MS);
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
        CHECK(!delay_refuses(&delay, 2 * target_us, target_us, HELD_US, start_us + ms * MS));
    CHECK(delay_refuses(&delay, 2 * target_us, target_us, HELD_US, start_us + 1000 * MS));
}

/* Where it was let in by the target, it would wait the target. */
TEST(delay, while_it_stays_it_is_held_to_much_less_than_the_target)
{
    struct delay delay = {0};
    CHECK(delay_limit(&delay, TARGET_US, HELD_US) == TARGET_US);
    (void)refused(&delay, 0, 101, 10 * TARGET_US);
    CHECK(delay_limit(&delay, TARGET_US, HELD_US) == HELD_US);
    CHECK(refused(&delay, 101, 150, HELD_US) == 0);
    CHECK(refused(&delay, 150, 160, HELD_US + 1) == 10);
}

TEST(delay, what_it_is_held_to_leaves_room_for_what_requests_wait_without_a_queue)
{
    CHECK(delay_held(100 * MS, 0) == 4 * MS);
    CHECK(delay_held(100 * MS, 1 * MS) == 8 * MS);
    CHECK(delay_held(100 * MS, 30 * MS) == 100 * MS);
}

TEST(delay, it_is_over_when_few_were_refused_in_an_interval)
{
    struct delay delay = {0};
    (void)refused(&delay, 0, 101, 10 * TARGET_US);
    CHECK(refused(&delay, 101, 189, HELD_US) == 0);
    CHECK(refused(&delay, 189, 199, TARGET_US) == 10); /* and the first one: 11 of 99 */
    CHECK(refused(&delay, 200, 291, HELD_US) == 0);
    CHECK(refused(&delay, 291, 300, TARGET_US) == 9); /* of 100 */
    CHECK(refused(&delay, 300, 400, 10 * TARGET_US) == 0);
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

TEST(delay, the_least_wait_is_that_of_this_interval_or_the_one_before)
{
    struct delay_seen seen = {0};
    CHECK(delay_least(&seen) == 0);
    delay_tell(&seen, 5 * MS, start_us);
    CHECK(delay_least(&seen) == 5 * MS);
    delay_tell(&seen, 3 * MS, start_us + 1);
    delay_tell(&seen, 9 * MS, start_us + 2);
    CHECK(delay_least(&seen) == 3 * MS);
    delay_tell(&seen, 8 * MS, start_us + DELAY_LEAST_US);
    CHECK(delay_least(&seen) == 3 * MS);
    delay_tell(&seen, 9 * MS, start_us + 2 * DELAY_LEAST_US);
    CHECK(delay_least(&seen) == 8 * MS);
}
