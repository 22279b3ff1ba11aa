/* Gathering and sealing.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/batch.h"
#include "base/assert.h"
#include "schemas/record.h"
#include <inttypes.h>
#include <stdlib.h>

/* The caps behind the limits of a batch, which come from the settings: a rebuild must hold any
 * batch that the settings of its time allowed. */
static const size_t memory_max = (size_t)8 << 30;

enum {
    ROWS_FIRST = 1024,
    MS_PER_DAY = 86400000,
    UUID_SIZE = 36,
};

/* What ClickHouse can order by toDate: 1970-01-01 to 2149-06-06. */
static const int64_t timestamp_end_ms = 65536 * (int64_t)MS_PER_DAY;

void batch_init(struct batch *batch, uint32_t partitions)
{
    *batch = (struct batch){.ranges_len = partitions};
    arena_init(&batch->arena, memory_max);
    usage_init(&batch->usage, memory_max);
    batch->ranges = xcalloc(partitions, sizeof *batch->ranges);
    for (uint32_t i = 0; i < partitions; i++)
        batch->ranges[i].partition = i;
}

static void free_blocks(struct batch *batch)
{
    for (size_t i = 0; i < batch->intent.blocks_len; i++)
        buf_done(&batch->blocks[i]);
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
    arena_reset(&batch->arena);
    batch->rows_len = 0;
    batch->months_len = 0;
    batch->bytes = 0;
    batch->oldest_ms = 0;
    batch->first_taken_ms = 0;
    batch->last_sequence = 0;
}

void batch_done(struct batch *batch)
{
    free_ranges(batch);
    free_blocks(batch);
    usage_done(&batch->usage);
    arena_done(&batch->arena);
    mem_freep(&batch->rows);
    mem_freep(&batch->ranges);
    *batch = (struct batch){0};
}

uint32_t batch_month(int64_t timestamp_ms)
{
    /* Days to a civil date, with years that begin in March. */
    int64_t days = timestamp_ms / MS_PER_DAY + 719468;
    int64_t era = days / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153 + 3;
    int64_t year = year_of_era + era * 400 + (month > 12);
    return (uint32_t)(year * 100 + (month > 12 ? month - 12 : month));
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

static bool is_uuid(struct slice text)
{
    if (text.size != UUID_SIZE)
        return false;
    for (size_t i = 0; i < UUID_SIZE; i++) {
        char c = text.data[i];
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

/* What the stores rest on beyond what record_decode checks. */
static bool check_record(const struct record *record, struct err *reterr)
{
    if (!is_uuid(record->organization_id))
        return err_set(reterr, ERR_RECORD_INVALID, "organization_id is not a lower-case UUID");
    if (record->timestamp_ms < 0 || record->timestamp_ms >= timestamp_end_ms)
        return err_set(reterr, ERR_RECORD_INVALID, "timestamp is outside 1970 to 2149");
    return true;
}

static void note_month(struct batch *batch, uint32_t month)
{
    for (size_t i = 0; i < batch->months_len; i++)
        if (batch->months[i] == month)
            return;
    if (batch->months_len < INTENT_BLOCKS_MAX)
        batch->months[batch->months_len] = month;
    batch->months_len++;
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

bool batch_add(struct batch *batch, const struct consumer_message *message, struct err *reterr)
{
    ASSERT(message->partition < batch->ranges_len && batch->intent.ranges_len == 0);
    if (batch->rows_len == batch->rows_capacity) {
        batch->rows_capacity = batch->rows_capacity ? batch->rows_capacity * 2 : ROWS_FIRST;
        batch->rows = xrealloc(batch->rows, batch->rows_capacity * sizeof *batch->rows);
    }
    struct batch_row *row = &batch->rows[batch->rows_len];
    struct err reason;
    if (!record_decode(message->value, &batch->arena, &row->record, &reason) ||
        !check_record(&row->record, &reason) || !usage_add(&batch->usage, &row->record, &reason))
        return err_set(reterr, ERR_RECORD_INVALID, "partition %" PRIu32 ", offset %" PRId64 ": %s",
                       message->partition, message->offset, reason.text);
    row->offset = message->offset;
    row->partition = message->partition;
    row->month = batch_month(row->record.timestamp_ms);
    note_month(batch, row->month);
    extend_range(batch, message);
    batch->rows_len++;
    batch->bytes += message->value.size;
    batch->last_sequence = message->sequence;
    if (batch->oldest_ms == 0 || message->timestamp_ms < batch->oldest_ms)
        batch->oldest_ms = message->timestamp_ms;
    return true;
}

bool batch_full(const struct batch *batch, const struct batch_limits *limits)
{
    /* The next record may bring another month. */
    return batch->rows_len >= limits->rows || batch->bytes >= limits->bytes ||
           batch->months_len >= INTENT_BLOCKS_MAX;
}

/* The order of the table's key; records of one key in the order of the log. */

static int compare_slices(struct slice a, struct slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_rows(const void *left, const void *right)
{
    const struct batch_row *a = *(const struct batch_row *const *)left;
    const struct batch_row *b = *(const struct batch_row *const *)right;
    int order = compare_i64(a->month, b->month);
    if (order == 0)
        order = compare_slices(a->record.organization_id, b->record.organization_id);
    if (order == 0)
        order = compare_slices(a->record.code, b->record.code);
    if (order == 0)
        order = compare_slices(a->record.external_customer_id, b->record.external_customer_id);
    if (order == 0)
        order = compare_i64(a->record.timestamp_ms, b->record.timestamp_ms);
    if (order == 0)
        order = compare_slices(a->record.transaction_id, b->record.transaction_id);
    if (order == 0)
        order = compare_i64(a->partition, b->partition);
    return order ? order : compare_i64(a->offset, b->offset);
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

bool batch_seal(struct batch *batch, const struct columns *columns, const int64_t hwm[],
                uint32_t incarnation, struct err *reterr)
{
    ASSERT(batch->rows_len > 0);
    CLEANUP(mem_freep)
    const struct batch_row **order = xcalloc(batch->rows_len, sizeof(struct batch_row *));
    for (size_t i = 0; i < batch->rows_len; i++)
        order[i] = &batch->rows[i];
    qsort(order, batch->rows_len, sizeof(struct batch_row *), compare_rows);

    struct intent *intent = &batch->intent;
    seal_ranges(batch, hwm);
    intent->blocks = xcalloc(batch->months_len, sizeof *intent->blocks);
    batch->blocks = xcalloc(batch->months_len, sizeof *batch->blocks);
    for (size_t from = 0, to; from < batch->rows_len; from = to) {
        for (to = from; to < batch->rows_len && order[to]->month == order[from]->month;)
            to++;
        struct buf *block = &batch->blocks[intent->blocks_len];
        buf_init(block, memory_max);
        intent->blocks[intent->blocks_len++] =
            (struct intent_block){.month = order[from]->month, .rows = (int64_t)(to - from)};
        if (!columns_encode(columns, order + from, to - from, incarnation, block, reterr))
            return false;
    }
    return true;
}
