/* How this writer is doing, from how its lanes are.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/coordinator.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include <inttypes.h>

enum {
    REMIND_MS = 60000,
    LABELS_SIZE = 40,
};

/* False with *reterr when nothing is known about who should have what. */
static bool read_wanted(struct coordinator *coordinator, bool ret_wanted[], struct err *reterr)
{
    lock_acquire(&coordinator->lock);
    memcpy(ret_wanted, coordinator->wanted, coordinator->lanes_len * sizeof *ret_wanted);
    *reterr = coordinator->trouble;
    lock_release(&coordinator->lock);
    return reterr->code == ERR_NONE;
}

static bool lane_is_ready(struct lane *lane, bool wanted, struct err *reterr)
{
    if (wanted && status_phase_now(&lane->status) == STATUS_IDLE)
        err_set(reterr, ERR_NOT_READY, "starting");
    else if (status_ready(&lane->status, reterr))
        return true;
    return err_prefix(reterr, "lane %" PRIu32, lane->number);
}

/* The lanes come first: what is wrong with one of them says more. */
bool coordinator_ready(struct coordinator *coordinator, struct err *reterr)
{
    CLEANUP(mem_freep) bool *wanted = xcalloc(coordinator->lanes_len, sizeof *wanted);
    struct err trouble;
    bool known = read_wanted(coordinator, wanted, &trouble);
    for (size_t i = 0; i < coordinator->lanes_len; i++)
        if (!lane_is_ready(&coordinator->lanes[i], wanted[i], reterr))
            return false;
    if (!known)
        *reterr = trouble;
    return known && margin_holds(&coordinator->margin, reterr);
}

static void print_readiness(struct coordinator *coordinator, const bool wanted[], struct buf *out)
{
    metrics_print_family(out, METRIC_WRITER_LANE_READY);
    for (size_t i = 0; i < coordinator->lanes_len; i++) {
        struct err ignored;
        char labels[LABELS_SIZE];
        snprintf(labels, sizeof labels, "lane=\"%zu\"", i);
        if (wanted[i])
            metrics_print_labelled(out, METRIC_WRITER_LANE_READY, labels,
                                   lane_is_ready(&coordinator->lanes[i], true, &ignored));
    }
}

void coordinator_metrics(struct coordinator *coordinator, struct buf *out)
{
    CLEANUP(mem_freep) bool *wanted = xcalloc(coordinator->lanes_len, sizeof *wanted);
    struct err ignored;
    int64_t freshness_ms = 0, lanes = 0;
    (void)read_wanted(coordinator, wanted, &ignored);
    metrics_print_family(out, METRIC_WRITER_LAG);
    for (size_t i = 0; i < coordinator->lanes_len; i++) {
        struct status *status = &coordinator->lanes[i].status;
        int64_t age_ms = status_freshness(status);
        freshness_ms = age_ms > freshness_ms ? age_ms : freshness_ms;
        lanes += wanted[i];
        status_print_lag(status, (uint32_t)i, out);
    }
    print_readiness(coordinator, wanted, out);
    lock_acquire(&coordinator->lock);
    metrics_set(METRIC_WRITER_WRITERS, (int64_t)coordinator->writers);
    lock_release(&coordinator->lock);
    metrics_set(METRIC_WRITER_LANES, lanes);
    metrics_set(METRIC_WRITER_FRESHNESS, freshness_ms);
    metrics_set(METRIC_WRITER_READY, coordinator_ready(coordinator, &ignored));
}

void coordinator_watch(struct coordinator *coordinator)
{
    struct err err;
    int64_t now = clock_mono_ms();
    bool ready = coordinator_ready(coordinator, &err);
    if (ready == coordinator->was_ready && (ready || now < coordinator->next_reminder))
        return;
    coordinator->was_ready = ready;
    coordinator->next_reminder = now + REMIND_MS;
    if (ready)
        log_info(READY);
    else
        log_warning(NOT_READY, log_error_of(&err), log_str("remedy", err_code_remedy(err.code)));
}
