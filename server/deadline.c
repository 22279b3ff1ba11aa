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

/* The one of the request's loop. */
static struct deadline_list *list_of(struct deadlines *deadlines, const struct request *request)
{
    return &deadlines->lists[loop_number(request->loop) % DEADLINE_LISTS];
}

static void unlink_request(struct deadline_list *list, struct request *request)
{
    if (!request->listed)
        return;
    if (request->earlier)
        request->earlier->later = request->later;
    else
        list->oldest = request->later;
    if (request->later)
        request->later->earlier = request->earlier;
    else
        list->newest = request->earlier;
    request->earlier = request->later = NULL;
    request->listed = false;
}

void deadline_add(struct deadlines *deadlines, struct request *request)
{
    struct deadline_list *list = list_of(deadlines, request);
    const int64_t now = loop_turn_us(request->loop) / 1000;
    lock_acquire(&list->lock);
    request->waiting_since_ms = now;
    request->listed = true;
    request->later = NULL;
    request->earlier = list->newest;
    if (list->newest)
        list->newest->later = request;
    else
        list->oldest = request;
    list->newest = request;
    lock_release(&list->lock);
}

void deadline_remove(struct deadlines *deadlines, struct request *request)
{
    struct deadline_list *list = list_of(deadlines, request);
    lock_acquire(&list->lock);
    unlink_request(list, request);
    lock_release(&list->lock);
}

/* Resumes what waits since before `before_ms`. */
static void expire(struct deadline_list *list, int64_t before_ms)
{
    lock_acquire(&list->lock);
    while (list->oldest && list->oldest->waiting_since_ms <= before_ms) {
        struct request *request = list->oldest;
        unlink_request(list, request);
        request_resume(request);
    }
    lock_release(&list->lock);
}

static void run(void *arg)
{
    struct deadlines *deadlines = arg;
    lock_acquire(&deadlines->lock);
    while (!deadlines->stopping) {
        int64_t now = clock_mono_ms();
        lock_release(&deadlines->lock);
        for (size_t i = 0; i < DEADLINE_LISTS; i++)
            expire(&deadlines->lists[i], now - atomic_load(&deadlines->limits->deadline_ms));
        lock_acquire(&deadlines->lock);
        (void)lock_wait_until(&deadlines->lock, now + LOOK_EVERY_MS);
    }
    lock_release(&deadlines->lock);
}

void deadline_start(struct deadlines *deadlines, const struct limits *limits)
{
    *deadlines = (struct deadlines){.limits = limits};
    lock_init(&deadlines->lock);
    for (size_t i = 0; i < DEADLINE_LISTS; i++)
        lock_init(&deadlines->lists[i].lock);
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
    for (size_t i = 0; i < DEADLINE_LISTS; i++) {
        ASSERT(!deadlines->lists[i].oldest);
        lock_done(&deadlines->lists[i].lock);
    }
    lock_done(&deadlines->lock);
}
