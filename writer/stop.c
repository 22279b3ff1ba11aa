/* The wish to stop.
 *
 * Threads: `lock` guards both flags; waiting is on it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/stop.h"
#include "base/clock.h"

enum { BACKOFF_FIRST_MS = 50 };

void stop_init(struct stop *stop)
{
    *stop = (struct stop){.requested = false};
    lock_init(&stop->lock);
}

void stop_done(struct stop *stop)
{
    lock_done(&stop->lock);
}

void stop_request(struct stop *stop)
{
    lock_acquire(&stop->lock);
    stop->requested = true;
    lock_notify(&stop->lock);
    lock_release(&stop->lock);
}

void stop_request_now(struct stop *stop)
{
    lock_acquire(&stop->lock);
    stop->requested = true;
    stop->now = true;
    lock_notify(&stop->lock);
    lock_release(&stop->lock);
}

static bool wait_for(struct stop *stop, const bool *flag, int64_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    lock_acquire(&stop->lock);
    while (!*flag && lock_wait_until(&stop->lock, deadline))
        ;
    bool set = *flag;
    lock_release(&stop->lock);
    return set;
}

bool stop_requested(struct stop *stop)
{
    lock_acquire(&stop->lock);
    bool set = stop->requested;
    lock_release(&stop->lock);
    return set;
}

bool stop_requested_now(struct stop *stop)
{
    lock_acquire(&stop->lock);
    bool set = stop->now;
    lock_release(&stop->lock);
    return set;
}

bool stop_wait(struct stop *stop, int64_t ms)
{
    return wait_for(stop, &stop->requested, ms);
}

bool stop_wait_now(struct stop *stop, int64_t ms)
{
    return wait_for(stop, &stop->now, ms);
}

int64_t stop_backoff(int64_t *backoff_ms, int64_t max_ms)
{
    int64_t ms = *backoff_ms ? *backoff_ms : BACKOFF_FIRST_MS;
    *backoff_ms = ms * 2 > max_ms ? max_ms : ms * 2;
    return ms;
}
