/* Record to columns: one table of the fields, and a loop over it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/columns.h"
#include "base/assert.h"
#include "schemas/event.h"
#include "batch/intent.h"
#include <inttypes.h>

enum field {
    FIELD_ORGANIZATION,
    FIELD_TRANSACTION,
    FIELD_CUSTOMER,
    FIELD_SUBSCRIPTION,
    FIELD_CODE,
    FIELD_TIMESTAMP,
    FIELD_PROPERTIES,
    FIELD_VALUE,
    FIELD_DECIMAL_VALUE,
    FIELD_CREATED_AT,
    FIELD_KAFKA_PARTITION,
    FIELD_KAFKA_OFFSET,
    FIELD_VERSION,
    FIELD_COUNT
};

enum {
    FIELD_AHEAD = 24, /* rows */
    TEXT_AHEAD = 12,
    TEXT_LINES = 4, /* of the caches, asked for at once; the processor guesses what follows */
    LINE_SIZE = 64,
};

static const struct ch_wanted wanted[FIELD_COUNT] = {
    [FIELD_ORGANIZATION] = {"organization_id", NATIVE_FROM_TEXT, .identity = true,
                            .type = "String"},
    [FIELD_TRANSACTION] = {"transaction_id", NATIVE_FROM_TEXT, .identity = true, .type = "String"},
    [FIELD_CUSTOMER] = {"external_customer_id", NATIVE_FROM_TEXT, .type = "String"},
    [FIELD_SUBSCRIPTION] = {"external_subscription_id", NATIVE_FROM_TEXT, .optional = true,
                            .type = "String"},
    [FIELD_CODE] = {"code", NATIVE_FROM_TEXT, .type = "String"},
    [FIELD_TIMESTAMP] = {"timestamp", NATIVE_FROM_TIME_MS, .event_time = true,
                         .type = "DateTime64(3, 'UTC')"},
    [FIELD_PROPERTIES] = {"properties", NATIVE_FROM_TEXT, .type = "String"},
    [FIELD_VALUE] = {"value", NATIVE_FROM_DECIMAL, .may_be_null = true, .optional = true,
                     .type = "Nullable(Float64)"},
    [FIELD_DECIMAL_VALUE] = {"decimal_value", NATIVE_FROM_DECIMAL, .may_be_null = true,
                             .type = "Nullable(Decimal(38, 18))"},
    [FIELD_CREATED_AT] = {"created_at", NATIVE_FROM_TIME_MS, .optional = true,
                          .type = "DateTime64(3, 'UTC')"},
    [FIELD_KAFKA_PARTITION] = {"kafka_partition", NATIVE_FROM_U64, .max = UINT16_MAX,
                               .type = "UInt16"},
    [FIELD_KAFKA_OFFSET] = {"kafka_offset", NATIVE_FROM_U64, .max = INT64_MAX, .type = "UInt64"},
    [FIELD_VERSION] = {"version", NATIVE_FROM_U64, .optional = true, .max = UINT64_MAX,
                       .type = "UInt64"},
};

const struct ch_wanted *columns_wanted(size_t *ret_len)
{
    *ret_len = FIELD_COUNT;
    return wanted;
}

/* Partition and offset are not the record's doing, and every time that a record may have, from 1970
 * to 2149, fits every type of time but DateTime, which ends in 2106. */
static bool may_refuse(const struct native_type *type, enum native_source source)
{
    switch (source) {
    case NATIVE_FROM_TEXT:
        return type->kind != NATIVE_STRING;
    case NATIVE_FROM_DECIMAL:
        if (type->kind == NATIVE_DECIMAL)
            return type->precision - type->scale < EVENT_WHOLE_DIGITS ||
                   type->scale < EVENT_FRACTION_DIGITS;
        return type->kind != NATIVE_STRING && type->kind != NATIVE_FLOAT;
    case NATIVE_FROM_TIME_MS:
        return type->kind == NATIVE_DATETIME && type->bytes == 4;
    case NATIVE_FROM_U64:
        break;
    }
    return false;
}

bool columns_plan(const struct ch_table *table, struct columns *ret_columns, struct err *reterr)
{
    struct columns columns = {.len = 0};
    if (!ch_period_of(table->partition_key, &columns.period))
        return err_set(reterr, ERR_TABLE_MISMATCH, "blocks cannot follow the partition key '%s'",
                       table->partition_key);
    CLEANUP(buf_done) struct buf list;
    buf_init(&list, sizeof columns.list - 1);
    for (size_t field = 0; field < FIELD_COUNT; field++) {
        const struct ch_column *column = ch_table_column(table, wanted[field].name);
        if (!column)
            continue;
        struct native_type *type = &columns.plans[columns.len].type;
        if (!native_type_parse(column->type_text, type, reterr))
            return false;
        columns.plans[columns.len].field = field;
        columns.plans[columns.len].may_refuse = may_refuse(type, wanted[field].source);
        buf_printf(&list, "%s`%s`", columns.len > 0 ? ", " : "", column->name);
        columns.len++;
    }
    ASSERT(!list.overflow);
    order_plan(table, &columns.order);
    memcpy(columns.list, buf_text(&list), list.size + 1);
    *ret_columns = columns;
    return true;
}

static bool add_value(struct native_block *block, struct slice value, struct err *reterr)
{
    return value.size > 0 ? native_add_decimal(block, value, reterr)
                          : native_add_null(block, reterr);
}

/* Adds one field of one row to the open column. */
static bool add_field(struct native_block *block, enum field field, const struct row *row,
                      uint32_t incarnation, struct err *reterr)
{
    const struct record *record = &row->record;
    switch (field) {
    case FIELD_ORGANIZATION:
        return native_add_text(block, record->organization_id, reterr);
    case FIELD_TRANSACTION:
        return native_add_text(block, record->transaction_id, reterr);
    case FIELD_CUSTOMER:
        return native_add_text(block, record->external_customer_id, reterr);
    case FIELD_SUBSCRIPTION:
        return native_add_text(block, record->external_subscription_id, reterr);
    case FIELD_CODE:
        return native_add_text(block, record->code, reterr);
    case FIELD_TIMESTAMP:
        return native_add_time_ms(block, record->timestamp_ms, reterr);
    case FIELD_PROPERTIES:
        return native_add_text(block, record->properties, reterr);
    case FIELD_VALUE:
    case FIELD_DECIMAL_VALUE:
        return add_value(block, record->value, reterr);
    case FIELD_CREATED_AT:
        return native_add_time_ms(block, record->ingested_ms, reterr);
    case FIELD_KAFKA_PARTITION:
        return native_add_u64(block, row->message.partition, reterr);
    case FIELD_KAFKA_OFFSET:
        return native_add_u64(block, stored_offset(incarnation, row->message.offset), reterr);
    case FIELD_VERSION:
        /* The first record wins. */
        return native_add_u64(block, UINT64_MAX - stored_offset(incarnation, row->message.offset),
                              reterr);
    case FIELD_COUNT:
        break;
    }
    UNREACHABLE("a field without a value");
}

/* Encodes the row's field alone and throws the bytes away. */
static bool try_column(const struct columns *columns, size_t index, const struct row *row,
                       struct err *reterr)
{
    enum field field = columns->plans[index].field;
    CLEANUP(buf_done) struct buf scratch;
    CLEANUP(native_block_done) struct native_block block;
    buf_init(&scratch, SIZE_MAX);
    native_block_begin(&block, &scratch, 1, 1);
    native_column_begin(&block, wanted[field].name, &columns->plans[index].type);
    return add_field(&block, field, row, 0, reterr) ||
           err_prefix(reterr, "column %s", wanted[field].name);
}

bool columns_take(const struct columns *columns, const struct row *row, struct err *reterr)
{
    for (size_t i = 0; i < columns->len; i++)
        if (columns->plans[i].may_refuse && !try_column(columns, i, row, reterr))
            return false;
    return true;
}

/* Asks for what will be read of rows that are further on. They are sorted, so one is anywhere: a
 * row's field first, and when that has come, the text that it points to. */
static void prefetch(enum field field, const struct row *const rows[], size_t left)
{
    static const size_t text_at[FIELD_COUNT] = {
        [FIELD_ORGANIZATION] = offsetof(struct row, record.organization_id),
        [FIELD_TRANSACTION] = offsetof(struct row, record.transaction_id),
        [FIELD_CUSTOMER] = offsetof(struct row, record.external_customer_id),
        [FIELD_SUBSCRIPTION] = offsetof(struct row, record.external_subscription_id),
        [FIELD_CODE] = offsetof(struct row, record.code),
        [FIELD_PROPERTIES] = offsetof(struct row, record.properties),
        [FIELD_VALUE] = offsetof(struct row, record.value),
        [FIELD_DECIMAL_VALUE] = offsetof(struct row, record.value),
    };
    static const size_t number_at[FIELD_COUNT] = {
        [FIELD_TIMESTAMP] = offsetof(struct row, record.timestamp_ms),
        [FIELD_CREATED_AT] = offsetof(struct row, record.ingested_ms),
        [FIELD_KAFKA_PARTITION] = offsetof(struct row, message.partition),
        [FIELD_KAFKA_OFFSET] = offsetof(struct row, message.offset),
        [FIELD_VERSION] = offsetof(struct row, message.offset),
    };
    bool is_text =
        wanted[field].source == NATIVE_FROM_TEXT || wanted[field].source == NATIVE_FROM_DECIMAL;
    size_t at = is_text ? text_at[field] : number_at[field];
    if (left > FIELD_AHEAD)
        __builtin_prefetch((const char *)rows[FIELD_AHEAD] + at);
    if (!is_text || left <= TEXT_AHEAD)
        return;
    const char *in = (const char *)rows[TEXT_AHEAD] + at;
    struct slice text = *(const struct slice *)(const void *)in;
    for (size_t line = 0; line < text.size && line < TEXT_LINES * LINE_SIZE; line += LINE_SIZE)
        __builtin_prefetch(text.data + line);
}

bool columns_encode(const struct columns *columns, const struct row *const rows[], size_t rows_len,
                    uint32_t incarnation, struct buf *out, struct err *reterr)
{
    CLEANUP(native_block_done) struct native_block block;
    native_block_begin(&block, out, columns->len, rows_len);
    for (size_t i = 0; i < columns->len; i++) {
        enum field field = columns->plans[i].field;
        native_column_begin(&block, wanted[field].name, &columns->plans[i].type);
        for (size_t row = 0; row < rows_len; row++) {
            struct err reason;
            prefetch(field, rows + row, rows_len - row);
            if (!add_field(&block, field, rows[row], incarnation, &reason))
                return err_set(reterr, ERR_RECORD_INVALID,
                               "partition %" PRIu32 ", offset %" PRId64 ", column %s: %s",
                               rows[row]->message.partition, rows[row]->message.offset,
                               wanted[field].name, reason.text);
        }
        native_column_end(&block);
    }
    if (out->overflow)
        return err_set(reterr, ERR_INTERNAL, "a block is larger than %zu bytes", out->max);
    return true;
}
