/* Whether requests wait too long. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/delay.h"

bool delay_refuses(struct delay *delay, int64_t waited_us, int64_t target_us, int64_t now_us)
{
    const bool too_long = waited_us > target_us;
    const int64_t stays_us = DELAY_STAYS * target_us, passed_us = now_us - delay->seen_us;
    /* Nobody came: no queue. Unless the one that is there now had to wait all the time. */
    const bool paused = passed_us > DELAY_RECENT_US && passed_us > waited_us;
    delay->seen_us = now_us;
    if (paused)
        *delay = (struct delay){.seen_us = now_us};
    else if (too_long)
        delay->long_us += passed_us;
    else
        delay->long_us -= passed_us < delay->long_us ? passed_us : delay->long_us;
    if (too_long)
        delay->last_long_us = now_us;
    if (delay->long_us >= stays_us)
        delay->stays = true;
    if (delay->stays && now_us - delay->last_long_us >= stays_us)
        *delay = (struct delay){.seen_us = now_us};
    if (delay->long_us > stays_us)
        delay->long_us = stays_us;
    return delay->stays && too_long;
}

void delay_tell(struct delay_seen *seen, int64_t waited_us, int64_t now_us)
{
    atomic_store_explicit(&seen->waited_us, waited_us, memory_order_relaxed);
    atomic_store_explicit(&seen->at_us, now_us, memory_order_relaxed);
}

int64_t delay_last(const struct delay_seen *seen, int64_t now_us)
{
    const int64_t at_us = atomic_load_explicit(&seen->at_us, memory_order_relaxed);
    return now_us - at_us > DELAY_RECENT_US
               ? 0
               : atomic_load_explicit(&seen->waited_us, memory_order_relaxed);
}
