/* The status of a lane.
 *
 * Threads: lane, flight, lease, admin listener, coordinator and main all come here; `lock` guards
 * everything.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/status.h"
#include "base/clock.h"
#include "base/metrics.h"
#include <inttypes.h>

enum { LABELS_SIZE = 64 };

void status_init(struct status *status, int64_t stall_ms)
{
    *status = (struct status){.stall_ms = stall_ms, .progress_ms = clock_mono_ms()};
    lock_init(&status->lock);
}

void status_done(struct status *status)
{
    mem_freep(&status->partitions);
    lock_done(&status->lock);
}

/* Another writer knows better from now on. */
static void forget(struct status *status)
{
    mem_freep(&status->partitions);
    status->partitions = NULL;
    status->partitions_len = 0;
    status->oldest_ms = 0;
    status->behind_since = 0;
    status->stopped.code = ERR_NONE;
}

void status_phase(struct status *status, enum status_phase phase, const struct err *reason)
{
    lock_acquire(&status->lock);
    status->phase = phase;
    status->reason = reason ? *reason : (struct err){.code = ERR_NONE};
    if (phase == STATUS_STOPPED)
        status->stopped = status->reason;
    status->progress_ms = clock_mono_ms();
    if (phase != STATUS_WORKING)
        memset(status->troubles, 0, sizeof status->troubles);
    if (phase == STATUS_IDLE)
        forget(status);
    lock_release(&status->lock);
}

void status_trouble(struct status *status, enum status_trouble_source source, const struct err *err)
{
    lock_acquire(&status->lock);
    status->troubles[source] = *err;
    lock_release(&status->lock);
}

void status_trouble_over(struct status *status, enum status_trouble_source source)
{
    lock_acquire(&status->lock);
    status->troubles[source].code = ERR_NONE;
    lock_release(&status->lock);
}

static void note_progress(struct status *status)
{
    status->progress_ms = clock_mono_ms();
    status->stopped.code = ERR_NONE;
}

void status_progress(struct status *status)
{
    lock_acquire(&status->lock);
    note_progress(status);
    lock_release(&status->lock);
}

static int64_t lag_of(const struct status_partition *partition)
{
    int64_t lag = partition->log_end - 1 - partition->done;
    return partition->log_end < 0 || lag < 0 ? 0 : lag;
}

void status_positions(struct status *status, const struct status_partition partitions[],
                      size_t partitions_len, int64_t oldest_ms)
{
    lock_acquire(&status->lock);
    if (status->partitions_len != partitions_len) {
        mem_freep(&status->partitions);
        status->partitions = xcalloc(partitions_len, sizeof *partitions);
        status->partitions_len = partitions_len;
    }
    int64_t lag = 0;
    bool known = true;
    for (size_t i = 0; i < partitions_len; i++) {
        status->partitions[i] = partitions[i];
        if (!partitions[i].own)
            continue;
        lag += lag_of(&partitions[i]);
        known = known && partitions[i].log_end >= 0;
    }
    status->oldest_ms = oldest_ms;
    if (lag > 0 || oldest_ms > 0)
        status->behind_since = status->behind_since ? status->behind_since : clock_wall_ms();
    else
        status->behind_since = 0;
    if (status->behind_since == 0 && known)
        note_progress(status);
    lock_release(&status->lock);
}

static bool working(const struct status *status, struct err *reterr)
{
    if (status->stopped.code != ERR_NONE) {
        *reterr = status->stopped;
        return err_prefix(reterr, "stopped");
    }
    for (size_t i = 0; i < STATUS_TROUBLES; i++)
        if (status->troubles[i].code != ERR_NONE) {
            *reterr = status->troubles[i];
            return false;
        }
    int64_t still_ms = clock_mono_ms() - status->progress_ms;
    return still_ms <= status->stall_ms ||
           err_set(reterr, ERR_NOT_READY,
                   "there are records to store, but no batch was completed for %" PRId64 " s",
                   still_ms / 1000);
}

/* The whole of status_ready, with the lock held. */
static bool judge(const struct status *status, struct err *reterr)
{
    static const char *const texts[] = {
        [STATUS_STARTING] = "starting",     [STATUS_WAITING] = "waiting for the lane",
        [STATUS_RECOVERING] = "recovering", [STATUS_STOPPED] = "stopped",
        [STATUS_STOPPING] = "stopping",
    };
    if (status->phase == STATUS_IDLE)
        return true;
    if (status->phase == STATUS_WORKING)
        return working(status, reterr);
    if (status->reason.code == ERR_NONE && status->stopped.code != ERR_NONE)
        return working(status, reterr); /* a new turn has not come as far as that yet */
    if (status->reason.code == ERR_NONE)
        return err_set(reterr, ERR_NOT_READY, "%s", texts[status->phase]);
    *reterr = status->reason;
    return err_prefix(reterr, "%s", texts[status->phase]);
}

bool status_ready(struct status *status, struct err *reterr)
{
    lock_acquire(&status->lock);
    bool ready = judge(status, reterr);
    lock_release(&status->lock);
    return ready;
}

enum status_phase status_phase_now(struct status *status)
{
    lock_acquire(&status->lock);
    enum status_phase phase = status->phase;
    lock_release(&status->lock);
    return phase;
}

int64_t status_freshness(struct status *status)
{
    lock_acquire(&status->lock);
    int64_t since =
        status->behind_since && status->oldest_ms ? status->oldest_ms : status->behind_since;
    lock_release(&status->lock);
    int64_t age = since ? clock_wall_ms() - since : 0;
    return age > 0 ? age : 0;
}

void status_print_lag(struct status *status, uint32_t lane, struct buf *out)
{
    lock_acquire(&status->lock);
    for (size_t i = 0; i < status->partitions_len; i++) {
        char labels[LABELS_SIZE];
        snprintf(labels, sizeof labels, "lane=\"%" PRIu32 "\",partition=\"%zu\"", lane, i);
        if (status->partitions[i].own)
            metrics_print_labelled(out, METRIC_WRITER_LAG, labels, lag_of(&status->partitions[i]));
    }
    lock_release(&status->lock);
}
