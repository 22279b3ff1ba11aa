/* A token bucket in one number. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/rate.h"

#define SECOND_NS INT64_C(1000000000)
#define MS_NS     INT64_C(1000000)

/* Rates of up to 10^12 a second times a day of nanoseconds do not fit into 64 bits. */
__extension__ typedef unsigned __int128 wide;

/* The time in which n tokens come back, rounded down: seven requests for one of seven tokens pass
 * like one for all of them. What is forgiven is less than a nanosecond for each request. */
static int64_t time_of(const struct rate_limit *limit, uint64_t n)
{
    wide ns = (wide)n * SECOND_NS / limit->per_second;
    return ns < INT64_MAX / 4 ? (int64_t)ns : INT64_MAX / 4;
}

static int64_t burst_of(const struct rate_limit *limit)
{
    int64_t one = time_of(limit, 1), burst_ns = limit->burst_ms * MS_NS;
    return burst_ns > one ? burst_ns : one;
}

static uint64_t tokens_in(const struct rate_limit *limit, int64_t ns)
{
    return (uint64_t)((wide)ns * limit->per_second / SECOND_NS);
}

uint64_t rate_capacity(const struct rate_limit *limit)
{
    uint64_t tokens = tokens_in(limit, burst_of(limit));
    return tokens > 0 ? tokens : 1;
}

/* Judges n tokens for a bucket that is full at full_at_ns; *ret_full_at_ns is when it is full again
 * if they are taken. */
static enum rate_verdict judge(const struct rate_limit *limit, uint64_t n, int64_t full_at_ns,
                               int64_t now_ns, int64_t *ret_full_at_ns, int64_t *ret_wait_ns)
{
    const int64_t from_ns = full_at_ns > now_ns ? full_at_ns : now_ns;
    const int64_t burst_ns = burst_of(limit);
    if (n > rate_capacity(limit))
        return RATE_NEVER;
    *ret_full_at_ns = from_ns + time_of(limit, n);
    *ret_wait_ns = *ret_full_at_ns - now_ns - burst_ns;
    return *ret_wait_ns > 0 ? RATE_LATER : RATE_TAKEN;
}

enum rate_verdict rate_ask(const struct rate *rate, const struct rate_limit *limit, uint64_t n,
                           int64_t now_ns, int64_t *ret_wait_ns)
{
    int64_t full_at_ns = atomic_load_explicit(&rate->full_at_ns, memory_order_relaxed), unused;
    return limit->per_second == 0 ? RATE_TAKEN
                                  : judge(limit, n, full_at_ns, now_ns, &unused, ret_wait_ns);
}

enum rate_verdict rate_take(struct rate *rate, const struct rate_limit *limit, uint64_t n,
                            int64_t now_ns, int64_t *ret_wait_ns)
{
    int64_t before_ns = atomic_load_explicit(&rate->full_at_ns, memory_order_relaxed), after_ns;
    if (limit->per_second == 0)
        return RATE_TAKEN;
    do {
        enum rate_verdict verdict = judge(limit, n, before_ns, now_ns, &after_ns, ret_wait_ns);
        if (verdict != RATE_TAKEN)
            return verdict;
    } while (!atomic_compare_exchange_weak_explicit(&rate->full_at_ns, &before_ns, after_ns,
                                                    memory_order_relaxed, memory_order_relaxed));
    return RATE_TAKEN;
}

void rate_give_back(struct rate *rate, const struct rate_limit *limit, uint64_t n)
{
    if (limit->per_second > 0)
        atomic_fetch_sub_explicit(&rate->full_at_ns, time_of(limit, n), memory_order_relaxed);
}

int64_t rate_full_in_ns(const struct rate *rate, int64_t now_ns)
{
    int64_t full_at_ns = atomic_load_explicit(&rate->full_at_ns, memory_order_relaxed);
    return full_at_ns > now_ns ? full_at_ns - now_ns : 0;
}

uint64_t rate_remaining(const struct rate *rate, const struct rate_limit *limit, int64_t now_ns)
{
    const int64_t debt_ns = rate_full_in_ns(rate, now_ns), burst_ns = burst_of(limit);
    if (debt_ns == 0)
        return rate_capacity(limit);
    return debt_ns < burst_ns ? tokens_in(limit, burst_ns - debt_ns) : 0;
}
