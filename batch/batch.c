/* Gathering and sealing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/batch.h"
#include "base/assert.h"
#include <inttypes.h>

/* The caps behind the limits of a batch, which come from the settings: a rebuild must hold any
 * batch that the settings of its time allowed. */
static const size_t memory_max = (size_t)8 << 30;

enum { ROWS_FIRST = 1024 };

void batch_init(struct batch *batch, uint32_t partitions, const struct columns *columns,
                const struct seen_key *key)
{
    *batch = (struct batch){.ranges_len = partitions, .columns = columns, .key = key};
    arena_init(&batch->arena, memory_max);
    usage_init(&batch->usage, memory_max);
    batch->shared = xcalloc(1, sizeof *batch->shared);
    batch->ranges = xcalloc(partitions, sizeof *batch->ranges);
    for (uint32_t i = 0; i < partitions; i++)
        batch->ranges[i].partition = i;
}

/* The largest block's memory is kept. */
static void free_blocks(struct batch *batch)
{
    for (size_t i = 0; i < batch->intent.blocks_len; i++) {
        struct buf *block = &batch->blocks[i];
        if (block->capacity > batch->spare.capacity) {
            struct buf smaller = batch->spare;
            batch->spare = *block;
            *block = smaller;
        }
        buf_done(block);
    }
    mem_freep(&batch->blocks);
    batch->blocks = NULL;
    intent_done(&batch->intent);
}

static void free_ranges(struct batch *batch)
{
    for (size_t i = 0; i < batch->ranges_len; i++) {
        digest_done(&batch->ranges[i].digest);
        batch->ranges[i] = (struct batch_range){.partition = (uint32_t)i};
    }
}

void batch_reset(struct batch *batch)
{
    free_ranges(batch);
    free_blocks(batch);
    usage_reset(&batch->usage);
    dead_letters_done(&batch->dead);
    records_done(&batch->records);
    duplicates_done(&batch->duplicates);
    arena_reset(&batch->arena);
    shared_reset(batch->shared);
    batch->rows_len = 0;
    batch->periods_len = 0;
    batch->bytes = 0;
    batch->oldest_ms = 0;
    batch->first_taken_ms = 0;
    batch->last_sequence = 0;
}

void batch_done(struct batch *batch)
{
    free_ranges(batch);
    free_blocks(batch);
    buf_done(&batch->spare);
    usage_done(&batch->usage);
    dead_letters_done(&batch->dead);
    records_done(&batch->records);
    duplicates_done(&batch->duplicates);
    arena_done(&batch->arena);
    mem_freep(&batch->rows);
    mem_freep(&batch->shared);
    mem_freep(&batch->ranges);
    *batch = (struct batch){0};
}

void range_digest(struct digest *digest, int64_t offset, struct slice value)
{
    unsigned char head[16];
    for (unsigned i = 0; i < 8; i++) {
        head[i] = (unsigned char)((uint64_t)offset >> (8 * i));
        head[8 + i] = (unsigned char)((uint64_t)value.size >> (8 * i));
    }
    digest_add(digest, (struct slice){(const char *)head, sizeof head});
    digest_add(digest, value);
}

static void note_period(struct batch *batch, uint32_t period)
{
    for (size_t i = 0; i < batch->periods_len; i++)
        if (batch->periods[i] == period)
            return;
    if (batch->periods_len < INTENT_BLOCKS_MAX)
        batch->periods[batch->periods_len] = period;
    batch->periods_len++;
}

static void extend_range(struct batch *batch, const struct consumer_message *message)
{
    struct batch_range *range = &batch->ranges[message->partition];
    if (range->records == 0)
        digest_init(&range->digest);
    range_digest(&range->digest, message->offset, message->value);
    range->to = message->offset;
    range->records++;
    range->last_value = message->value;
    range->last_timestamp_ms = message->timestamp_ms;
}

static struct row *new_row(struct batch *batch)
{
    if (batch->rows_len == batch->rows_capacity) {
        batch->rows_capacity = batch->rows_capacity ? batch->rows_capacity * 2 : ROWS_FIRST;
        batch->rows = xrealloc(batch->rows, batch->rows_capacity * sizeof *batch->rows);
    }
    return &batch->rows[batch->rows_len++];
}

void batch_add(struct batch *batch, const struct consumer_message *message)
{
    ASSERT(message->partition < batch->ranges_len && batch->intent.ranges_len == 0);
    struct row *row = new_row(batch);
    row->message = *message;
    fate_decide(row, batch->columns, &batch->arena);
    row->id = row->record.transaction_id.size == 0
                  ? (struct seen_id){.stored = 0}
                  : seen_id_of(batch->key, row->record.organization_id, row->record.transaction_id);
    shared_take(batch->shared, &row->record);
    if (row->fate.kind == FATE_STORED)
        note_period(batch, row->period);
    extend_range(batch, message);
    batch->bytes += message->value.size;
    batch->last_sequence = message->sequence;
    if (batch->oldest_ms == 0 || message->timestamp_ms < batch->oldest_ms)
        batch->oldest_ms = message->timestamp_ms;
}

bool batch_full(const struct batch *batch, const struct batch_limits *limits)
{
    /* The next record may bring another period. */
    return batch->rows_len >= limits->rows || batch->bytes >= limits->bytes ||
           batch->periods_len >= INTENT_BLOCKS_MAX;
}

bool batch_pin(struct batch *batch, const struct fates *pinned, struct err *reterr)
{
    size_t found = 0;
    for (size_t i = 0; i < batch->rows_len; i++) {
        struct row *row = &batch->rows[i];
        const struct fate *fate = fates_find(pinned, row->message.partition, row->message.offset);
        if (!fate && row->fate.kind == FATE_DEAD)
            return err_set(reterr, ERR_RECORD_INVALID,
                           "partition %" PRIu32 ", offset %" PRId64
                           " was to be stored, and cannot be any more: %s",
                           row->message.partition, row->message.offset,
                           row->detail ? row->detail : "");
        found += fate != NULL;
        row->fate = fate ? *fate : (struct fate){.kind = FATE_STORED};
    }
    return found == pinned->len || err_set(reterr, ERR_LOG_CHANGED,
                                           "%zu records that were not to be stored are not in "
                                           "the topic any more",
                                           pinned->len - found);
}

static void seal_ranges(struct batch *batch, const int64_t hwm[])
{
    struct intent *intent = &batch->intent;
    intent->ranges = xcalloc(batch->ranges_len + 1, sizeof *intent->ranges);
    for (size_t i = 0; i < batch->ranges_len; i++) {
        struct batch_range *from = &batch->ranges[i];
        if (from->records == 0)
            continue;
        struct intent_range *range = &intent->ranges[intent->ranges_len++];
        *range = (struct intent_range){
            .partition = from->partition,
            .from = hwm[from->partition] + 1,
            .to = from->to,
            .records = from->records,
            .anchor_timestamp_ms = from->last_timestamp_ms,
        };
        digest_end(&from->digest, range->digest);
        digest_sha256(from->last_value, range->anchor_digest);
        from->last_value = (struct slice){NULL, 0};
    }
}

/* The rows that are stored go into `ret_order`; the others' fates are pinned. */
static bool seal_fates(struct batch *batch, const struct row **ret_order, size_t *ret_stored,
                       struct err *reterr)
{
    size_t stored = 0;
    for (size_t i = 0; i < batch->rows_len; i++) {
        const struct row *row = &batch->rows[i];
        if (row->fate.kind == FATE_STORED) {
            ret_order[stored++] = row;
            continue;
        }
        fates_add(&batch->intent.fates, row->message.partition, row->message.offset, &row->fate);
        bool kept = row->fate.kind == FATE_DEAD
                        ? dead_letters_add(&batch->dead, row, &batch->arena, reterr)
                        : duplicates_add(&batch->duplicates, row, &batch->arena, reterr);
        if (!kept)
            return false;
    }
    fates_sort(&batch->intent.fates);
    *ret_stored = stored;
    return true;
}

/* Memory for a block of these rows: their records have more bytes than their columns. */
static void make_block(struct batch *batch, const struct row *const rows[], size_t len,
                       struct buf *ret_block)
{
    size_t size = 0;
    for (size_t i = 0; i < len; i++)
        size += rows[i]->message.value.size;
    *ret_block = batch->spare;
    batch->spare = (struct buf){.max = memory_max};
    ret_block->max = memory_max;
    buf_reset(ret_block);
    buf_reserve(ret_block, size);
}

/* A block for each period. */
static bool seal_blocks(struct batch *batch, const struct row *const order[], size_t len,
                        uint32_t incarnation, struct err *reterr)
{
    struct intent *intent = &batch->intent;
    intent->blocks = xcalloc(batch->periods_len + 1, sizeof *intent->blocks);
    batch->blocks = xcalloc(batch->periods_len + 1, sizeof *batch->blocks);
    for (size_t from = 0, to; from < len; from = to) {
        for (to = from; to < len && order[to]->period == order[from]->period;)
            to++;
        struct buf *block = &batch->blocks[intent->blocks_len];
        make_block(batch, order + from, to - from, block);
        intent->blocks[intent->blocks_len++] =
            (struct intent_block){.period = order[from]->period, .rows = (int64_t)(to - from)};
        if (!columns_encode(batch->columns, order + from, to - from, incarnation, block, reterr))
            return false;
    }
    return true;
}

bool batch_seal(struct batch *batch, const int64_t hwm[], uint32_t incarnation,
                enum records_mode mode, struct err *reterr)
{
    ASSERT(batch->rows_len > 0);
    CLEANUP(mem_freep) const struct row **order = xcalloc(batch->rows_len, sizeof *order);
    batch->intent.incarnation = incarnation;
    batch->intent.records_mode = mode;
    seal_ranges(batch, hwm);
    size_t stored;
    if (!seal_fates(batch, order, &stored, reterr))
        return false;
    order_sort(&batch->columns->order, order, stored);
    for (size_t i = 0; i < stored; i++) {
        if (!usage_add(&batch->usage, &order[i]->record, reterr))
            return false;
        records_add(&batch->records, mode, order[i]);
    }
    return seal_blocks(batch, order, stored, incarnation, reterr);
}
