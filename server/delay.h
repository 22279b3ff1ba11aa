/* Whether requests wait longer than they should, and whether one more is taken.
 *
 * A queue that comes and goes is what queues are for; one that stays only adds its length to every
 * answer. So nothing is refused until every request of DELAY_INTERVAL_US waited longer than the
 * target; from then on the ones that would wait longer are refused, until none did for as long.
 *
 * Threads: one at a time, but for struct delay_seen. SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_DELAY_H
#define SERVER_DELAY_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { DELAY_INTERVAL_US = 100 * 1000 };

/* Zeroed: nobody waited. */
struct delay {
    int64_t seen_us;  /* when the last request was looked at */
    int64_t since_us; /* since when requests waited too long, or did not */
    bool too_long;    /* which of them */
    bool stays;       /* the queue does */
};

/* A request comes at `now_us` that waits about `waited_us`; target_us > 0. True: refuse it. */
bool delay_refuses(struct delay *delay, int64_t waited_us, int64_t target_us, int64_t now_us);

/* The last wait that ended, told by one thread to the others. Zeroed: none did. */
struct delay_seen {
    atomic_int_fast64_t waited_us, at_us;
};

/* A wait of `waited_us` ended at `now_us`. @thread any */
void delay_tell(struct delay_seen *seen, int64_t waited_us, int64_t now_us);

/* The last wait; 0 when it ended longer than DELAY_INTERVAL_US ago: it says nothing of now, and
 * where everything is refused nothing newer comes. @thread any */
int64_t delay_last(const struct delay_seen *seen, int64_t now_us);

#endif
