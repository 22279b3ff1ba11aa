/* The renewal of the lease.
 *
 * Threads: the lease's own thread renews; `lock` guards what it shares with the lane and with the
 * thread that inserts.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/lease.h"
#include "base/clock.h"
#include "ledger/ledger.h"

enum {
    RETRY_MS = 500,
    /* A step of the lane is at most one INSERT, or a few queries. */
    QUIET_MARGIN_MS = 60000,
};

static bool quiet(const struct lease *lease)
{
    return clock_mono_ms() - lease->touched_ms >
           lease->settings->writer_insert_timeout + QUIET_MARGIN_MS;
}

static bool connect_to(const struct settings *settings, struct pg **pg, struct err *reterr)
{
    if (*pg && pg_alive(*pg))
        return true;
    pg_free(*pg);
    *pg = pg_connect(settings->postgres, "bxb-writer lease", settings->postgres_schema, reterr);
    if (*pg)
        pg_set_timeout(*pg, settings->writer_lease / 3);
    return *pg != NULL;
}

/* One try. Returns the pause until the next. */
static int64_t renew(struct lease *lease, struct pg **pg)
{
    const struct settings *settings = lease->settings;
    struct err err;
    int64_t before = clock_boot_ms();
    bool renewed = connect_to(settings, pg, &err) &&
                   ledger_renew(*pg, lease->lane_id, lease->epoch, settings->writer_lease, &err);
    lock_acquire(&lease->lock);
    if (renewed)
        lease->good_until_boot_ms = before + settings->writer_lease;
    else if (err.code == ERR_LANE_LOST)
        lease->lost = true;
    lock_release(&lease->lock);
    if (renewed) {
        status_trouble_over(lease->status, STATUS_LEASE);
        return settings->writer_lease / 3;
    }
    err_prefix(&err, "the lease could not be renewed");
    status_trouble(lease->status, STATUS_LEASE, &err);
    return RETRY_MS;
}

static void lease_main(void *arg)
{
    struct lease *lease = arg;
    struct pg *pg = NULL;
    int64_t pause = lease->settings->writer_lease / 3;
    for (;;) {
        int64_t deadline = clock_mono_ms() + pause;
        lock_acquire(&lease->lock);
        while (!lease->stopping && lock_wait_until(&lease->lock, deadline))
            ;
        bool end = lease->stopping || lease->lost;
        bool skip = quiet(lease);
        lock_release(&lease->lock);
        if (end)
            break;
        pause = skip ? RETRY_MS : renew(lease, &pg);
    }
    pg_free(pg);
}

void lease_start(struct lease *lease, const struct settings *settings, struct status *status,
                 int64_t lane_id, int64_t epoch, int64_t acquired_boot_ms)
{
    *lease = (struct lease){.settings = settings,
                            .status = status,
                            .lane_id = lane_id,
                            .epoch = epoch,
                            .good_until_boot_ms = acquired_boot_ms + settings->writer_lease,
                            .touched_ms = clock_mono_ms()};
    lock_init(&lease->lock);
    thread_start(&lease->thread, "lease", lease_main, lease);
}

void lease_stop(struct lease *lease)
{
    if (!lease->thread.started)
        return;
    lock_acquire(&lease->lock);
    lease->stopping = true;
    lock_notify(&lease->lock);
    lock_release(&lease->lock);
    thread_join(&lease->thread);
    lock_done(&lease->lock);
    *lease = (struct lease){0};
}

bool lease_alive(struct lease *lease)
{
    lock_acquire(&lease->lock);
    bool alive = !lease->lost && clock_boot_ms() < lease->good_until_boot_ms;
    lock_release(&lease->lock);
    return alive;
}

bool lease_lost(struct lease *lease)
{
    lock_acquire(&lease->lock);
    bool lost = lease->lost;
    lock_release(&lease->lock);
    return lost;
}

void lease_touch(struct lease *lease)
{
    lock_acquire(&lease->lock);
    lease->touched_ms = clock_mono_ms();
    lock_release(&lease->lock);
}
