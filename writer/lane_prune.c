/* Retention in PostgreSQL: a few rows at a time, while nothing flies.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/lane.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    DAY_MS = 86400000,
    EVERY_MS = 3600000,
    MORE_MS = 1000, /* while there is a backlog */
    FAILED_MS = 60000,
};

/* The ledger is the proof of what became of the records: it outlives them in Kafka by a day. */
static int64_t ledger_ms(const struct lane *lane)
{
    int64_t wanted = lane->settings->retention_ledger;
    if (wanted == 0 || lane->facts.retention_ms < 0)
        return 0;
    int64_t window_ms = lane->settings->dedup_window; /* what was seen is recalled from it, too */
    int64_t least =
        (window_ms > lane->facts.retention_ms ? window_ms : lane->facts.retention_ms) + DAY_MS;
    return wanted > least ? wanted : least;
}

void lane_prune(struct lane *lane)
{
    int64_t now = clock_mono_ms();
    if (now < lane->prune_ms)
        return;
    const struct ledger_retention retention = {
        .ledger_ms = ledger_ms(lane),
        .dead_ms = lane->settings->retention_dead_letters,
        .usage_ms = lane->settings->retention_usage,
    };
    bool more;
    struct err err;
    if (ledger_prune(&lane->ledger, &retention, &more, &err)) {
        lane->prune_ms = now + (more ? MORE_MS : EVERY_MS);
        return;
    }
    log_warning(RETENTION_FAILED, log_error_of(&err));
    lane->prune_ms = now + FAILED_MS;
}
