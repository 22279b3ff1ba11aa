/* The wish to stop.
 *
 * Threads: `lock` guards the flags; waiting is on it.
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

static void set_paused(struct stop *stop, bool paused)
{
    lock_acquire(&stop->lock);
    stop->paused = paused;
    lock_notify(&stop->lock);
    lock_release(&stop->lock);
}

void stop_pause(struct stop *stop)
{
    set_paused(stop, true);
}

void stop_resume(struct stop *stop)
{
    set_paused(stop, false);
}

bool stop_requested(struct stop *stop)
{
    lock_acquire(&stop->lock);
    bool set = stop->requested || stop->paused;
    lock_release(&stop->lock);
    return set;
}

bool stop_paused(struct stop *stop)
{
    lock_acquire(&stop->lock);
    bool set = stop->paused;
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

bool stop_wait_resumed(struct stop *stop)
{
    lock_acquire(&stop->lock);
    while (stop->paused && !stop->requested)
        lock_wait_until(&stop->lock, INT64_MAX);
    bool resumed = !stop->requested;
    lock_release(&stop->lock);
    return resumed;
}

bool stop_wait(struct stop *stop, int64_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    lock_acquire(&stop->lock);
    while (!stop->requested && !stop->paused && lock_wait_until(&stop->lock, deadline))
        ;
    bool set = stop->requested || stop->paused;
    lock_release(&stop->lock);
    return set;
}

bool stop_wait_now(struct stop *stop, int64_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    lock_acquire(&stop->lock);
    while (!stop->now && lock_wait_until(&stop->lock, deadline))
        ;
    bool set = stop->now;
    lock_release(&stop->lock);
    return set;
}

int64_t stop_backoff(int64_t *backoff_ms, int64_t max_ms)
{
    int64_t ms = *backoff_ms ? *backoff_ms : BACKOFF_FIRST_MS;
    *backoff_ms = ms * 2 > max_ms ? max_ms : ms * 2;
    return ms;
}
