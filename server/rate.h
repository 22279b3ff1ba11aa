/* A token bucket in one number: the moment at which it will be full again.
 *
 * Taking n tokens moves that moment by the time in which n come back; what would move it further
 * ahead than the burst is refused. So a bucket needs no timer and no lock, and one that was left
 * alone for a burst is as good as new.
 *
 * Threads: any. Time is passed in, nanoseconds of the monotonic clock.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_RATE_H
#define SERVER_RATE_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rate {
    _Atomic(int64_t) full_at_ns; /* zeroed: full */
};

/* The limit is not in the bucket: it may change while there is debt, which is kept as time. */
struct rate_limit {
    uint64_t per_second; /* tokens; 0: no limit */
    int64_t burst_ms;    /* the bucket holds what comes in this time, and always one token */
};

enum rate_verdict {
    RATE_TAKEN,
    RATE_LATER, /* not now */
    RATE_NEVER, /* more than the bucket holds when it is full */
};

/* What the bucket holds when it is full. */
uint64_t rate_capacity(const struct rate_limit *limit);

/* Takes n tokens or none. For RATE_LATER, *ret_wait_ns is how long until there are n, if nobody
 * else takes any. */
enum rate_verdict rate_take(struct rate *rate, const struct rate_limit *limit, uint64_t n,
                            int64_t now_ns, int64_t *ret_wait_ns);

/* The same verdict, without taking. */
enum rate_verdict rate_ask(const struct rate *rate, const struct rate_limit *limit, uint64_t n,
                           int64_t now_ns, int64_t *ret_wait_ns);

/* Undoes a rate_take of n. */
void rate_give_back(struct rate *rate, const struct rate_limit *limit, uint64_t n);

/* How many tokens there are, and how long until the bucket is full. */
uint64_t rate_remaining(const struct rate *rate, const struct rate_limit *limit, int64_t now_ns);
int64_t rate_full_in_ns(const struct rate *rate, int64_t now_ns);

#endif
