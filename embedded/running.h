/* The statements that run at this moment: how many, and under which query ids; and the requests
 * whose answer is not out yet.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef EMBEDDED_RUNNING_H
#define EMBEDDED_RUNNING_H
#include "base/slice.h"
#include "base/thread.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct running_entry {
    struct slice query_id; /* borrowed */
    struct running_entry *next;
};

struct running {
    struct lock lock;
    struct running_entry *entries;
    size_t len;
    size_t held;  /* requests that were let in and are not answered */
    size_t max;   /* set at start */
    bool closing; /* nothing new is let in */
};

enum running_verdict {
    RUNNING_ADMITTED,
    RUNNING_FULL,
    RUNNING_SAME_ID,
    RUNNING_CLOSING,
};

void running_init(struct running *running, size_t max);
void running_done(struct running *running);

/* The entry is the caller's, and stays where it is until running_leave. Who is admitted leaves when
 * the statement ends, and releases when its answer is out. */
enum running_verdict running_enter(struct running *running, struct running_entry *entry,
                                   struct slice query_id);
void running_leave(struct running *running, struct running_entry *entry);
void running_release(struct running *running);

/* Lets nothing new in and waits for the answers of the rest; how many are left at the deadline. */
size_t running_close(struct running *running, int64_t deadline_mono_ms);

#endif
