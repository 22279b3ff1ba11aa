/* Whether requests wait too long. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/delay.h"

bool delay_refuses(struct delay *delay, int64_t waited_us, int64_t target_us, int64_t now_us)
{
    const bool too_long = waited_us > target_us;
    const bool paused = now_us - delay->seen_us > DELAY_INTERVAL_US; /* nobody came: no queue */
    if (paused)
        delay->stays = false;
    if (paused || too_long != delay->too_long)
        delay->since_us = now_us;
    delay->seen_us = now_us;
    delay->too_long = too_long;
    if (now_us - delay->since_us >= DELAY_INTERVAL_US)
        delay->stays = too_long;
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
    return now_us - at_us > DELAY_INTERVAL_US
               ? 0
               : atomic_load_explicit(&seen->waited_us, memory_order_relaxed);
}
