/* The wish to stop, for good or until further notice, and waiting that it ends.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_STOP_H
#define WRITER_STOP_H
#include "base/thread.h"

struct stop {
    struct lock lock;
    bool requested; /* guarded by lock */
    bool paused;    /* guarded by lock: the same, until it is resumed */
    bool now;       /* guarded by lock: do not even finish what has begun */
};

void stop_init(struct stop *stop);
void stop_done(struct stop *stop);

void stop_request(struct stop *stop);     /* finish what has begun, begin nothing */
void stop_request_now(struct stop *stop); /* leave everything as it is */
void stop_pause(struct stop *stop);       /* finish what has begun, and wait */
void stop_resume(struct stop *stop);
bool stop_requested(struct stop *stop); /* or paused */
bool stop_paused(struct stop *stop);
bool stop_requested_now(struct stop *stop);

/* Waits while it is paused; false when it is to stop for good. */
bool stop_wait_resumed(struct stop *stop);

/* Wait; return true (at once) when the wish is there. */
bool stop_wait(struct stop *stop, int64_t ms);     /* or paused */
bool stop_wait_now(struct stop *stop, int64_t ms); /* for work that a stopping program finishes */

/* How long to wait between tries: doubled each time from 50 ms to `max_ms`; 0 starts again. */
int64_t stop_backoff(int64_t *backoff_ms, int64_t max_ms);

#endif
