/* Transaction records. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/records.h"
#include "base/mem.h"
#include <stdlib.h>

enum {
    COLUMNS = 11,
    CHUNK_MAX = 32 * 1024 * 1024, /* bytes of records in one statement, or one record more */
};

static const char *const names[RECORDS_MODES] = {
    [RECORDS_NONE] = "none",
    [RECORDS_MARKED] = "marked",
    [RECORDS_ALL] = "all",
};

const char *records_mode_name(enum records_mode mode)
{
    return names[mode];
}

enum records_mode records_mode_of(const char *name)
{
    int mode = 0;
    while (mode < RECORDS_MODES && strcmp(name, names[mode]) != 0)
        mode++;
    return (enum records_mode)mode;
}

void records_done(struct records *records)
{
    for (size_t i = 0; i < records->chunks_len; i++)
        pg_columns_done(&records->chunks[i]);
    mem_freep(&records->chunks);
    *records = (struct records){0};
}

static struct pg_columns *chunk_for(struct records *records, size_t bytes)
{
    if (records->chunks_len == 0 || records->bytes > CHUNK_MAX) {
        records->chunks =
            xrealloc(records->chunks, (records->chunks_len + 1) * sizeof *records->chunks);
        pg_columns_init(&records->chunks[records->chunks_len++], COLUMNS);
        records->bytes = 0;
    }
    records->bytes += bytes;
    return &records->chunks[records->chunks_len - 1];
}

static void add_optional(struct pg_columns *columns, size_t column, struct slice text)
{
    if (text.size > 0)
        pg_columns_add(columns, column, text);
    else
        pg_columns_add_null(columns, column);
}

void records_add(struct records *records, enum records_mode mode, const struct row *row)
{
    const struct record *record = &row->record;
    if (mode == RECORDS_NONE || (mode == RECORDS_MARKED && !record->transactional))
        return;
    struct pg_columns *columns = chunk_for(records, row->message.value.size);
    pg_columns_add(columns, 0, record->organization_id);
    pg_columns_add(columns, 1, record->transaction_id);
    pg_columns_add(columns, 2, record->external_customer_id);
    add_optional(columns, 3, record->external_subscription_id);
    pg_columns_add(columns, 4, record->code);
    pg_columns_add_i64(columns, 5, record->timestamp_ms);
    add_optional(columns, 6, record->value);
    pg_columns_add(columns, 7, record->properties);
    pg_columns_add_i64(columns, 8, record->ingested_ms);
    pg_columns_add_i64(columns, 9, row->message.partition);
    pg_columns_add_i64(columns, 10, row->message.offset);
}
