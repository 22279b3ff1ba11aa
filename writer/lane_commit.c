/* Between two batches: one transaction completes what has landed and announces what was gathered,
 * which is then sent off.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/lane.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include <inttypes.h>

enum { BACKOFF_MAX_MS = 2000 };

static char *table_name(const struct lane *lane)
{
    return xasprintf("%s.%s", lane->table.database, lane->table.name);
}

/* Finds the duplicates of the open batch, however long the stores take to come back. */
static bool decide(struct lane *lane, struct err *reterr)
{
    const struct known_stores stores = {lane->reader, &lane->table, lane->ledger.pg};
    int64_t backoff_ms = 0;
    while (!known_decide(&lane->known, lane->open, &stores, reterr)) {
        if (err_code_class(reterr->code) != ERR_CLASS_RETRY || !pg_alive(lane->ledger.pg))
            return false; /* a session that was lost is opened by the next turn */
        status_trouble(&lane->status, STATUS_CLICKHOUSE, reterr);
        stop_wait(&lane->stop, stop_backoff(&backoff_ms, BACKOFF_MAX_MS));
        if (!lane_go_on(lane, reterr))
            return false;
    }
    if (backoff_ms > 0)
        status_trouble_over(&lane->status, STATUS_CLICKHOUSE);
    return true;
}

/* Closes the open batch: its blocks stand, its records go back to the consumer. */
static bool seal(struct lane *lane, struct err *reterr)
{
    struct batch *batch = lane->open;
    struct intent *intent = &batch->intent;
    if (!decide(lane, reterr) || !batch_seal(batch, lane->taken, lane->ledger.incarnation,
                                             records_mode_of(lane->settings->records_mode), reterr))
        return false;
    consumer_release(lane->consumer, batch->last_sequence);
    lane_note_taken(lane, intent);
    intent->lane = xasprintf("%" PRIu32, lane->number);
    intent->cluster_id = xstrdup(lane->facts.cluster_id);
    intent->topic = xstrdup(lane->settings->events_topic);
    intent->table = table_name(lane);
    intent->table_uuid = xstrdup(lane->table.uuid);
    intent->partition_key = xstrdup(lane->table.partition_key);
    snprintf(intent->dedup_key, sizeof intent->dedup_key, "%016" PRIx64, lane->known.key.id);
    intent_name(intent);
    return true;
}

/* One try of the transaction; when its outcome is not known, the ledger is asked. */
static bool try_advance(struct lane *lane, const struct ledger_completion *complete,
                        struct intent *intend, bool *unknown, struct err *reterr)
{
    if (*unknown) {
        bool done;
        if (!ledger_resolve(&lane->ledger, complete, intend, &done, reterr))
            return false;
        *unknown = false;
        if (done)
            return true;
    }
    if (ledger_advance(&lane->ledger, complete, intend, reterr))
        return true;
    *unknown = reterr->code == ERR_POSTGRES_UNKNOWN || !pg_alive(lane->ledger.pg);
    return false;
}

/* Completes `landed` (NULL: none) and announces `next` (NULL: none), however long PostgreSQL takes
 * to come back. *ret_proof_boot_ms: just before the transaction that took place was tried. */
static bool advance(struct lane *lane, struct batch *landed, struct batch *next,
                    int64_t *ret_proof_boot_ms, struct err *reterr)
{
    struct ledger_completion completion = {0};
    if (landed)
        completion =
            (struct ledger_completion){&landed->intent,  &landed->usage,      &landed->dead,
                                       &landed->records, &landed->duplicates, 0};
    int64_t backoff_ms = 0;
    bool unknown = false;
    for (;;) {
        int64_t began_us = clock_mono_us();
        *ret_proof_boot_ms = clock_boot_ms();
        if (try_advance(lane, landed ? &completion : NULL, next ? &next->intent : NULL, &unknown,
                        reterr)) {
            metrics_observe_us(HISTOGRAM_WRITER_COMMIT, clock_mono_us() - began_us);
            status_trouble_over(&lane->status, STATUS_POSTGRES);
            return true;
        }
        if (reterr->code == ERR_LANE_LOST || err_code_class(reterr->code) != ERR_CLASS_RETRY)
            return false;
        status_trouble(&lane->status, STATUS_POSTGRES, reterr);
        lease_touch(&lane->lease);
        /* A program that stops still completes what has landed, until it must stop now. */
        if (stop_wait_now(&lane->stop, stop_backoff(&backoff_ms, BACKOFF_MAX_MS)))
            return false;
        if (lease_lost(&lane->lease))
            return err_set(reterr, ERR_LANE_LOST, "another writer took the lane");
    }
}

static void count_completed(struct lane *lane, struct batch *batch)
{
    const struct intent *intent = &batch->intent;
    int64_t rows = intent_rows(intent);
    lane->completed++;
    metrics_add(METRIC_WRITER_BATCHES, 1);
    metrics_add(METRIC_WRITER_RECORDS_STORED, (uint64_t)rows);
    metrics_add(METRIC_WRITER_RECORDS_DUPLICATE, (uint64_t)intent_count(intent, FATE_DUPLICATE));
    metrics_add(METRIC_WRITER_RECORDS_DEAD, (uint64_t)intent_count(intent, FATE_DEAD));
    status_progress(&lane->status);
    lane->reported_ms = 0; /* what was reported is no longer true */
    log_debug(BATCH_COMPLETED, log_i64("batch_seq", lane->ledger.batch_seq), log_i64("rows", rows),
              log_u64("blocks", intent->blocks_len));
    known_write(&lane->known, batch);
    batch_reset(batch);
}

/* One transaction: completes what has landed, and announces `next`, which then flies. */
static bool advance_and_send(struct lane *lane, struct batch *next, struct err *reterr)
{
    int64_t proof_boot_ms;
    if (!advance(lane, lane->landed, next, &proof_boot_ms, reterr))
        return false;
    if (lane->landed)
        count_completed(lane, lane->landed);
    lane->landed = NULL;
    if (next)
        flight_start(&lane->flight, next, INSERT_FRESH, proof_boot_ms);
    return true;
}

/* Asks the breaker about a batch that has dead letters; what is completed soon counts as well. */
static bool ask_breaker(struct lane *lane, const struct intent *next, struct err *reterr)
{
    struct lane_limits limits = lane_limits(lane);
    struct breaker_counts counts = {.records = intent_records(next), .dead = intent_alarming(next)};
    if (counts.dead == 0)
        return true;
    if (lane->landed) {
        counts.records += intent_records(&lane->landed->intent);
        counts.dead += intent_alarming(&lane->landed->intent);
    }
    int64_t records, dead;
    if (!ledger_recent(&lane->ledger, limits.breaker.window_ms, &records, &dead, reterr))
        return false;
    counts.records += records;
    counts.dead += dead;
    return breaker_holds(&limits.breaker, &counts, reterr);
}

/* Closes the open batch and opens the other one. What has landed before is completed even when this
 * one must not be announced. */
static bool close_open(struct lane *lane, struct err *reterr)
{
    struct err why;
    bool proven = lane_prove(lane, &why);
    if (proven && !seal(lane, reterr))
        return false;
    if (!proven || !ask_breaker(lane, &lane->open->intent, &why)) {
        if (lane->landed && !advance_and_send(lane, NULL, reterr))
            return false;
        *reterr = why;
        return false;
    }
    lane->open = lane->open == &lane->batches[0] ? &lane->batches[1] : &lane->batches[0];
    return true;
}

bool lane_commit(struct lane *lane, bool send, struct err *reterr)
{
    struct batch *next = send && lane->open->rows_len > 0 ? lane->open : NULL;
    if (next && !close_open(lane, reterr))
        return false;
    bool flies = next && next->intent.blocks_len > 0;
    if ((lane->landed || flies) && !advance_and_send(lane, flies ? next : NULL, reterr))
        return false;
    ASSERT(!next || lane->open->rows_len == 0);
    if (!next || flies)
        return true;
    /* Nothing of it is stored, so nothing has to land: it is completed at once. */
    lane->landed = next;
    lane->landed_ms = clock_mono_ms();
    return advance_and_send(lane, NULL, reterr);
}
