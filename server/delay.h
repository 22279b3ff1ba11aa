/* Whether requests wait longer than they should, and whether one more is taken.
 *
 * A queue that comes and goes is what queues are for; one that stays only adds its length to every
 * answer. A queue stays when requests would have waited longer than the target for DELAY_STAYS
 * times that, the time when they would not being taken off. From then on it is held much shorter:
 * those that would wait longer than delay_held are refused, until few of an interval are.
 *
 * Threads: one at a time, but for struct delay_seen. SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_DELAY_H
#define SERVER_DELAY_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    DELAY_STAYS = 10,
    DELAY_RECENT_US = 100 * 1000, /* what is older says nothing of now */
    DELAY_LEAST_US =
        10 * 1000 * 1000, /* nor the least wait of so long ago, or at most twice that */
};

/* Zeroed: nobody waited. */
struct delay {
    int64_t seen_us; /* when the last request was looked at */
    int64_t
        long_us; /* how long requests would have waited too long, less the time they would not */
    bool stays;  /* the queue does */
    /* While it stays: */
    int64_t since_us;   /* when this interval began */
    uint32_t n_refused; /* in it */
    uint32_t n_taken;
};

/* What the wait is held to while a queue stays, in microseconds: a small part of the target and a
 * few times what requests wait without a queue, but no more than the target. */
int64_t delay_held(int64_t target_us, int64_t least_us);

/* What a request may wait now: held_us or target_us. */
int64_t delay_limit(const struct delay *delay, int64_t target_us, int64_t held_us);

/* A request comes at `now_us` that waits about `waited_us`; target_us > 0. True: refuse it. */
bool delay_refuses(struct delay *delay, int64_t waited_us, int64_t target_us, int64_t held_us,
                   int64_t now_us);

/* The last wait that ended and the least one of late, told by one thread to the others. Zeroed:
 * none did. */
struct delay_seen {
    atomic_int_fast64_t waited_us, at_us;
    atomic_int_fast64_t least_us, least_before_us; /* in this interval and in the one before */
    atomic_int_fast64_t since_us;                  /* when this interval began */
};

/* A wait of `waited_us` ended at `now_us`. @thread any; what is told at once may be lost */
void delay_tell(struct delay_seen *seen, int64_t waited_us, int64_t now_us);

/* The last wait; 0 when it ended longer than DELAY_RECENT_US ago: where everything is refused
 * nothing newer comes. @thread any */
int64_t delay_last(const struct delay_seen *seen, int64_t now_us);

/* The least wait of the last 10 to 20 seconds in which waits ended; 0 before the first. @thread any
 */
int64_t delay_least(const struct delay_seen *seen);

#endif
