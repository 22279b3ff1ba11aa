/* Taking a lane over: the stores, the claim, the lease, and the questions that must be answered
 * before the first record is read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/lane.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "writer/horizon.h"
#include "writer/margin.h"
#include "writer/read_back.h"
#include "kafka/topic_check.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    WAIT_STEP_MS = 200,
    RISKS_MAX = 65536,
};

/* Says what is allowed of the table, but can surprise. */
static void log_risks(const struct lane *lane, const struct ch_wanted wanted[], size_t wanted_len)
{
    CLEANUP(buf_done) struct buf risks;
    buf_init(&risks, RISKS_MAX);
    ch_table_risks(&lane->table, wanted, wanted_len, &risks);
    if (lane->columns.order.unknown[0] != '\0')
        buf_printf(&risks, "its sorting key has '%s', by which ClickHouse itself must sort\n",
                   lane->columns.order.unknown);
    struct slice rest = buf_slice(&risks);
    while (rest.size > 0) {
        size_t size = (size_t)((const char *)memchr(rest.data, '\n', rest.size) - rest.data);
        log_warning(TABLE_RISK, log_str("table", lane->table.name),
                    log_slice("risk", (struct slice){rest.data, size}));
        rest = (struct slice){rest.data + size + 1, rest.size - size - 1};
    }
}

static bool open_clickhouse(struct lane *lane, struct err *reterr)
{
    const struct settings *settings = lane->settings;
    const struct ch_options options = {.url = settings->clickhouse_url,
                                       .user = settings->clickhouse_user,
                                       .password = settings->clickhouse_password,
                                       .database = settings->clickhouse_database};
    lane->reader = ch_new(&options);
    lane->sender = ch_new(&options);
    size_t wanted_len;
    const struct ch_wanted *wanted = columns_wanted(&wanted_len);
    if (!ch_table_read(lane->reader, settings->clickhouse_database, settings->clickhouse_table,
                       &lane->table, reterr) ||
        !ch_table_check(&lane->table, wanted, wanted_len, margin_least(settings), reterr) ||
        !columns_plan(&lane->table, &lane->columns, reterr))
        return false;
    log_risks(lane, wanted, wanted_len);
    return true;
}

static bool open_topic(struct lane *lane, struct err *reterr)
{
    lane->topic = topic_open(lane->settings, reterr);
    if (!lane->topic || !topic_describe(lane->topic, &lane->facts, reterr) ||
        !topic_check(lane->settings->events_topic, &lane->facts, lane->settings->server_event_max,
                     reterr))
        return false;
    return lane->facts.partitions <= UINT16_MAX + 1u ||
           err_set(reterr, ERR_TOPIC_MISMATCH, "more than 65536 partitions");
}

static bool claim(struct lane *lane, struct err *reterr)
{
    CLEANUP(mem_freep)
    char *table = xasprintf("%s.%s", lane->table.database, lane->table.name);
    const struct ledger_target target = {
        .cluster_id = lane->facts.cluster_id,
        .topic = lane->settings->events_topic,
        .table = table,
        .table_uuid = lane->table.uuid,
        .partitions = lane->facts.partitions,
        .lanes = lane->settings->writer_lanes,
        .lane = lane->number,
    };
    return ledger_claim(&lane->ledger, &target, reterr);
}

/* Waits until the lane is free. */
static bool acquire(struct lane *lane, struct err *reterr)
{
    const struct settings *settings = lane->settings;
    for (;;) {
        lane->acquired_boot_ms = clock_boot_ms();
        if (ledger_acquire(&lane->ledger, lane->owner, settings->writer_lease, owner_is_dead,
                           reterr))
            break;
        if (reterr->code != ERR_LANE_LOST)
            return false;
        status_phase(&lane->status, STATUS_WAITING, reterr);
        stop_wait(&lane->stop, WAIT_STEP_MS);
        if (!lane_go_on(lane, reterr))
            return false;
    }
    lease_start(&lane->lease, settings, &lane->status, lane->ledger.lane_id, lane->ledger.epoch,
                lane->acquired_boot_ms);
    metrics_add(METRIC_WRITER_LANES_ACQUIRED, 1);
    log_info(LANE_ACQUIRED, log_u64("lane", lane->number), log_i64("epoch", lane->ledger.epoch),
             log_i64("batch_seq", lane->ledger.batch_seq),
             log_str("intent", lane->ledger.pending ? lane->ledger.intent.id : ""));
    return true;
}

/* Another PostgreSQL than the lane's last owner saw may have forgotten what that one was told. What
 * is still on its way from then must have arrived or died before the table is looked at. */
static bool check_identity(struct lane *lane, struct err *reterr)
{
    if (ledger_same_identity(&lane->ledger))
        return true;
    struct err reason;
    int64_t until = clock_mono_ms() + horizon_ms(lane->settings);
    err_set(&reason, ERR_NOT_READY,
            "PostgreSQL is another one (system %s, timeline %" PRId64
            ") than the lane was owned under; waiting %" PRId64 " s for what is still on its way",
            lane->ledger.session.system_identifier, lane->ledger.session.timeline,
            horizon_ms(lane->settings) / 1000);
    log_warning(LANE_WAITING, log_u64("lane", lane->number), log_error_of(&reason));
    status_phase(&lane->status, STATUS_RECOVERING, &reason);
    while (clock_mono_ms() < until) {
        if (!lane_go_on(lane, reterr))
            return false;
        stop_wait(&lane->stop, WAIT_STEP_MS);
    }
    status_phase(&lane->status, STATUS_RECOVERING, NULL);
    return ledger_reopen(&lane->ledger, reterr) && ledger_adopt_identity(&lane->ledger, reterr);
}

static bool check_table(struct lane *lane, struct err *reterr)
{
    const struct ledger *ledger = &lane->ledger;
    CLEANUP(mem_freep) struct read_back_end *ends = xcalloc(ledger->own_len, sizeof *ends);
    size_t ends_len = 0;
    for (uint32_t i = 0; i < ledger->partitions; i++) {
        const struct intent_range *range =
            ledger->pending ? intent_range_of(&ledger->intent, i) : NULL;
        int64_t last = range ? range->to : ledger->state[i].hwm;
        if (ledger->state[i].own)
            ends[ends_len++] = (struct read_back_end){i, stored_offset(ledger->incarnation, last)};
    }
    return read_back_nothing_beyond(lane->reader, lane->table.name, ends, ends_len, reterr);
}

/* Everything that works for the flight and for the loop. */
static void prepare(struct lane *lane)
{
    uint32_t partitions = lane->ledger.partitions;
    lane->inserter = (struct inserter){
        .settings = lane->settings,
        .client = lane->sender,
        .columns = &lane->columns,
        .ledger = &lane->ledger,
        .lease = &lane->lease,
        .table = lane->table.name,
        .replaces = ch_table_replaces(&lane->table),
        .replicated = ch_table_replicated(&lane->table),
    };
    flight_init(&lane->flight, &lane->inserter, &lane->status);
    batch_init(&lane->batches[0], partitions, &lane->columns, &lane->known.key);
    batch_init(&lane->batches[1], partitions, &lane->columns, &lane->known.key);
    lane->open = &lane->batches[0];
    lane->positions = xcalloc(partitions, sizeof *lane->positions);
    lane->taken = xcalloc(partitions, sizeof *lane->taken);
    lane->ends = xcalloc(partitions, sizeof *lane->ends);
    for (uint32_t i = 0; i < partitions; i++) {
        lane->taken[i] = lane->ledger.state[i].hwm;
        lane->positions[i] = (struct status_partition){
            .own = lane->ledger.state[i].own, .done = lane->taken[i], .log_end = -1};
    }
}

/* Finishes what an earlier run began: the same blocks again, and the question whether they landed.
 */
static bool take_up_intent(struct lane *lane, struct err *reterr)
{
    if (!lane->ledger.pending)
        return true;
    log_info(INTENT_FOUND, log_str("intent", lane->ledger.intent.id),
             log_i64("records", intent_records(&lane->ledger.intent)));
    if (!lane_rebuild(lane, reterr))
        return false;
    metrics_add(METRIC_WRITER_REBUILDS, 1);
    struct batch *rebuilt = lane->open;
    known_enter(&lane->known, rebuilt);
    lane_note_taken(lane, &rebuilt->intent);
    flight_start(&lane->flight, rebuilt, INSERT_DOUBT, 0);
    lane->open = &lane->batches[1];
    return true;
}

static bool open_consumer(struct lane *lane, struct err *reterr)
{
    CLEANUP(mem_freep)
    struct consumer_position *positions = xcalloc(lane->ledger.own_len, sizeof *positions);
    size_t len = 0;
    for (uint32_t i = 0; i < lane->ledger.partitions; i++)
        if (lane->ledger.state[i].own)
            positions[len++] = (struct consumer_position){i, lane->taken[i] + 1};
    /* One group for all lanes and writers: nobody joins it, so nobody is in anybody's way. */
    const struct consumer_options options = {.group = "bxb-writer"};
    lane->consumer = consumer_open(lane->settings, &options, positions, len, reterr);
    return lane->consumer != NULL;
}

bool lane_claim(struct lane *lane, struct err *reterr)
{
    return ledger_open(&lane->ledger, lane->settings, reterr) && open_clickhouse(lane, reterr) &&
           open_topic(lane, reterr) && claim(lane, reterr);
}

bool lane_open(struct lane *lane, struct err *reterr)
{
    if (!lane_claim(lane, reterr) || !acquire(lane, reterr))
        return false;
    status_phase(&lane->status, STATUS_RECOVERING, NULL);
    if (!check_identity(lane, reterr) || !check_table(lane, reterr) ||
        !lane_check_anchors(lane, reterr) || !lane_recall(lane, reterr))
        return false;
    prepare(lane);
    if (!take_up_intent(lane, reterr) || !open_consumer(lane, reterr))
        return false;
    status_phase(&lane->status, STATUS_WORKING, NULL);
    return true;
}

void lane_close(struct lane *lane)
{
    /* First what the next owner waits for: once nothing flies, the lane is free. */
    flight_done(&lane->flight);
    lease_stop(&lane->lease);
    if (lane->ledger.epoch > 0)
        log_info(LANE_RELEASED, log_u64("lane", lane->number),
                 log_i64("epoch", lane->ledger.epoch));
    ledger_release(&lane->ledger);
    consumer_close(TAKE(lane->consumer));
    ledger_close(&lane->ledger);
    topic_close(TAKE(lane->topic));
    ch_free(TAKE(lane->reader));
    ch_free(TAKE(lane->sender));
    ch_table_done(&lane->table);
    if (lane->open) { /* prepare() was reached */
        batch_done(&lane->batches[0]);
        batch_done(&lane->batches[1]);
    }
    known_close(&lane->known); /* what it has seen holds only under this lease */
    mem_freep(&lane->positions);
    mem_freep(&lane->taken);
    mem_freep(&lane->ends);
    mem_freep(&lane->anchors);
    lane->positions = NULL;
    lane->taken = NULL;
    lane->ends = NULL;
    lane->anchors = NULL;
    lane->completed = 0;
    lane->prune_ms = 0;
    lane->open = NULL;
    lane->landed = NULL;
}
