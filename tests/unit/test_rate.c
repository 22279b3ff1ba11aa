/* server/rate, server/quota: how much passes, and what is said about it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/thread.h"
#include "server/quota.h"
#include "tests/unit/check.h"
#include <string.h>

#define S  INT64_C(1000000000)
#define MS INT64_C(1000000)

static const int64_t start = 12345 * S;

/* The verdict for n tokens, and the wait when it is "later". */
static enum rate_verdict take(struct rate *rate, struct rate_limit limit, uint64_t n, int64_t at,
                              int64_t *ret_wait_ns)
{
    *ret_wait_ns = 0;
    return rate_take(rate, &limit, n, at, ret_wait_ns);
}

TEST(rate, passes_a_burst_and_then_what_comes_back)
{
    const struct rate_limit limit = {.per_second = 100, .burst_ms = 2000};
    struct rate rate = {0};
    int64_t wait_ns;
    CHECK(rate_capacity(&limit) == 200);
    CHECK(rate_remaining(&rate, &limit, start) == 200);
    CHECK(take(&rate, limit, 200, start, &wait_ns) == RATE_TAKEN);
    CHECK(rate_remaining(&rate, &limit, start) == 0);
    CHECK(rate_full_in_ns(&rate, start) == 2 * S);
    CHECK(take(&rate, limit, 1, start, &wait_ns) == RATE_LATER && wait_ns == 10 * MS);
    CHECK(take(&rate, limit, 1, start + 10 * MS - 1, &wait_ns) == RATE_LATER && wait_ns == 1);
    CHECK(take(&rate, limit, 1, start + 10 * MS, &wait_ns) == RATE_TAKEN);
    CHECK(take(&rate, limit, 50, start + 10 * MS, &wait_ns) == RATE_LATER && wait_ns == S / 2);
    CHECK(rate_remaining(&rate, &limit, start + 260 * MS) == 25);
    CHECK(take(&rate, limit, 200, start + 3 * S, &wait_ns) == RATE_TAKEN); /* full again */
}

TEST(rate, what_is_larger_than_the_burst_never_passes)
{
    const struct rate_limit limit = {.per_second = 100, .burst_ms = 2000};
    struct rate rate = {0};
    int64_t wait_ns;
    CHECK(take(&rate, limit, 201, start, &wait_ns) == RATE_NEVER);
    CHECK(rate_ask(&rate, &limit, 201, start, &wait_ns) == RATE_NEVER);
    CHECK(take(&rate, limit, UINT64_MAX, start, &wait_ns) == RATE_NEVER);
    CHECK(rate_full_in_ns(&rate, start) == 0); /* nothing was taken */
}

TEST(rate, asking_and_giving_back_leave_it_as_it_was)
{
    const struct rate_limit limit = {.per_second = 7, .burst_ms = 1000};
    struct rate rate = {0};
    int64_t wait_ns;
    CHECK(take(&rate, limit, 3, start, &wait_ns) == RATE_TAKEN);
    const int64_t full_in_ns = rate_full_in_ns(&rate, start);
    CHECK(rate_ask(&rate, &limit, 4, start, &wait_ns) == RATE_TAKEN);
    CHECK(rate_ask(&rate, &limit, 5, start, &wait_ns) == RATE_LATER);
    CHECK(take(&rate, limit, 2, start, &wait_ns) == RATE_TAKEN);
    rate_give_back(&rate, &limit, 2);
    CHECK(rate_full_in_ns(&rate, start) == full_in_ns);
}

/* In any second the limit is kept, and what was said to fit fits: for rates of all sizes. */
TEST(rate, keeps_the_limit_at_any_rate)
{
    static const struct rate_limit limits[] = {
        {1, 1}, {1, 86400000}, {3, 1000}, {999999937, 10}, {1000000000000, 86400000},
    };
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        const struct rate_limit *limit = &limits[i];
        const uint64_t capacity = rate_capacity(limit), portion = capacity / 3 + 1;
        struct rate rate = {0};
        int64_t now = start, wait_ns = 0;
        uint64_t taken = 0;
        CHECK(capacity >= 1);
        CHECK(rate_take(&rate, limit, capacity, now, &wait_ns) == RATE_TAKEN);
        for (int turn = 0; turn < 100; turn++) {
            CHECK(rate_take(&rate, limit, portion, now, &wait_ns) == RATE_LATER);
            CHECK(wait_ns > 0);
            now += wait_ns;
            CHECK(rate_take(&rate, limit, portion, now, &wait_ns) == RATE_TAKEN);
            taken += portion;
        }
        const long double fair = (long double)(now - start) / S * limit->per_second;
        CHECK((long double)taken <= fair * 1.000001L + 1);
        CHECK((long double)taken >= fair * 0.999999L - 1);
    }
}

TEST(rate, seven_for_one_are_one_for_seven)
{
    const struct rate_limit limit = {.per_second = 7, .burst_ms = 1000};
    struct rate rate = {0};
    int64_t wait_ns;
    for (uint64_t left = 7; left > 0; left--) {
        CHECK(rate_remaining(&rate, &limit, start) == left);
        CHECK(take(&rate, limit, 1, start, &wait_ns) == RATE_TAKEN);
    }
    CHECK(take(&rate, limit, 1, start, &wait_ns) == RATE_LATER);
}

TEST(rate, without_a_limit_everything_passes)
{
    const struct rate_limit none = {.per_second = 0, .burst_ms = 10000};
    struct rate rate = {0};
    int64_t wait_ns;
    for (int i = 0; i < 100; i++)
        CHECK(take(&rate, none, UINT64_MAX, start, &wait_ns) == RATE_TAKEN);
    rate_give_back(&rate, &none, 5);
    CHECK(rate_full_in_ns(&rate, start) == 0);
}

/* A lowered limit counts from then on; the debt is time, so it is paid off as fast as before. */
TEST(rate, a_limit_can_change_under_way)
{
    struct rate_limit limit = {.per_second = 1000, .burst_ms = 1000};
    struct rate rate = {0};
    int64_t wait_ns;
    CHECK(take(&rate, limit, 1000, start, &wait_ns) == RATE_TAKEN);
    limit.per_second = 10;
    CHECK(take(&rate, limit, 1, start, &wait_ns) == RATE_LATER && wait_ns == 100 * MS);
    CHECK(take(&rate, limit, 1, start + 100 * MS, &wait_ns) == RATE_TAKEN);
}

enum { THREADS = 4, TRIES = 50000 };

struct contest {
    struct rate rate;
    struct rate_limit limit;
    atomic_uint_fast64_t taken;
};

static void compete(void *context)
{
    struct contest *contest = context;
    int64_t wait_ns;
    for (int i = 0; i < TRIES; i++)
        if (rate_take(&contest->rate, &contest->limit, 1, start, &wait_ns) == RATE_TAKEN)
            atomic_fetch_add(&contest->taken, 1);
}

TEST(rate, threads_share_one_bucket)
{
    struct contest contest = {.limit = {.per_second = 100000, .burst_ms = 1000}};
    struct thread threads[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        thread_start(&threads[i], "compete", compete, &contest);
    for (int i = 0; i < THREADS; i++)
        thread_join(&threads[i]);
    CHECK(atomic_load(&contest.taken) == 100000);
}

/* --- Quotas ------------------------------------------------------------------------------------
 */

static const struct catalog_limits unset = {CATALOG_LIMIT_DEFAULT, CATALOG_LIMIT_DEFAULT,
                                            CATALOG_LIMIT_DEFAULT};

TEST(quota, of_an_organization_goes_before_the_defaults)
{
    const struct catalog_limits defaults = {100, 5000, 2000};
    struct quota quota = quota_of(&unset, &defaults);
    CHECK(quota.events.per_second == 100 && quota.bytes.per_second == 5000);
    CHECK(quota.events.burst_ms == 2000 && quota.bytes.burst_ms == 2000);
    const struct catalog_limits own = {0, 7, CATALOG_LIMIT_DEFAULT};
    quota = quota_of(&own, &defaults);
    CHECK(quota.events.per_second == 0 && quota.bytes.per_second == 7);
    CHECK(quota.bytes.burst_ms == 2000);
}

TEST(quota, takes_both_or_neither)
{
    const struct quota quota = {.events = {100, 1000}, .bytes = {1000, 1000}};
    struct quota_usage usage = {0};
    struct err err;
    int retry_s = 0;
    CHECK(quota_take(&quota, &usage, 10, 900, start, &retry_s, &err));
    CHECK(!quota_take(&quota, &usage, 10, 400, start, &retry_s, &err));
    CHECK(err.code == ERR_RATE_LIMITED && strstr(err.text, "1000 bytes a second") && retry_s == 1);
    CHECK(rate_remaining(&usage.events, &quota.events, start) == 90);
    CHECK(!quota_take(&quota, &usage, 91, 1, start, &retry_s, &err));
    CHECK(err.code == ERR_RATE_LIMITED && strstr(err.text, "100 events a second"));
    CHECK(rate_remaining(&usage.bytes, &quota.bytes, start) == 100);
    CHECK(quota_take(&quota, &usage, 90, 100, start, &retry_s, &err));
}

TEST(quota, says_when_the_request_fits_and_when_it_never_does)
{
    const struct quota quota = {.events = {1, 10000}, .bytes = {1000, 10000}};
    struct quota_usage usage = {0};
    struct err err;
    int retry_s = 0;
    CHECK(quota_take(&quota, &usage, 10, 10, start, &retry_s, &err));
    CHECK(!quota_take(&quota, &usage, 4, 10, start + S / 2, &retry_s, &err));
    CHECK(err.code == ERR_RATE_LIMITED && retry_s == 4); /* 3.5 s */
    CHECK(!quota_take(&quota, &usage, 11, 10, start, &retry_s, &err));
    CHECK(err.code == ERR_LARGER_THAN_BURST && strstr(err.text, "11 events") &&
          strstr(err.text, "10 at once"));
    CHECK(!quota_take(&quota, &usage, 0, 10001, start, &retry_s, &err));
    CHECK(err.code == ERR_LARGER_THAN_BURST && strstr(err.text, "10001 bytes"));
}

TEST(quota, is_asked_on_the_headers_for_one_event_and_the_bytes)
{
    const struct quota quota = {.events = {1, 1000}, .bytes = {1000, 1000}};
    struct quota_usage usage = {0};
    struct err err;
    int retry_s = 0;
    CHECK(quota_ask(&quota, &usage, 1000, start, &retry_s, &err));
    CHECK(quota_ask(&quota, &usage, 0, start, &retry_s, &err));
    CHECK(!quota_ask(&quota, &usage, 1001, start, &retry_s, &err));
    CHECK(err.code == ERR_LARGER_THAN_BURST);
    CHECK(quota_take(&quota, &usage, 0, 1000, start, &retry_s, &err));
    CHECK(!quota_ask(&quota, &usage, 0, start, &retry_s, &err));
    CHECK(err.code == ERR_RATE_LIMITED && retry_s == 1);
    CHECK(quota_take(&quota, &usage, 1, 0, start, &retry_s, &err));
    CHECK(!quota_ask(&quota, &usage, 0, start + S / 2, &retry_s, &err));
    CHECK(err.code == ERR_RATE_LIMITED && strstr(err.text, "1 events"));
    CHECK(quota_ask(&quota, &usage, 1000, start + S, &retry_s, &err));
}

TEST(quota, shows_the_limit_of_which_less_is_left)
{
    struct quota quota = {.events = {10, 2000}, .bytes = {1000, 2000}};
    struct quota_usage usage = {0};
    struct quota_view view;
    struct err err;
    int retry_s;
    CHECK(quota_take(&quota, &usage, 5, 100, start, &retry_s, &err));
    CHECK(quota_look(&quota, &usage, start, &view));
    CHECK(strcmp(view.unit, "events") == 0 && view.limit == 20 && view.remaining == 15 &&
          view.reset_s == 1);
    CHECK(quota_take(&quota, &usage, 1, 1500, start, &retry_s, &err));
    CHECK(quota_look(&quota, &usage, start, &view));
    CHECK(strcmp(view.unit, "bytes") == 0 && view.limit == 2000 && view.remaining == 400 &&
          view.reset_s == 2);
    quota.bytes.per_second = 0;
    CHECK(quota_look(&quota, &usage, start, &view) && strcmp(view.unit, "events") == 0);
    quota.events.per_second = 0;
    CHECK(!quota_look(&quota, &usage, start, &view));
}
