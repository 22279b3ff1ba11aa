/* A list under a lock: statements are few. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "embedded/running.h"

void running_init(struct running *running, size_t max)
{
    *running = (struct running){.max = max};
    lock_init(&running->lock);
}

void running_done(struct running *running)
{
    lock_done(&running->lock);
}

static enum running_verdict verdict(const struct running *running, struct slice query_id)
{
    if (running->closing)
        return RUNNING_CLOSING;
    if (running->len >= running->max)
        return RUNNING_FULL;
    for (const struct running_entry *entry = running->entries; entry; entry = entry->next) {
        if (slice_equal(entry->query_id, query_id))
            return RUNNING_SAME_ID;
    }
    return RUNNING_ADMITTED;
}

enum running_verdict running_enter(struct running *running, struct running_entry *entry,
                                   struct slice query_id)
{
    lock_acquire(&running->lock);
    enum running_verdict result = verdict(running, query_id);
    if (result == RUNNING_ADMITTED) {
        *entry = (struct running_entry){query_id, running->entries};
        running->entries = entry;
        running->len++;
        running->held++;
    }
    lock_release(&running->lock);
    return result;
}

void running_leave(struct running *running, struct running_entry *entry)
{
    lock_acquire(&running->lock);
    struct running_entry **link = &running->entries;
    while (*link != entry)
        link = &(*link)->next;
    *link = entry->next;
    running->len--;
    lock_release(&running->lock);
}

void running_release(struct running *running)
{
    lock_acquire(&running->lock);
    running->held--;
    lock_notify(&running->lock);
    lock_release(&running->lock);
}

size_t running_close(struct running *running, int64_t deadline_mono_ms)
{
    lock_acquire(&running->lock);
    running->closing = true;
    while (running->held > 0 && lock_wait_until(&running->lock, deadline_mono_ms)) {
    }
    size_t left = running->held;
    lock_release(&running->lock);
    return left;
}
