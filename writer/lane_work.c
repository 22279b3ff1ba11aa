/* The steady loop: gather a batch while the one before it flies; when that has landed, commit
 * (lane_commit.c) completes it and sends off the next.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/lane.h"
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
};

/* The last offset of a partition that nothing is left of: done, or a control record at the end. */
static int64_t done_of(const struct lane *lane, uint32_t partition)
{
    int64_t hwm = lane->ledger.state[partition].hwm;
    bool in_hand = lane->taken[partition] != hwm || lane->open->ranges[partition].records > 0;
    return !in_hand && lane->ends[partition] > hwm ? lane->ends[partition] - 1 : hwm;
}

/* Partitions that are done to their end are at the present; the others where they were read to. */
static void move_horizon(struct lane *lane)
{
    uint32_t partitions = lane->ledger.partitions;
    CLEANUP(mem_freep) bool *idle = xcalloc(partitions, sizeof *idle);
    for (uint32_t i = 0; i < partitions; i++)
        idle[i] = lane->positions[i].log_end >= 0 &&
                  lane->positions[i].done >= lane->positions[i].log_end - 1;
    known_advance(&lane->known, idle, clock_wall_ms());
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
    size_t done_len = 0;
    for (uint32_t i = 0; i < partitions; i++) {
        if (!lane->ledger.state[i].own)
            continue;
        lane->positions[i].done = done_of(lane, i);
        lane->positions[i].log_end = consumer_log_end(lane->consumer, i);
        done[done_len++] = (struct consumer_position){i, lane->ledger.state[i].hwm + 1};
    }
    move_horizon(lane);
    const struct batch *oldest = lane->landed                   ? lane->landed
                                 : flight_in_air(&lane->flight) ? lane->flight.batch
                                                                : lane->open;
    status_positions(&lane->status, lane->positions, partitions, oldest->oldest_ms);
    consumer_commit(lane->consumer, done, done_len);
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
            anchor_take(&lane->anchors[message.partition], &message);
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
        struct lane_limits limits = lane_limits(lane);
        int64_t now = clock_mono_ms();
        bool full = batch_full(lane->open, &limits.batch);
        if (!flight_in_air(&lane->flight))
            lane_prune(lane);
        if (flight_in_air(&lane->flight)) {
            if (flight_ended(&lane->flight, full ? now + STEP_MAX_MS : now))
                return true;
            if (full)
                continue;
        } else if (full || now >= due_ms(lane, &limits)) {
            return true;
        }
        /* While one flies nothing is due before it has landed. */
        int64_t wait = flight_in_air(&lane->flight) ? FLIGHT_STEP_MS : due_ms(lane, &limits) - now;
        if (!take(lane, &limits, wait < STEP_MAX_MS ? wait : STEP_MAX_MS, reterr))
            return false;
    }
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
    return lane_commit(lane, false, reterr);
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
        if (!lane_commit(lane, true, reterr))
            return false;
    }
}
