/* Announced batches: what ClickHouse holds of them, and what completing them takes. The topic is
 * not asked: its records are gone.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/mending.h"
#include "clickhouse/period.h"
#include "clickhouse/row_binary.h"
#include "writer/read_back.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    SQL_MAX = 16 * 1024 * 1024,
    ANSWER_MAX = INT32_MAX,
    USAGE_MAX = 256 * 1024 * 1024,
    PREFIX_SIZE = INTENT_TOKEN_SIZE + 2,
};

/* What has landed */

static bool look(struct mending *mending, size_t index, struct err *reterr)
{
    const struct ledger *ledger = &mending->mend.lanes[index].ledger;
    struct mending_batch *batch = &mending->batches[index];
    mem_freep(&batch->landed);
    batch->landed = NULL;
    if (!ledger->pending)
        return true;
    if (strcmp(ledger->intent.table_uuid, mending->table.uuid) != 0)
        return err_set(reterr, ERR_TABLE_MISMATCH, "the batch was announced for another table");
    batch->landed = xcalloc(ledger->intent.blocks_len + 1, sizeof *batch->landed);
    for (size_t i = 0; i < ledger->intent.blocks_len; i++)
        switch (read_back(mending->clickhouse, mending->table.name,
                          ch_table_replaces(&mending->table), &ledger->intent, i, reterr)) {
        case READ_BACK_NONE:
            batch->landed[i] = MENDING_ABSENT;
            break;
        case READ_BACK_LANDED:
            batch->landed[i] = MENDING_LANDED;
            break;
        case READ_BACK_UNKNOWN:
        case READ_BACK_WRONG:
            return false;
        }
    return true;
}

/* As the writer asks when it begins: rows that the ledger does not know must not be buried. */
static bool look_beyond(struct mending *mending, const struct ledger *ledger, struct err *reterr)
{
    CLEANUP(mem_freep)
    struct read_back_end *ends = xcalloc(ledger->own_len + 1, sizeof *ends);
    size_t len = 0;
    for (uint32_t p = 0; p < ledger->partitions; p++) {
        const struct intent_range *range =
            ledger->pending ? intent_range_of(&ledger->intent, p) : NULL;
        int64_t last = range ? range->to : ledger->state[p].hwm;
        if (ledger->state[p].own)
            ends[len++] = (struct read_back_end){p, stored_offset(ledger->incarnation, last)};
    }
    return len == 0 ||
           read_back_nothing_beyond(mending->clickhouse, mending->table.name, ends, len, reterr);
}

bool mending_batches_look(struct mending *mending, struct err *reterr)
{
    for (size_t i = 0; i < mending->mend.lanes_len; i++)
        if (!mend_keep(&mending->mend, reterr) || !look(mending, i, reterr) ||
            !look_beyond(mending, &mending->mend.lanes[i].ledger, reterr))
            return err_prefix(reterr, "lane %" PRIu32, mending->mend.lanes[i].number);
    return true;
}

bool mending_batch_runs(struct mending *mending, size_t lane, bool *ret_runs, struct err *reterr)
{
    const struct ledger *ledger = &mending->mend.lanes[lane].ledger;
    *ret_runs = false;
    for (size_t i = 0; ledger->pending && i < ledger->intent.blocks_len; i++) {
        char prefix[PREFIX_SIZE]; /* as in writer/insert.c */
        int64_t running;
        snprintf(prefix, sizeof prefix, "%s-", ledger->intent.blocks[i].token);
        if (!read_back_running(mending->clickhouse, prefix, &running, reterr))
            return false;
        *ret_runs = *ret_runs || running > 0;
    }
    return true;
}

/* What completing takes */

/* Codes whose events are transactional, as the catalog has it now: rows do not say it. */
struct marked {
    struct pg_result *rows; /* organization_id, code; sorted; owned */
};

static bool read_marked(struct pg *pg, struct marked *ret_marked, struct err *reterr)
{
    return pg_query(pg,
                    "SELECT organization_id::text, code FROM metric WHERE transactional"
                    " ORDER BY organization_id::text COLLATE \"C\", code COLLATE \"C\"",
                    NULL, 0, &ret_marked->rows, reterr);
}

static int compare_slices(struct slice a, struct slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static bool is_marked(const struct marked *marked, const struct record *record)
{
    size_t low = 0, high = pg_rows(marked->rows);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_slices(pg_slice(marked->rows, middle, 0), record->organization_id);
        if (order == 0)
            order = compare_slices(pg_slice(marked->rows, middle, 1), record->code);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static void put_question(struct buf *sql, const struct mending *mending,
                         const struct intent *intent, size_t block, enum ch_period period)
{
    bool whole = intent->records_mode != RECORDS_NONE;
    const struct ch_table *table = &mending->table;
    bool subscription = whole && ch_table_column(table, "external_subscription_id");
    bool created = whole && ch_table_column(table, "created_at");
    buf_printf(sql,
               "SELECT toString(organization_id), toString(transaction_id),"
               " toString(external_customer_id), toString(code),"
               " toString(toUnixTimestamp64Milli(toDateTime64(timestamp, 3, 'UTC'))),"
               " ifNull(toString(decimal_value), ''), %s, %s, %s, toString(kafka_partition),"
               " toString(kafka_offset) FROM `%s` WHERE %s = %" PRIu32 " AND (",
               subscription ? "ifNull(toString(external_subscription_id), '')" : "''",
               created ? "toString(toUnixTimestamp64Milli(toDateTime64(created_at, 3, 'UTC')))"
                       : "toString(toUnixTimestamp64Milli(toDateTime64(timestamp, 3, 'UTC')))",
               whole ? "toString(properties)" : "''", table->name, ch_period_sql(period),
               intent->blocks[block].period);
    for (size_t i = 0; i < intent->ranges_len; i++)
        buf_printf(sql,
                   "%s(kafka_partition = %" PRIu32 " AND kafka_offset BETWEEN %" PRIu64
                   " AND %" PRIu64 ")",
                   i > 0 ? " OR " : "", intent->ranges[i].partition,
                   stored_offset(intent->incarnation, intent->ranges[i].from),
                   stored_offset(intent->incarnation, intent->ranges[i].to));
    buf_append_str(sql, ")");
    buf_append_str(sql, read_back_truthful);
    buf_append_str(sql, " FORMAT RowBinary");
}

static bool take_row(struct slice *rest, uint32_t incarnation, struct row *ret_row)
{
    struct record *record = &ret_row->record;
    int64_t partition;
    uint64_t stored_at;
    if (!row_binary_text(rest, &record->organization_id) ||
        !row_binary_text(rest, &record->transaction_id) ||
        !row_binary_text(rest, &record->external_customer_id) ||
        !row_binary_text(rest, &record->code) || !row_binary_i64(rest, &record->timestamp_ms) ||
        !row_binary_text(rest, &record->value) ||
        !row_binary_text(rest, &record->external_subscription_id) ||
        !row_binary_i64(rest, &record->ingested_ms) ||
        !row_binary_text(rest, &record->properties) || !row_binary_i64(rest, &partition) ||
        !row_binary_u64(rest, &stored_at))
        return false;
    ret_row->message.partition = (uint32_t)partition;
    ret_row->message.offset = (int64_t)(stored_at - stored_offset(incarnation, 0));
    ret_row->message.value = record->properties;
    return true;
}

static bool take_rows(struct slice rest, const struct intent *intent, const struct marked *marked,
                      struct mending_parts *parts, struct err *reterr)
{
    while (rest.size > 0) {
        struct row row = {.fate = {.kind = FATE_STORED}};
        if (!take_row(&rest, intent->incarnation, &row))
            return err_set(reterr, ERR_CLICKHOUSE_UNAVAILABLE, "an answer cannot be read");
        row.record.transactional = is_marked(marked, &row.record);
        if (!usage_add(&parts->usage, &row.record, reterr))
            return false;
        records_add(&parts->records, intent->records_mode, &row);
    }
    return true;
}

static bool read_block(struct mending *mending, const struct intent *intent, size_t block,
                       const struct marked *marked, struct mending_parts *parts, struct err *reterr)
{
    enum ch_period period;
    CLEANUP(buf_done) struct buf sql;
    CLEANUP(buf_done) struct buf answer;
    buf_init(&sql, SQL_MAX);
    buf_init(&answer, ANSWER_MAX);
    if (!ch_period_of(intent->partition_key, &period))
        return err_set(reterr, ERR_INTERNAL, "intent %s has no partition key", intent->id);
    put_question(&sql, mending, intent, block, period);
    const char *text = buf_text(&sql);
    if (sql.overflow)
        return err_set(reterr, ERR_INTERNAL, "a query is too long");
    return ch_query(mending->clickhouse, text, NULL, 0, READ_BACK_TIMEOUT_MS, &answer, reterr) &&
           take_rows(buf_slice(&answer), intent, marked, parts, reterr);
}

/* What is left of its dead letters: where they stood, and why. */
static void list_dead(const struct intent *intent, struct dead_letters *dead)
{
    dead->list = xcalloc(intent->fates.len + 1, sizeof *dead->list);
    for (size_t i = 0; i < intent->fates.len; i++) {
        const struct pinned_fate *pinned = &intent->fates.list[i];
        const struct intent_range *range = intent_range_of(intent, pinned->partition);
        if (pinned->fate.kind == FATE_DEAD)
            dead->list[dead->len++] = (struct dead_letter){
                .partition = pinned->partition,
                .offset = pinned->offset,
                .timestamp_ms = range ? range->anchor_timestamp_ms : 0,
                .reason = pinned->fate.reason,
                .detail = slice_from("its bytes were lost with the topic"),
                .key = SLICE(""),
                .value = SLICE(""),
            };
    }
}

bool mending_parts_read(struct mending *mending, size_t lane, struct mending_parts *ret_parts,
                        struct err *reterr)
{
    const struct intent *intent = &mending->mend.lanes[lane].ledger.intent;
    struct marked marked = {NULL};
    *ret_parts = (struct mending_parts){.records = {0}};
    usage_init(&ret_parts->usage, USAGE_MAX);
    list_dead(intent, &ret_parts->dead);
    bool good = read_marked(mending->mend.pg, &marked, reterr);
    for (size_t i = 0; good && i < intent->blocks_len; i++)
        good = mending->batches[lane].landed[i] != MENDING_LANDED ||
               read_block(mending, intent, i, &marked, ret_parts, reterr);
    pg_result_free(marked.rows);
    return good;
}

void mending_parts_done(struct mending_parts *parts)
{
    if (parts->usage.slots)
        usage_done(&parts->usage);
    dead_letters_done(&parts->dead);
    records_done(&parts->records);
}
