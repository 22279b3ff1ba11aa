/* What the lane has seen, read again when it begins. The ledger says which batches there were; the
 * ids of each come from its segments if all of them are there, else from ClickHouse, else from the
 * topic with the fates that were pinned. Nothing above hwm is read: what an intent announced enters
 * when it is rebuilt.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/lane.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "clickhouse/row_binary.h"
#include "dedup/seen_load.h"
#include "writer/read_back.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    SQL_MAX = 16 * 1024 * 1024,
    ANSWER_MAX = INT32_MAX,
    GROUP_ROWS = 200000, /* of batches that follow each other, asked for at once */
    SLACK_MS = 3600000,  /* between PostgreSQL's clock and the brokers' */
};

struct past_batch {
    char intent_id[INTENT_ID_SIZE];
    int64_t seq;
    int64_t stored; /* ids that there must be */
    int64_t ids;    /* that were found in segments */
};

struct recall {
    struct lane *lane;
    struct known *known;
    struct seen_load load;
    struct past_batch *batches; /* by intent id, later by batch_seq; owned */
    size_t len;
    uint64_t from_segments, from_clickhouse, from_topic, lost; /* ids */
    int64_t wall_ms;
    struct err err;
};

static void recall_done(struct recall *recall)
{
    mem_freep(&recall->batches);
}

static void enter(struct recall *recall, struct seen_id id, int64_t appended_ms)
{
    appended_ms = appended_ms > recall->wall_ms ? recall->wall_ms : appended_ms;
    if (appended_ms < recall->known->oldest_ms)
        recall->known->oldest_ms = appended_ms;
    seen_load_add(&recall->load, id, appended_ms);
}

/* The ledger */

/* From when on ids are wanted: the window before the clock that lags most. A partition of which
 * nothing is left to read does not lag. */
static bool wanted_from(struct lane *lane, int64_t *ret_from_ms, struct err *reterr)
{
    uint32_t partitions = lane->ledger.partitions;
    CLEANUP(mem_freep) struct topic_range *log = xcalloc(partitions, sizeof *log);
    if (!topic_watermarks(lane->topic, log, partitions, reterr))
        return false;
    int64_t clock_ms = clock_wall_ms();
    for (uint32_t p = 0; p < partitions; p++) {
        const struct ledger_partition *partition = &lane->ledger.state[p];
        if (partition->anchored && log[p].high > partition->hwm + 1 &&
            partition->anchor_timestamp_ms < clock_ms)
            clock_ms = partition->anchor_timestamp_ms;
    }
    *ret_from_ms = clock_ms - lane->settings->dedup_window;
    return true;
}

static bool list_batches(struct recall *recall, int64_t from_ms, struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    struct lane *lane = recall->lane;
    bool all, last;
    if (!ledger_stored_since(&lane->ledger, from_ms - SLACK_MS, &rows, &all, &last, reterr))
        return false;
    if (!last && !lane->settings->dedup_start_without)
        return err_set(reterr, ERR_SEEN_UNKNOWN,
                       "batch %" PRId64 ", the last one completed, is not in the ledger: rows of "
                       "the table batch were removed",
                       lane->ledger.batch_seq);
    recall->known->whole = all;
    recall->len = pg_rows(rows);
    recall->batches = xcalloc(recall->len + 1, sizeof *recall->batches);
    for (size_t i = 0; i < recall->len; i++) {
        struct past_batch *batch = &recall->batches[i];
        snprintf(batch->intent_id, sizeof batch->intent_id, "%s", pg_text(rows, i, 1));
        batch->seq = pg_i64(rows, i, 0);
        batch->stored = pg_i64(rows, i, 2);
    }
    return true;
}

static uint64_t stored_in_all(const struct recall *recall)
{
    uint64_t stored = 0;
    for (size_t i = 0; i < recall->len; i++)
        stored += (uint64_t)recall->batches[i].stored;
    return stored;
}

/* Segments */

static int by_intent(const void *left, const void *right)
{
    const struct past_batch *a = left, *b = right;
    return strcmp(a->intent_id, b->intent_id);
}

static int by_seq(const void *left, const void *right)
{
    const struct past_batch *a = left, *b = right;
    return (a->seq > b->seq) - (a->seq < b->seq);
}

static bool take_stamp(void *arg, const struct segment_stamp *stamp, struct slice ids)
{
    struct recall *recall = arg;
    struct past_batch wanted;
    if (!lane_go_on(recall->lane, &recall->err))
        return false;
    memcpy(wanted.intent_id, stamp->intent_id, sizeof wanted.intent_id);
    struct past_batch *batch =
        bsearch(&wanted, recall->batches, recall->len, sizeof wanted, by_intent);
    if (!batch || stamp->key_id != recall->known->key.id)
        return true;
    batch->ids += stamp->ids_len;
    for (size_t i = 0; i < stamp->ids_len; i++)
        enter(recall, segment_id(ids, i), stamp->appended_ms);
    return true;
}

static bool read_segments(struct recall *recall, int64_t from_ms, struct err *reterr)
{
    struct known *known = recall->known;
    struct segments_found found;
    struct err err;
    if (!known->segments || recall->len == 0)
        return true;
    if (!segments_read(known->segments, from_ms, take_stamp, recall, &found, &err)) {
        log_warning(SEGMENTS, log_error_of(&err));
        return true;
    }
    if (found.unreadable + found.damaged > 0)
        log_warning(SEGMENTS, log_u64("files", found.files),
                    log_u64("unreadable", found.unreadable), log_u64("damaged", found.damaged));
    if (recall->err.code != ERR_NONE) {
        *reterr = recall->err;
        return false;
    }
    return true;
}

/* A batch whose segments are all there, each once. */
static bool is_recalled(const struct past_batch *batch)
{
    return batch->ids == batch->stored;
}

/* ClickHouse */

/* Batches from before the topic was made anew have its older offsets. */
static void put_ranges(struct buf *sql, const struct pg_result *ranges)
{
    for (size_t i = 0; i < pg_rows(ranges); i++) {
        uint32_t incarnation = (uint32_t)pg_i64(ranges, i, 4);
        buf_printf(sql,
                   "%s(kafka_partition = %" PRId64 " AND kafka_offset BETWEEN %" PRIu64
                   " AND %" PRIu64 ")",
                   i > 0 ? " OR " : "", pg_i64(ranges, i, 0),
                   stored_offset(incarnation, pg_i64(ranges, i, 1)),
                   stored_offset(incarnation, pg_i64(ranges, i, 2)));
    }
}

/* Enters the ids of an answer; counts them. */
static bool take_answer(struct recall *recall, struct slice rest, int64_t appended_ms,
                        int64_t *ret_ids)
{
    int64_t ids = 0;
    for (; rest.size > 0; ids++) {
        struct slice organization, transaction;
        if (!row_binary_text(&rest, &organization) || !row_binary_text(&rest, &transaction))
            return false;
        enter(recall, seen_id_of(&recall->known->key, organization, transaction), appended_ms);
    }
    *ret_ids = ids;
    return true;
}

/* Reads the ids of batches that follow each other; *ret_ids: how many rows there are. */
static bool ask_clickhouse(struct recall *recall, int64_t first_seq, int64_t last_seq,
                           int64_t *ret_ids, struct err *reterr)
{
    struct lane *lane = recall->lane;
    CLEANUP(pg_result_freep) struct pg_result *ranges = NULL;
    CLEANUP(buf_done) struct buf sql;
    CLEANUP(buf_done) struct buf answer;
    buf_init(&sql, SQL_MAX);
    buf_init(&answer, ANSWER_MAX);
    if (!lane_go_on(lane, reterr) ||
        !ledger_ranges(&lane->ledger, first_seq, last_seq, &ranges, reterr))
        return false;
    int64_t appended_ms = 0;
    for (size_t i = 0; i < pg_rows(ranges); i++)
        if (pg_i64(ranges, i, 3) > appended_ms)
            appended_ms = pg_i64(ranges, i, 3);
    buf_printf(&sql, "SELECT toString(organization_id), toString(transaction_id) FROM `%s` WHERE ",
               lane->table.name);
    put_ranges(&sql, ranges);
    buf_append_str(&sql, read_back_truthful);
    buf_append_str(&sql, " FORMAT RowBinary");
    const char *text = buf_text(&sql);
    if (sql.overflow)
        return err_set(reterr, ERR_INTERNAL, "a query is too long");
    return ch_query(lane->reader, text, NULL, 0, READ_BACK_TIMEOUT_MS, &answer, reterr) &&
           (take_answer(recall, buf_slice(&answer), appended_ms, ret_ids) ||
            err_set(reterr, ERR_CLICKHOUSE_UNAVAILABLE, "an answer of %zu bytes cannot be read",
                    answer.size));
}

/* The topic */

static void lose(struct recall *recall, const struct past_batch *batch, const struct err *why)
{
    recall->lost += (uint64_t)batch->stored;
    metrics_add(METRIC_WRITER_SEEN_LOST, (uint64_t)batch->stored);
    log_error(SEEN_LOST, log_i64("batch_seq", batch->seq), log_i64("records", batch->stored),
              log_error_of(why));
}

/* The error says that the batch is gone, not that it cannot be had now. */
static bool is_gone(const struct err *err)
{
    return err_code_class(err->code) != ERR_CLASS_RETRY;
}

/* The batch once more, if the topic is still the one that it was read from. */
static bool replay(struct lane *lane, int64_t seq, struct intent *intent, struct batch *batch,
                   struct err *reterr)
{
    if (!ledger_intent(&lane->ledger, seq, intent, reterr))
        return false;
    if (intent->incarnation != lane->ledger.incarnation)
        return err_set(reterr, ERR_LOG_CHANGED, "the topic was made anew since");
    return lane_replay(lane, intent, batch, reterr);
}

static bool ask_topic(struct recall *recall, const struct past_batch *past, struct err *reterr)
{
    struct lane *lane = recall->lane;
    CLEANUP(intent_done) struct intent intent = {0};
    CLEANUP(batch_done) struct batch batch;
    struct err err;
    batch_init(&batch, lane->ledger.partitions, &lane->columns, &recall->known->key);
    if (!replay(lane, past->seq, &intent, &batch, &err)) {
        if (!is_gone(&err)) {
            *reterr = err;
            return false;
        }
        lose(recall, past, &err);
        return true;
    }
    for (size_t i = 0; i < batch.rows_len; i++)
        if (batch.rows[i].fate.kind == FATE_STORED)
            enter(recall, batch.rows[i].id, batch.rows[i].message.timestamp_ms);
    recall->from_topic += (uint64_t)past->stored;
    return true;
}

/* From ClickHouse a batch is whole when as many rows are there as the ledger says. */
static bool ask_stores(struct recall *recall, const struct past_batch batches[], size_t len,
                       struct err *reterr)
{
    int64_t stored = 0, ids;
    for (size_t i = 0; i < len; i++)
        stored += batches[i].stored;
    if (!ask_clickhouse(recall, batches[0].seq, batches[len - 1].seq, &ids, reterr))
        return false;
    if (ids == stored) {
        recall->from_clickhouse += (uint64_t)stored;
        return true;
    }
    if (len == 1)
        return ask_topic(recall, batches, reterr);
    for (size_t i = 0; i < len; i++)
        if (!ask_stores(recall, batches + i, 1, reterr))
            return false;
    return true;
}

/* Everything that the segments did not have, in groups of batches that follow each other. */
static bool read_stores(struct recall *recall, struct err *reterr)
{
    if (recall->len > 1)
        qsort(recall->batches, recall->len, sizeof *recall->batches, by_seq);
    for (size_t from = 0, to; from < recall->len; from = to) {
        const struct past_batch *batches = recall->batches;
        int64_t stored = batches[from].stored;
        to = from + 1;
        if (is_recalled(&batches[from])) {
            recall->from_segments += (uint64_t)stored;
            continue;
        }
        while (to < recall->len && !is_recalled(&batches[to]) && stored < GROUP_ROWS)
            stored += batches[to++].stored;
        if (!ask_stores(recall, batches + from, to - from, reterr))
            return false;
    }
    return true;
}

static bool judge(struct recall *recall, struct err *reterr)
{
    if (recall->lost > 0)
        recall->known->whole = false;
    uint64_t found = recall->from_segments + recall->from_clickhouse + recall->from_topic;
    return recall->lost == 0 || found > 0 || recall->lane->settings->dedup_start_without ||
           err_set(reterr, ERR_SEEN_UNKNOWN,
                   "%" PRIu64 " records were stored lately, and none of them is in the segments, "
                   "in ClickHouse or in the topic",
                   recall->lost);
}

static void start_clocks(struct known *known, const struct ledger *ledger)
{
    for (uint32_t p = 0; p < ledger->partitions; p++)
        if (ledger->state[p].anchored)
            known->clocks[p] = ledger->state[p].anchor_timestamp_ms;
}

bool lane_recall(struct lane *lane, struct err *reterr)
{
    uint8_t secret[LEDGER_SECRET_SIZE];
    int64_t began_ms = clock_mono_ms(), from_ms;
    if (!ledger_dedup_key(&lane->ledger, secret, reterr) || !wanted_from(lane, &from_ms, reterr))
        return false;
    known_open(&lane->known, lane->settings, lane->ledger.lane_id, lane->ledger.incarnation, secret,
               lane->ledger.partitions, from_ms);
    start_clocks(&lane->known, &lane->ledger);
    CLEANUP(recall_done)
    struct recall recall = {
        .lane = lane, .known = &lane->known, .wall_ms = clock_wall_ms(), .err = {.code = ERR_NONE}};
    if (!list_batches(&recall, from_ms, reterr))
        return false;
    seen_load_init(&recall.load, &lane->known.seen, stored_in_all(&recall));
    bool good = read_segments(&recall, from_ms, reterr) && read_stores(&recall, reterr);
    seen_load_done(&recall.load);
    if (!good || !judge(&recall, reterr))
        return false;
    log_info(SEEN_RECALLED, log_u64("lane", lane->number), log_u64("ids", lane->known.seen.len),
             log_u64("from_segments", recall.from_segments),
             log_u64("from_clickhouse", recall.from_clickhouse),
             log_u64("from_topic", recall.from_topic), log_u64("lost", recall.lost),
             log_i64("ms", clock_mono_ms() - began_ms));
    return true;
}
