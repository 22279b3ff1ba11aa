/* Sorting rows by a table's key.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/order.h"
#include "base/assert.h"
#include "base/mem.h"
#include "batch/order_keys.h"
#include "clickhouse/key.h"
#include "clickhouse/native.h"
#include "clickhouse/period.h"
#include <stdio.h>
#include <stdlib.h>

/* The columns whose values we can compare as ClickHouse does. */
static const struct {
    const char *column;
    enum order_kind kind;
    size_t at;
} sortable[] = {
    {"organization_id", ORDER_TEXT, offsetof(struct record, organization_id)},
    {"transaction_id", ORDER_TEXT, offsetof(struct record, transaction_id)},
    {"external_customer_id", ORDER_TEXT, offsetof(struct record, external_customer_id)},
    {"external_subscription_id", ORDER_TEXT, offsetof(struct record, external_subscription_id)},
    {"code", ORDER_TEXT, offsetof(struct record, code)},
    {"properties", ORDER_TEXT, offsetof(struct record, properties)},
    {"timestamp", ORDER_TIME, offsetof(struct record, timestamp_ms)},
    {"created_at", ORDER_TIME, offsetof(struct record, ingested_ms)},
    {"kafka_partition", ORDER_KAFKA_PARTITION, 0},
    {"kafka_offset", ORDER_KAFKA_OFFSET, 0},
    {"version", ORDER_VERSION, 0},
};

/* Whether values of the column come in the order of ours: UUIDs, which ClickHouse compares half by
 * half, and times of coarse ticks do not. */
static bool same_order(const struct ch_table *table, const char *name, enum order_kind kind)
{
    const struct ch_column *column = ch_table_column(table, name);
    struct native_type type;
    struct err err;
    if (!column || !native_type_parse(column->type_text, &type, &err))
        return false;
    if (kind == ORDER_TEXT)
        return type.kind == NATIVE_STRING || type.kind == NATIVE_FIXED_STRING;
    return kind != ORDER_TIME || native_type_keeps_ms(&type);
}

static bool plan_part(const struct ch_table *table, struct slice expression,
                      struct order_part *ret_part)
{
    struct ch_key_part key;
    if (!ch_key_read(expression, &key))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(sortable); i++) {
        if (!slice_equal(key.column, slice_from(sortable[i].column)))
            continue;
        if ((key.unit_ms != 0 && sortable[i].kind != ORDER_TIME) ||
            !same_order(table, sortable[i].column, sortable[i].kind))
            return false;
        *ret_part = (struct order_part){sortable[i].kind, sortable[i].at,
                                        key.unit_ms == 0 ? 1 : key.unit_ms};
        return true;
    }
    return false;
}

void order_plan(const struct ch_table *table, struct order *ret_order)
{
    struct order order = {.len = 0};
    struct slice rest = slice_from(table->sorting_key), expression;
    while (ch_key_next(&rest, &expression)) {
        if (order.len < ORDER_PARTS_MAX && plan_part(table, expression, &order.parts[order.len])) {
            order.len++;
            continue;
        }
        snprintf(order.unknown, sizeof order.unknown, "%.*s", SLICE_ARG(expression));
        break;
    }
    *ret_order = order;
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int compare_texts(struct slice a, struct slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : compare_u64(a.size, b.size);
}

/* Times of events are never before 1970. */
static uint64_t unit_of(const struct order_part *part, int64_t ms)
{
    return part->unit_ms == CH_KEY_MONTHS ? ch_period_at(CH_PERIOD_MONTH, ms)
                                          : (uint64_t)(ms / part->unit_ms);
}

static int compare_times(const struct order_part *part, int64_t a, int64_t b)
{
    if (part->unit_ms == 1 || a == b)
        return compare_u64((uint64_t)a, (uint64_t)b);
    return compare_u64(unit_of(part, a), unit_of(part, b));
}

static int compare_part(const struct order_part *part, const struct row *a, const struct row *b)
{
    const char *in_a = (const char *)&a->record + part->at;
    const char *in_b = (const char *)&b->record + part->at;
    switch (part->kind) {
    case ORDER_TEXT:
        return compare_texts(*(const struct slice *)(const void *)in_a,
                             *(const struct slice *)(const void *)in_b);
    case ORDER_TIME:
        return compare_times(part, *(const int64_t *)(const void *)in_a,
                             *(const int64_t *)(const void *)in_b);
    case ORDER_KAFKA_PARTITION:
        return compare_u64(a->message.partition, b->message.partition);
    case ORDER_KAFKA_OFFSET:
        return compare_u64((uint64_t)a->message.offset, (uint64_t)b->message.offset);
    case ORDER_VERSION:
        break;
    }
    return compare_u64((uint64_t)b->message.offset, (uint64_t)a->message.offset);
}

/* The part of the key from which on rows of one number may differ. */
struct rest {
    const struct order *order;
    size_t from;
};

static int compare_rest(const void *left, const void *right, void *context)
{
    const struct row *a = *(const struct row *const *)left;
    const struct row *b = *(const struct row *const *)right;
    const struct rest *rest = context;
    int order = 0;
    for (size_t i = rest->from; order == 0 && i < rest->order->len; i++)
        order = compare_part(&rest->order->parts[i], a, b);
    if (order == 0)
        order = compare_u64(a->message.partition, b->message.partition);
    return order ? order : compare_u64((uint64_t)a->message.offset, (uint64_t)b->message.offset);
}

/* Sorting */

static uint64_t number_of(const struct order_part *part, const struct row *row)
{
    const char *in = (const char *)&row->record + part->at;
    switch (part->kind) {
    case ORDER_TIME:
        return unit_of(part, *(const int64_t *)(const void *)in);
    case ORDER_KAFKA_PARTITION:
        return row->message.partition;
    case ORDER_KAFKA_OFFSET:
        return (uint64_t)row->message.offset;
    case ORDER_VERSION:
        return UINT64_MAX - (uint64_t)row->message.offset;
    case ORDER_TEXT:
        break;
    }
    UNREACHABLE("a text is no number");
}

static bool add_part(struct order_keys *keys, const struct order_part *part, void *scratch)
{
    struct slice *texts = scratch;
    uint64_t *numbers = scratch;
    if (part->kind == ORDER_TEXT) {
        for (size_t i = 0; i < keys->len; i++) {
            const char *in = (const char *)&keys->keys[i].row->record + part->at;
            texts[i] = *(const struct slice *)(const void *)in;
        }
        return order_keys_add_texts(keys, texts);
    }
    for (size_t i = 0; i < keys->len; i++)
        numbers[i] = number_of(part, keys->keys[i].row);
    return order_keys_add_numbers(keys, numbers);
}

/* Gives each row the number that sorts as it does, as far as that goes. Returns the first part of
 * the key that is not in it, or not in full. */
static size_t number_rows(const struct order *order, struct order_keys *keys)
{
    CLEANUP(mem_freep) struct slice *scratch = xmalloc(keys->len * sizeof *scratch);
    uint64_t *periods = (uint64_t *)(void *)scratch;
    for (size_t i = 0; i < keys->len; i++)
        periods[i] = keys->keys[i].row->period;
    bool whole = order_keys_add_numbers(keys, periods);
    ASSERT(whole); /* it has 32 bits at most */
    size_t part = 0;
    while (part < order->len && add_part(keys, &order->parts[part], scratch))
        part++;
    return part;
}

void order_sort(const struct order *order, const struct row *rows[], size_t rows_len)
{
    if (rows_len < 2)
        return;
    CLEANUP(mem_freep) struct order_key *list = xmalloc(rows_len * sizeof *list);
    for (size_t i = 0; i < rows_len; i++)
        list[i] = (struct order_key){.row = rows[i]};
    struct order_keys keys = {.keys = list, .len = rows_len};
    struct rest rest = {order, number_rows(order, &keys)};
    order_keys_sort(&keys);
    for (size_t i = 0; i < rows_len; i++)
        rows[i] = list[i].row;
    /* Those that the numbers do not tell apart. */
    for (size_t from = 0, to; from < rows_len; from = to) {
        for (to = from + 1; to < rows_len && list[to].number == list[from].number;)
            to++;
        if (to - from > 1)
            qsort_r(rows + from, to - from, sizeof *rows, compare_rest, &rest);
    }
}
