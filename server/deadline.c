/* Requests that wait for the broker.
 *
 * Threads: requests are added and removed by their connection's thread; the deadline thread looks
 * at the oldest. It resumes a connection while it holds the lock: removing the request needs the
 * lock too, so the request and its connection are there. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/deadline.h"

#include "base/assert.h"
#include "base/clock.h"
#include "server/request.h"

enum { LOOK_EVERY_MS = 50 };

static void unlink_request(struct deadlines *deadlines, struct request *request)
{
    if (!request->listed)
        return;
    if (request->earlier)
        request->earlier->later = request->later;
    else
        deadlines->oldest = request->later;
    if (request->later)
        request->later->earlier = request->earlier;
    else
        deadlines->newest = request->earlier;
    request->earlier = request->later = NULL;
    request->listed = false;
}

void deadline_add(struct deadlines *deadlines, struct request *request)
{
    int64_t now = clock_mono_ms();
    lock_acquire(&deadlines->lock);
    request->waiting_since_ms = now;
    request->listed = true;
    request->later = NULL;
    request->earlier = deadlines->newest;
    if (deadlines->newest)
        deadlines->newest->later = request;
    else
        deadlines->oldest = request;
    deadlines->newest = request;
    lock_release(&deadlines->lock);
}

void deadline_remove(struct deadlines *deadlines, struct request *request)
{
    lock_acquire(&deadlines->lock);
    unlink_request(deadlines, request);
    lock_release(&deadlines->lock);
}

/* Resumes what waits since before `before_ms`. */
static void expire(struct deadlines *deadlines, int64_t before_ms)
{
    while (deadlines->oldest && deadlines->oldest->waiting_since_ms <= before_ms) {
        struct request *request = deadlines->oldest;
        unlink_request(deadlines, request);
        request_resume(request);
    }
}

static void run(void *arg)
{
    struct deadlines *deadlines = arg;
    lock_acquire(&deadlines->lock);
    while (!deadlines->stopping) {
        int64_t now = clock_mono_ms();
        expire(deadlines, now - atomic_load(&deadlines->limits->deadline_ms));
        (void)lock_wait_until(&deadlines->lock, now + LOOK_EVERY_MS);
    }
    lock_release(&deadlines->lock);
}

void deadline_start(struct deadlines *deadlines, const struct limits *limits)
{
    *deadlines = (struct deadlines){.limits = limits};
    lock_init(&deadlines->lock);
    thread_start(&deadlines->thread, "bxb-deadline", run, deadlines);
}

void deadline_stop(struct deadlines *deadlines)
{
    if (!deadlines->thread.started)
        return;
    lock_acquire(&deadlines->lock);
    deadlines->stopping = true;
    lock_notify(&deadlines->lock);
    lock_release(&deadlines->lock);
    thread_join(&deadlines->thread);
    ASSERT(!deadlines->oldest);
    lock_done(&deadlines->lock);
}
