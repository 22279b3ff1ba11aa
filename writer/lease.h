/* Keeps the lane's lease while the lane shows signs of life.
 *
 * A thread renews every third of the lease over a session of its own. It stops renewing when
 * lease_touch was not called for longer than any step of the lane may take: a lane that hangs is
 * another writer's to take.
 *
 * Threads: lease_alive and lease_touch from any. SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_LEASE_H
#define WRITER_LEASE_H
#include "base/settings.h"
#include "base/thread.h"
#include "writer/status.h"

struct lease {
    const struct settings *settings; /* borrowed */
    struct status *status;           /* borrowed; told when renewing fails */
    int64_t lane_id;
    int64_t epoch;
    struct thread thread;
    struct lock lock;
    /* guarded by lock */
    int64_t good_until_boot_ms; /* by CLOCK_BOOTTIME, counted from before the renewal was sent */
    int64_t touched_ms;
    bool lost; /* another epoch has begun */
    bool stopping;
};

/* `acquired_boot_ms`: clock_boot_ms() before the lane was acquired. */
void lease_start(struct lease *lease, const struct settings *settings, struct status *status,
                 int64_t lane_id, int64_t epoch, int64_t acquired_boot_ms);
void lease_stop(struct lease *lease); /* one that was never started is fine */

/* True while no other writer can own the lane. */
bool lease_alive(struct lease *lease);

/* True once another writer has taken it. */
bool lease_lost(struct lease *lease);

void lease_touch(struct lease *lease);

#endif
