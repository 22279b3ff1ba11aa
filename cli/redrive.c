/* Producing again, and waiting. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/redrive.h"
#include "base/clock.h"

enum {
    READY_MS = 30000, /* for the topic to be verified */
    STEP_MS = 50,
};

static void report(void *opaque, enum producer_fate fate)
{
    struct redrive_record *record = opaque;
    struct redrive *redrive = record->redrive;
    lock_acquire(&redrive->lock);
    record->fate = fate;
    redrive->outstanding--;
    lock_notify(&redrive->lock);
    lock_release(&redrive->lock);
}

static void pause_ms(struct redrive *redrive, int64_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    lock_acquire(&redrive->lock);
    while (lock_wait_until(&redrive->lock, deadline))
        ;
    lock_release(&redrive->lock);
}

bool redrive_start(struct redrive *redrive, const struct settings *settings, struct err *reterr)
{
    *redrive = (struct redrive){.outstanding = 0};
    lock_init(&redrive->lock);
    redrive->producer = producer_start(settings, report, NULL, NULL, reterr);
    if (!redrive->producer)
        return false;
    int64_t deadline = clock_mono_ms() + READY_MS;
    while (!producer_ready(redrive->producer, reterr)) {
        if (clock_mono_ms() > deadline)
            return false;
        pause_ms(redrive, STEP_MS);
    }
    return true;
}

void redrive_stop(struct redrive *redrive)
{
    producer_stop(redrive->producer, 0);
    lock_done(&redrive->lock);
}

bool redrive_send(struct redrive *redrive, struct redrive_record *record, struct err *reterr)
{
    record->redrive = redrive;
    record->fate = PRODUCER_UNKNOWN;
    lock_acquire(&redrive->lock);
    redrive->outstanding++;
    lock_release(&redrive->lock);
    if (producer_send(redrive->producer, &record->record, record, reterr))
        return true;
    lock_acquire(&redrive->lock);
    redrive->outstanding--;
    lock_release(&redrive->lock);
    return false;
}

void redrive_wait(struct redrive *redrive)
{
    lock_acquire(&redrive->lock);
    while (redrive->outstanding > 0)
        lock_wait_until(&redrive->lock, clock_mono_ms() + STEP_MS);
    lock_release(&redrive->lock);
}
