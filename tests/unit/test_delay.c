/* server/delay: when a queue is one that stays, and what is refused then.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/delay.h"
#include "tests/unit/check.h"

#define MS INT64_C(1000)

enum { TARGET_US = 20000 };

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
        CHECK(refused(&delay, ms, ms + 99, 10 * TARGET_US) == 0);
        CHECK(refused(&delay, ms + 99, ms + 100, 0) == 0);
    }
}

TEST(delay, a_queue_that_stays_is_refused_from_the_end_of_the_interval)
{
    struct delay delay = {0};
    CHECK(refused(&delay, 0, 100, TARGET_US + 1) == 0);
    CHECK(refused(&delay, 100, 200, TARGET_US + 1) == 100);
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
    CHECK(refused(&delay, 301, 401, 10 * TARGET_US) == 0);
    CHECK(refused(&delay, 401, 402, 10 * TARGET_US) == 1);
}

TEST(delay, what_was_before_a_pause_does_not_count)
{
    struct delay delay = {0};
    (void)refused(&delay, 0, 200, 10 * TARGET_US);
    CHECK(refused(&delay, 301, 401, 10 * TARGET_US) == 0);
    CHECK(refused(&delay, 401, 402, 10 * TARGET_US) == 1);
}

TEST(delay, the_last_wait_is_known_for_an_interval)
{
    struct delay_seen seen = {0};
    CHECK(delay_last(&seen, start_us) == 0);
    delay_tell(&seen, 5 * MS, start_us);
    delay_tell(&seen, 7 * MS, start_us);
    CHECK(delay_last(&seen, start_us) == 7 * MS);
    CHECK(delay_last(&seen, start_us + DELAY_INTERVAL_US) == 7 * MS);
    CHECK(delay_last(&seen, start_us + DELAY_INTERVAL_US + 1) == 0);
}
