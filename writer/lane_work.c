/* The steady loop: gather a batch while the one before it flies; when that has landed, complete it
 * and announce the next in one transaction, and send that off.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/lane.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include <inttypes.h>

enum {
    GATHER_MIN_MS = 10,  /* a first record waits this long for others */
    STEP_MAX_MS = 100,   /* no wait is longer, so that a wish to stop is seen */
    FLIGHT_STEP_MS = 20, /* while a batch flies */
    TAKE_MAX = 1000,     /* records between two looks at the clock */
    REPORT_MS = 500,
    PROBE_EVERY_MS = 5000,
    PROBE_TIMEOUT_MS = 2000,
    PROBE_ANSWER_MAX = 64,
    BACKOFF_MAX_MS = 2000,
};

static struct lane_limits limits_of(struct lane *lane)
{
    lock_acquire(&lane->lock);
    struct lane_limits limits = lane->limits;
    lock_release(&lane->lock);
    return limits;
}

/* The last offset of a partition that nothing is left of: done, or a control record at the end. */
static int64_t done_of(const struct lane *lane, uint32_t partition)
{
    int64_t hwm = lane->ledger.state[partition].hwm;
    bool in_hand = lane->taken[partition] != hwm || lane->open->ranges[partition].records > 0;
    return !in_hand && lane->ends[partition] > hwm ? lane->ends[partition] - 1 : hwm;
}

/* What /metrics shows, and Kafka's committed offsets, which are for tools only. */
static void report(struct lane *lane)
{
    int64_t now = clock_mono_ms();
    if (now - lane->reported_ms < REPORT_MS)
        return;
    lane->reported_ms = now;
    uint32_t partitions = lane->ledger.partitions;
    CLEANUP(mem_freep) struct consumer_position *done = xcalloc(partitions, sizeof *done);
    for (uint32_t i = 0; i < partitions; i++) {
        lane->positions[i] = (struct status_partition){
            .done = done_of(lane, i),
            .log_end = consumer_log_end(lane->consumer, i),
        };
        done[i] = (struct consumer_position){i, lane->ledger.state[i].hwm + 1};
    }
    const struct batch *oldest = lane->landed                   ? lane->landed
                                 : flight_in_air(&lane->flight) ? lane->flight.batch
                                                                : lane->open;
    status_positions(&lane->status, lane->positions, partitions, oldest->oldest_ms);
    consumer_commit(lane->consumer, done, partitions);
}

/* Without work nobody would notice that ClickHouse is away, until there is some. */
static void probe(struct lane *lane)
{
    int64_t now = clock_mono_ms();
    bool idle = !flight_in_air(&lane->flight) && !lane->landed && lane->open->rows_len == 0;
    if (!idle || now - lane->probed_ms < PROBE_EVERY_MS)
        return;
    lane->probed_ms = now;
    struct err err;
    CLEANUP(buf_done) struct buf answer;
    buf_init(&answer, PROBE_ANSWER_MAX);
    if (ch_query(lane->reader, "SELECT 1", NULL, 0, PROBE_TIMEOUT_MS, &answer, &err))
        status_trouble_over(&lane->status, STATUS_CLICKHOUSE);
    else
        status_trouble(&lane->status, STATUS_CLICKHOUSE, &err);
    if (consumer_probe(lane->consumer, &err))
        status_trouble_over(&lane->status, STATUS_KAFKA);
    else
        status_trouble(&lane->status, STATUS_KAFKA, &err);
}

/* Gathering */

/* When the open batch is sealed, or the landed one completed alone (clock_mono_ms). */
static int64_t due_ms(const struct lane *lane, const struct lane_limits *limits)
{
    int64_t due = lane->landed_ms + limits->batch_wait_ms;
    if (lane->open->rows_len == 0)
        return lane->landed ? due : INT64_MAX;
    int64_t earliest = lane->open->first_taken_ms + GATHER_MIN_MS;
    return due > earliest ? due : earliest;
}

static void note_connection(struct lane *lane)
{
    struct err err;
    if (consumer_connected(lane->consumer, &err))
        status_trouble_over(&lane->status, STATUS_KAFKA);
    else
        status_trouble(&lane->status, STATUS_KAFKA, &err);
}

/* Takes what there is, waiting at most `wait_ms` for the first of it. */
static bool take(struct lane *lane, const struct lane_limits *limits, int64_t wait_ms,
                 struct err *reterr)
{
    for (int i = 0; i < TAKE_MAX && !batch_full(lane->open, &limits->batch); i++) {
        struct consumer_message message;
        switch (consumer_next(lane->consumer, i == 0 ? wait_ms : 0, &message, reterr)) {
        case CONSUMER_ERROR:
            return false;
        case CONSUMER_TIMEOUT:
            if (i == 0)
                note_connection(lane);
            return true;
        case CONSUMER_EOF:
            lane->ends[message.partition] = message.offset;
            break;
        case CONSUMER_MESSAGE:
            batch_add(lane->open, &message);
            break;
        }
    }
    if (lane->open->rows_len > 0 && lane->open->first_taken_ms == 0)
        lane->open->first_taken_ms = clock_mono_ms();
    status_trouble_over(&lane->status, STATUS_KAFKA);
    return true;
}

/* Gathers until there is something to commit. */
static bool gather(struct lane *lane, struct err *reterr)
{
    for (;;) {
        if (!lane_go_on(lane, reterr))
            return false;
        report(lane);
        probe(lane);
        struct lane_limits limits = limits_of(lane);
        int64_t now = clock_mono_ms();
        bool full = batch_full(lane->open, &limits.batch);
        if (flight_in_air(&lane->flight)) {
            if (flight_ended(&lane->flight, full ? now + STEP_MAX_MS : now))
                return true;
            if (full)
                continue;
        } else if (full || now >= due_ms(lane, &limits)) {
            return true;
        }
        int64_t wait = due_ms(lane, &limits) - now;
        int64_t most = flight_in_air(&lane->flight) ? FLIGHT_STEP_MS : STEP_MAX_MS;
        if (!take(lane, &limits, wait < 0 ? 0 : wait > most ? most : wait, reterr))
            return false;
    }
}

/* Committing */

static char *table_name(const struct lane *lane)
{
    return xasprintf("%s.%s", lane->table.database, lane->table.name);
}

/* Closes the open batch: its blocks stand, its records go back to the consumer. */
static bool seal(struct lane *lane, struct err *reterr)
{
    struct batch *batch = lane->open;
    struct intent *intent = &batch->intent;
    if (!batch_seal(batch, lane->taken, lane->ledger.incarnation, reterr))
        return false;
    consumer_release(lane->consumer, batch->last_sequence);
    for (size_t i = 0; i < intent->ranges_len; i++)
        lane->taken[intent->ranges[i].partition] = intent->ranges[i].to;
    intent->lane = xstrdup(lane->settings->writer_lane);
    intent->cluster_id = xstrdup(lane->facts.cluster_id);
    intent->topic = xstrdup(lane->settings->events_topic);
    intent->table = table_name(lane);
    intent->table_uuid = xstrdup(lane->table.uuid);
    intent->partition_key = xstrdup(lane->table.partition_key);
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
        completion = (struct ledger_completion){&landed->intent, &landed->usage, &landed->dead};
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
    log_debug(BATCH_COMPLETED, log_i64("batch_seq", lane->ledger.batch_seq), log_i64("rows", rows),
              log_u64("blocks", intent->blocks_len));
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

/* Completes what has landed, and sends off what was gathered. */
static bool commit(struct lane *lane, bool send, struct err *reterr)
{
    struct batch *next = send && lane->open->rows_len > 0 ? lane->open : NULL;
    if (next) {
        if (!seal(lane, reterr))
            return false;
        lane->open = next == &lane->batches[0] ? &lane->batches[1] : &lane->batches[0];
    }
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

static bool touch_down(struct lane *lane, struct err *reterr)
{
    struct batch *batch = lane->flight.batch;
    if (!flight_join(&lane->flight, reterr))
        return false;
    lane->landed = batch;
    lane->landed_ms = clock_mono_ms();
    return true;
}

/* SIGTERM: what flies lands and is completed; what was only gathered is read again by the next. */
static bool finish(struct lane *lane, struct err *reterr)
{
    if (flight_in_air(&lane->flight)) {
        while (!flight_ended(&lane->flight, clock_mono_ms() + STEP_MAX_MS)) {
            lease_touch(&lane->lease);
            if (stop_requested_now(&lane->stop))
                return err_set(reterr, ERR_SHUTTING_DOWN, "no time to finish the batch");
        }
        if (!touch_down(lane, reterr))
            return false;
    }
    return commit(lane, false, reterr);
}

bool lane_work(struct lane *lane, struct err *reterr)
{
    for (;;) {
        if (!gather(lane, reterr))
            return reterr->code == ERR_SHUTTING_DOWN && finish(lane, reterr);
        if (flight_in_air(&lane->flight)) {
            if (!touch_down(lane, reterr))
                return false;
            continue; /* gathering goes on for batch_wait, counted from here */
        }
        if (!commit(lane, true, reterr))
            return false;
    }
}
