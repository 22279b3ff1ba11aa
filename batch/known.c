/* Deciding who was first. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/known.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "batch/content.h"
#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

enum { DROP_EVERY_MS = 600000 };

/* Life */

/* DIRECTORY/lane1-0123456789abcdef: another installation's lane 1 has another key. */
static struct segments *open_segments(const char *directory, int64_t lane_id, uint64_t key_id,
                                      struct err *reterr)
{
    CLEANUP(mem_freep)
    char *path = xasprintf("%s/lane%" PRId64 "-%016" PRIx64, directory, lane_id, key_id);
    if (mkdir(directory, 0700) != 0 && errno != EEXIST) {
        err_set(reterr, ERR_IO, "directory %s: %m", directory);
        return NULL;
    }
    return segments_open(path, reterr);
}

void known_open(struct known *known, const struct settings *settings, int64_t lane_id,
                uint32_t incarnation, const uint8_t secret[SIPHASH_KEY_SIZE], uint32_t partitions,
                int64_t from_ms)
{
    struct err err;
    *known = (struct known){
        .settings = settings,
        .clocks = xcalloc(partitions, sizeof *known->clocks),
        .partitions = partitions,
        .incarnation = incarnation,
        .oldest_ms = INT64_MAX,
    };
    seen_key_init(&known->key, secret);
    /* One writer may have all lanes. */
    uint64_t memory = settings->dedup_memory / settings->writer_lanes;
    seen_init(&known->seen, settings->dedup_window, memory > SEEN_SIZE_MIN ? memory : SEEN_SIZE_MIN,
              from_ms);
    seen_load_init(&known->entering, &known->seen, 0);
    if (settings->dedup_directory[0] == '\0')
        return;
    known->segments = open_segments(settings->dedup_directory, lane_id, known->key.id, &err);
    if (!known->segments)
        log_warning(SEGMENTS, log_error_of(&err));
}

/* The gauges are sums over the lanes of this writer. */
static void show(struct known *known, uint64_t ids, uint64_t bytes)
{
    metrics_add(METRIC_WRITER_SEEN_IDS, ids - known->shown_ids);
    metrics_add(METRIC_WRITER_SEEN_BYTES, bytes - known->shown_bytes);
    known->shown_ids = ids;
    known->shown_bytes = bytes;
}

void known_close(struct known *known)
{
    show(known, 0, 0);
    seen_load_done(&known->entering);
    seen_done(&known->seen);
    segments_close(known->segments);
    mem_freep(&known->clocks);
    mem_freep(&known->slots);
    mem_freep(&known->ids);
    mem_freep(&known->seen_flags);
    mem_freep(&known->firsts);
    *known = (struct known){0};
}

/* Entering */

static bool has_id(const struct row *row)
{
    return row->id.stored != 0;
}

void known_enter(struct known *known, const struct batch *batch)
{
    int64_t wall_ms = clock_wall_ms();
    for (size_t i = 0; i < batch->rows_len; i++) {
        const struct row *row = &batch->rows[i];
        int64_t at_ms = row->message.timestamp_ms;
        at_ms =
            at_ms > wall_ms ? wall_ms : at_ms; /* a broker's clock that is ahead leads nowhere */
        if (at_ms > known->clocks[row->message.partition])
            known->clocks[row->message.partition] = at_ms;
        if (row->fate.kind != FATE_STORED || !has_id(row))
            continue;
        known->oldest_ms = at_ms < known->oldest_ms ? at_ms : known->oldest_ms;
        seen_load_add(&known->entering, row->id, at_ms);
    }
    seen_load_flush(&known->entering);
}

/* The rows of a batch by identity */

static void make_room(struct known *known, size_t rows)
{
    if (known->capacity < rows) {
        known->capacity = rows;
        known->ids = xrealloc(known->ids, rows * sizeof *known->ids);
        known->seen_flags = xrealloc(known->seen_flags, rows * sizeof *known->seen_flags);
        known->firsts = xrealloc(known->firsts, rows * sizeof *known->firsts);
    }
    size_t wanted = 256;
    while (wanted < 2 * rows)
        wanted *= 2;
    if (known->slots_len < wanted) {
        known->slots_len = wanted;
        mem_freep(&known->slots);
        known->slots = xcalloc(wanted, sizeof *known->slots);
    } else {
        memset(known->slots, 0, known->slots_len * sizeof *known->slots);
    }
}

/* The slot of an identity: 0, or the number + 1 of the first row that has it. */
static uint32_t *slot_of(const struct known *known, const struct batch *batch,
                         const struct row *row)
{
    size_t at = row->id.stored & (known->slots_len - 1);
    for (; known->slots[at] != 0; at = (at + 1) & (known->slots_len - 1)) {
        const struct row *other = &batch->rows[known->slots[at] - 1];
        if (other->id.stored == row->id.stored && other->id.place == row->id.place)
            break;
    }
    return &known->slots[at];
}

static void ask_table(const struct known *known, const struct batch *batch)
{
    for (size_t i = 0; i < batch->rows_len; i++)
        known->ids[i] = batch->rows[i].id;
    seen_check(&known->seen, known->ids, batch->rows_len, known->seen_flags);
}

/* Whether a record that the table does not know may all the same have been stored before. */
static bool is_doubtful(const struct known *known, const struct row *row)
{
    int64_t from_ms = seen_from_ms(&known->seen);
    if (known->whole && from_ms <= known->oldest_ms)
        return false;
    return row->fate.kind == FATE_STORED &&
           (row->record.transactional ||
            row->record.timestamp_ms < from_ms + known->settings->events_max_future);
}

/* Fates */

static void make_duplicate(struct row *row, bool same, uint64_t first)
{
    if (same) {
        row->fate = (struct fate){.kind = FATE_DUPLICATE, .first = first};
        row->detail = NULL;
        return;
    }
    row->fate = (struct fate){.kind = FATE_DEAD, .reason = FATE_DUPLICATE_CONFLICT, .first = first};
    row->detail = "another event with this transaction_id was stored before";
}

/* Rows that are looked up: those that the table knows, and those it cannot know. */
static size_t list_suspects(const struct known *known, const struct batch *batch)
{
    size_t len = 0;
    for (size_t i = 0; i < batch->rows_len; i++) {
        const struct row *row = &batch->rows[i];
        if (has_id(row) && (known->seen_flags[i] || is_doubtful(known, row)))
            known->firsts[len++] = (struct first){.row = row};
    }
    return len;
}

/* A row that the table knows and that is not found under its own key has another code, customer or
 * timestamp than the first. */
static void judge_suspects(const struct known *known, struct batch *batch, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const struct first *first = &known->firsts[i];
        size_t number = (size_t)(first->row - batch->rows);
        if (first->found)
            make_duplicate(&batch->rows[number], first->same, first->stored_at);
        else if (known->seen_flags[number])
            make_duplicate(&batch->rows[number], false, FATE_FIRST_UNKNOWN);
    }
}

/* A row whose identity an earlier row of the batch has. That one is the first, or a duplicate of
 * the first, or it contradicts the first; then this one does too, or it would have been found. */
static void judge_twin(const struct known *known, struct row *row, const struct row *leader)
{
    bool conflict = leader->fate.reason == FATE_DUPLICATE_CONFLICT;
    bool same = !conflict && content_equal(&row->record, &leader->record, CONTENT_WHOLE);
    make_duplicate(row, same,
                   leader->fate.kind == FATE_STORED
                       ? stored_offset(known->incarnation, leader->message.offset)
                       : leader->fate.first);
}

static bool is_judged(const struct row *row)
{
    return row->fate.kind == FATE_DUPLICATE || row->fate.reason == FATE_DUPLICATE_CONFLICT;
}

static void judge_twins(struct known *known, struct batch *batch)
{
    for (size_t i = 0; i < batch->rows_len; i++) {
        struct row *row = &batch->rows[i];
        if (!has_id(row))
            continue;
        uint32_t *slot = slot_of(known, batch, row);
        if (*slot != 0 && !is_judged(row))
            judge_twin(known, row, &batch->rows[*slot - 1]);
        else if (*slot == 0 && (row->fate.kind == FATE_STORED || is_judged(row)))
            *slot = (uint32_t)(i + 1);
    }
}

bool known_decide(struct known *known, struct batch *batch, const struct known_stores *stores,
                  struct err *reterr)
{
    make_room(known, batch->rows_len);
    ask_table(known, batch);
    size_t suspects = list_suspects(known, batch);
    int64_t from_ms = clock_wall_ms() - known->settings->dedup_window;
    if (!first_find(stores->client, stores->table, known->firsts, suspects, from_ms, reterr) ||
        !first_find_records(stores->pg, known->firsts, suspects, reterr))
        return false;
    judge_suspects(known, batch, suspects);
    judge_twins(known, batch);
    known_enter(known, batch);
    return true;
}

/* Segments */

static void segments_failed(const struct err *err)
{
    metrics_add(METRIC_WRITER_SEGMENT_FAILURES, 1);
    log_warning(SEGMENTS, log_error_of(err));
}

/* Sorts the ids of the stored rows by partition into known->ids; ret_ends[p]: where those of
 * partition p end. */
static void sort_ids(struct known *known, const struct batch *batch, size_t ret_ends[])
{
    memset(ret_ends, 0, (known->partitions + 1) * sizeof *ret_ends);
    for (size_t i = 0; i < batch->rows_len; i++)
        if (batch->rows[i].fate.kind == FATE_STORED && has_id(&batch->rows[i]))
            ret_ends[batch->rows[i].message.partition + 1]++;
    for (uint32_t p = 0; p < known->partitions; p++)
        ret_ends[p + 1] += ret_ends[p];
    for (size_t i = 0; i < batch->rows_len; i++)
        if (batch->rows[i].fate.kind == FATE_STORED && has_id(&batch->rows[i]))
            known->ids[ret_ends[batch->rows[i].message.partition]++] = batch->rows[i].id;
}

static bool write_stamps(struct known *known, const struct intent *intent, const size_t ends[],
                         struct err *reterr)
{
    uint32_t stamps = 0;
    for (uint32_t p = 0; p < known->partitions; p++)
        stamps += ends[p] > (p > 0 ? ends[p - 1] : 0);
    for (size_t i = 0; i < intent->ranges_len; i++) {
        const struct intent_range *range = &intent->ranges[i];
        size_t begin = range->partition > 0 ? ends[range->partition - 1] : 0;
        struct segment_stamp stamp = {
            .stamps = stamps,
            .key_id = known->key.id,
            .from = range->from,
            .to = range->to,
            .appended_ms = range->anchor_timestamp_ms,
            .partition = range->partition,
            .incarnation = intent->incarnation,
            .ids_len = (uint32_t)(ends[range->partition] - begin),
        };
        memcpy(stamp.intent_id, intent->id, sizeof stamp.intent_id);
        memcpy(stamp.digest, range->digest, sizeof stamp.digest);
        if (stamp.ids_len > 0 &&
            !segments_append(known->segments, &stamp, known->ids + begin, reterr))
            return false;
    }
    return true;
}

static void drop_segments(struct known *known)
{
    int64_t now = clock_mono_ms();
    struct err err;
    if (known->dropped_ms != 0 && now - known->dropped_ms < DROP_EVERY_MS)
        return;
    known->dropped_ms = now;
    if (!segments_drop(known->segments, seen_from_ms(&known->seen), &err))
        segments_failed(&err);
}

void known_write(struct known *known, const struct batch *batch)
{
    struct err err;
    if (!known->segments || batch->intent.blocks_len == 0)
        return;
    make_room(known, batch->rows_len);
    CLEANUP(mem_freep) size_t *ends = xcalloc(known->partitions + 1, sizeof *ends);
    sort_ids(known, batch, ends);
    if (!write_stamps(known, &batch->intent, ends, &err))
        segments_failed(&err);
    drop_segments(known);
}

/* Time */

void known_advance(struct known *known, const bool idle[], int64_t wall_ms)
{
    int64_t clock_ms = wall_ms;
    for (uint32_t p = 0; p < known->partitions; p++)
        if (!idle[p] && known->clocks[p] != 0 && known->clocks[p] < clock_ms)
            clock_ms = known->clocks[p];
    seen_advance(&known->seen, clock_ms - known->settings->dedup_window);
    show(known, known->seen.len, known->seen.size);
    metrics_set(METRIC_WRITER_SEEN_SINCE, (wall_ms - seen_from_ms(&known->seen)) / 1000);
}
