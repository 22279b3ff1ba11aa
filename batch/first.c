/* One query for many events. The answer has texts only, each with its size before it (RowBinary).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/first.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "clickhouse/row_binary.h"
#include "batch/content.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    SQL_MAX = 16 * 1024 * 1024,
    ANSWER_MAX = 1 << 30,
    TIMEOUT_MS = 60000,
};

#define TIMESTAMP_MS "toUnixTimestamp64Milli(toDateTime64(timestamp, 3, 'UTC'))"

static const char settings[] =
    " SETTINGS use_query_cache = 0, final = 0, max_rows_to_read = 0, max_bytes_to_read = 0,"
    " max_query_size = 33554432, timeout_overflow_mode = 'throw',"
    " read_overflow_mode = 'throw', select_sequential_consistency = 1 FORMAT RowBinary";

/* The list, by identity. */

static int compare_slices(struct slice a, struct slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_identity(const struct record *a, const struct record *b)
{
    int order = compare_slices(a->organization_id, b->organization_id);
    return order ? order : compare_slices(a->transaction_id, b->transaction_id);
}

static int compare(const void *left, const void *right)
{
    const struct first *a = left, *b = right;
    return compare_identity(&a->row->record, &b->row->record);
}

/* The question */

static void put_text(struct buf *sql, struct slice text)
{
    buf_append_char(sql, '\'');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '\'' || text.data[i] == '\\')
            buf_append_char(sql, '\\');
        buf_append_char(sql, text.data[i]);
    }
    buf_append_char(sql, '\'');
}

enum { DATE_SIZE = 10, TIME_SIZE = 23 };

/* The first `size` characters of "2026-11-23 08:00:00.123". */
static void put_time(struct buf *sql, int64_t ms, size_t size)
{
    char text[CLOCK_TEXT_SIZE];
    clock_format(ms, text);
    text[DATE_SIZE] = ' ';
    put_text(sql, (struct slice){text, size});
}

/* A bound for the timestamps, whatever the type of their column. */
static void put_bound(struct buf *sql, const char *comparison, int64_t ms)
{
    buf_printf(sql, " AND timestamp %s toDateTime64(", comparison);
    put_time(sql, ms, TIME_SIZE);
    buf_append_str(sql, ", 3, 'UTC')");
}

/* One event's key; a timeless one's without the time. */
static void put_key(struct buf *sql, const struct record *record, bool timeless)
{
    buf_append_char(sql, '(');
    put_text(sql, record->organization_id);
    buf_append_char(sql, ',');
    put_text(sql, record->code);
    buf_append_char(sql, ',');
    put_text(sql, record->external_customer_id);
    buf_append_char(sql, ',');
    if (!timeless) {
        put_time(sql, record->timestamp_ms, DATE_SIZE);
        buf_printf(sql, ",%" PRId64 ",", record->timestamp_ms);
    }
    put_text(sql, record->transaction_id);
    buf_append_char(sql, ')');
}

static void put_column(struct buf *sql, const struct ch_table *table, const char *name,
                       const char *text, const char *without)
{
    buf_printf(sql, ", %s", ch_table_column(table, name) ? text : without);
}

/* The events of the list that are timeless, or those that are not; returns how many. */
static size_t put_question(struct buf *sql, const struct ch_table *table, const struct first list[],
                           size_t len, bool timeless, int64_t from_ms)
{
    size_t asked = 0;
    int64_t oldest = INT64_MAX, newest = INT64_MIN;
    buf_append_str(sql,
                   "SELECT toString(organization_id), toString(transaction_id), toString(code),"
                   " toString(external_customer_id),"
                   " toString(" TIMESTAMP_MS "),"
                   " toString(kafka_offset), toString(properties),"
                   " ifNull(toString(decimal_value), '')");
    put_column(sql, table, "external_subscription_id",
               "ifNull(toString(external_subscription_id), '')", "''");
    put_column(sql, table, "created_at",
               "toString(toUnixTimestamp64Milli(toDateTime64(created_at, 3, 'UTC')))", "'0'");
    buf_printf(sql,
               " FROM `%s` WHERE (organization_id, code, external_customer_id,%s"
               " transaction_id) IN (",
               table->name, timeless ? "" : " toDate(timestamp), " TIMESTAMP_MS ",");
    for (size_t i = 0; i < len; i++) {
        const struct record *record = &list[i].row->record;
        if (content_is_timeless(record) != timeless)
            continue;
        if (asked++ > 0)
            buf_append_char(sql, ',');
        put_key(sql, record, timeless);
        if (record->timestamp_ms < oldest)
            oldest = record->timestamp_ms;
        if (record->timestamp_ms > newest)
            newest = record->timestamp_ms;
    }
    buf_append_char(sql, ')');
    put_bound(sql, ">=", timeless && from_ms < oldest ? from_ms : oldest);
    put_bound(sql, "<=", newest);
    buf_append_str(sql, settings);
    return asked;
}

/* The answer */

static bool take_row(struct slice *rest, struct record *record, uint64_t *ret_stored_at)
{
    return row_binary_text(rest, &record->organization_id) &&
           row_binary_text(rest, &record->transaction_id) && row_binary_text(rest, &record->code) &&
           row_binary_text(rest, &record->external_customer_id) &&
           row_binary_i64(rest, &record->timestamp_ms) && row_binary_u64(rest, ret_stored_at) &&
           row_binary_text(rest, &record->properties) && row_binary_text(rest, &record->value) &&
           row_binary_text(rest, &record->external_subscription_id) &&
           row_binary_i64(rest, &record->ingested_ms);
}

/* Where the list's elements of that identity begin. */
static size_t lower_bound(const struct first list[], size_t len, const struct record *record)
{
    size_t low = 0;
    for (size_t high = len; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (compare_identity(&list[middle].row->record, record) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The stored event of the smallest place is the first. */
static void note(struct first *first, const struct record *stored, uint64_t stored_at,
                 enum content_part part)
{
    const struct record *record = &first->row->record;
    if (first->found && first->stored_at <= stored_at)
        return;
    if (!content_is_timeless(record) && record->timestamp_ms != stored->timestamp_ms)
        return; /* it answers for another one of the list */
    first->found = true;
    first->stored_at = stored_at;
    first->same = content_equal(record, stored, part);
}

static bool take_answer(struct slice rest, const struct ch_table *table, struct first list[],
                        size_t len)
{
    enum content_part part = ch_table_column(table, "external_subscription_id")
                                 ? CONTENT_WHOLE
                                 : CONTENT_WITHOUT_SUBSCRIPTION;
    while (rest.size > 0) {
        struct record stored = {0};
        uint64_t stored_at;
        if (!take_row(&rest, &stored, &stored_at))
            return false;
        if (!ch_table_column(table, "created_at"))
            stored.ingested_ms = stored.timestamp_ms;
        for (size_t i = lower_bound(list, len, &stored);
             i < len && compare_identity(&list[i].row->record, &stored) == 0; i++)
            note(&list[i], &stored, stored_at, part);
    }
    return true;
}

static bool ask(struct ch_client *client, const struct ch_table *table, struct first list[],
                size_t len, bool timeless, int64_t from_ms, struct err *reterr)
{
    CLEANUP(buf_done) struct buf sql;
    CLEANUP(buf_done) struct buf answer;
    buf_init(&sql, SQL_MAX);
    buf_init(&answer, ANSWER_MAX);
    size_t asked = put_question(&sql, table, list, len, timeless, from_ms);
    if (asked == 0)
        return true;
    const char *text = buf_text(&sql);
    if (sql.overflow)
        return err_set(reterr, ERR_INTERNAL, "a query is too long");
    if (!ch_query(client, text, NULL, 0, TIMEOUT_MS, &answer, reterr))
        return false;
    metrics_add(METRIC_WRITER_LOOK_UPS, asked);
    return take_answer(buf_slice(&answer), table, list, len) ||
           err_set(reterr, ERR_CLICKHOUSE_UNAVAILABLE, "an answer of %zu bytes cannot be read",
                   answer.size);
}

bool first_find(struct ch_client *client, const struct ch_table *table, struct first *list,
                size_t len, int64_t from_ms, struct err *reterr)
{
    if (len > 1)
        qsort(list, len, sizeof *list, compare);
    for (size_t at = 0; at < len; at += FIRST_ASK_MAX) {
        size_t some = len - at < FIRST_ASK_MAX ? len - at : FIRST_ASK_MAX;
        if (!ask(client, table, list + at, some, false, from_ms, reterr) ||
            !ask(client, table, list + at, some, true, from_ms, reterr))
            return false;
    }
    return true;
}
