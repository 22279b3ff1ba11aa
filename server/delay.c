/* Whether requests wait too long. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/delay.h"

enum {
    HELD_PART = 25, /* of the target */
    HELD_LEAST = 4, /* times the least wait */
    FEW_PART = 10,  /* of those that came in an interval: so few refused, and the queue is gone */
};

int64_t delay_held(int64_t target_us, int64_t least_us)
{
    const int64_t held_us = target_us / HELD_PART + HELD_LEAST * least_us;
    return held_us < target_us ? held_us : target_us;
}

int64_t delay_limit(const struct delay *delay, int64_t target_us, int64_t held_us)
{
    return delay->stays ? held_us : target_us;
}

/* A queue stays: one more interval of it, or it is over. */
static void look_back(struct delay *delay, int64_t now_us)
{
    const bool few = delay->n_refused <= (delay->n_refused + delay->n_taken) / FEW_PART;
    *delay = (struct delay){.seen_us = now_us, .stays = !few, .since_us = now_us};
}

/* No queue stays: whether one does now. */
static void count(struct delay *delay, bool too_long, int64_t passed_us, int64_t stays_us)
{
    if (too_long)
        delay->long_us += passed_us;
    else
        delay->long_us -= passed_us < delay->long_us ? passed_us : delay->long_us;
    if (delay->long_us >= stays_us)
        *delay =
            (struct delay){.seen_us = delay->seen_us, .stays = true, .since_us = delay->seen_us};
}

bool delay_refuses(struct delay *delay, int64_t waited_us, int64_t target_us, int64_t held_us,
                   int64_t now_us)
{
    const int64_t stays_us = DELAY_STAYS * target_us, passed_us = now_us - delay->seen_us;
    /* Nobody came: no queue. Unless the one that is there now had to wait all the time. */
    const bool paused = passed_us > DELAY_RECENT_US && passed_us > waited_us;
    delay->seen_us = now_us;
    if (paused)
        *delay = (struct delay){.seen_us = now_us};
    else if (!delay->stays)
        count(delay, waited_us > target_us, passed_us, stays_us);
    else if (now_us - delay->since_us >= stays_us)
        look_back(delay, now_us);
    if (!delay->stays)
        return false;
    const bool refused = waited_us > held_us;
    if (refused)
        delay->n_refused++;
    else
        delay->n_taken++;
    return refused;
}

/* Relaxed: each value is of use by itself, and an old one does little harm. */
static int64_t get(const atomic_int_fast64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void set(atomic_int_fast64_t *value, int64_t to)
{
    atomic_store_explicit(value, to, memory_order_relaxed);
}

void delay_tell(struct delay_seen *seen, int64_t waited_us, int64_t now_us)
{
    const int64_t least_us = get(&seen->least_us);
    if (now_us - get(&seen->since_us) >= DELAY_LEAST_US) {
        set(&seen->least_before_us, least_us == 0 ? waited_us : least_us);
        set(&seen->least_us, waited_us);
        set(&seen->since_us, now_us);
    } else if (waited_us < least_us) {
        set(&seen->least_us, waited_us);
    }
    set(&seen->waited_us, waited_us);
    set(&seen->at_us, now_us);
}

int64_t delay_last(const struct delay_seen *seen, int64_t now_us)
{
    return now_us - get(&seen->at_us) > DELAY_RECENT_US ? 0 : get(&seen->waited_us);
}

int64_t delay_least(const struct delay_seen *seen)
{
    const int64_t now_us = get(&seen->least_us), before_us = get(&seen->least_before_us);
    return now_us < before_us ? now_us : before_us;
}
