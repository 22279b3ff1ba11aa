/* Whether requests wait longer than they should, and whether one more is taken.
 *
 * A queue that comes and goes is what queues are for; one that stays only adds its length to every
 * answer. A queue stays when requests would have waited longer than the target for DELAY_STAYS
 * times that, the time when they would not being taken off. From then on those that would are
 * refused, until none would for as long.
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
};

/* Zeroed: nobody waited. */
struct delay {
    int64_t seen_us; /* when the last request was looked at */
    int64_t
        long_us; /* how long requests would have waited too long, less the time they would not */
    int64_t last_long_us; /* when the last of them came */
    bool stays;           /* the queue does */
};

/* A request comes at `now_us` that waits about `waited_us`; target_us > 0. True: refuse it. */
bool delay_refuses(struct delay *delay, int64_t waited_us, int64_t target_us, int64_t now_us);

/* The last wait that ended, told by one thread to the others. Zeroed: none did. */
struct delay_seen {
    atomic_int_fast64_t waited_us, at_us;
};

/* A wait of `waited_us` ended at `now_us`. @thread any */
void delay_tell(struct delay_seen *seen, int64_t waited_us, int64_t now_us);

/* The last wait; 0 when it ended longer than DELAY_RECENT_US ago: where everything is refused
 * nothing newer comes. @thread any */
int64_t delay_last(const struct delay_seen *seen, int64_t now_us);

#endif
