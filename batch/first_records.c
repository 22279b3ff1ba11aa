/* Looking up in transaction_record. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/first.h"
#include "postgres/pg_columns.h"
#include "batch/content.h"
#include "batch/intent.h"

enum column {
    COLUMN_NUMBER, /* of the list's element, from 1 on */
    COLUMN_CUSTOMER,
    COLUMN_SUBSCRIPTION,
    COLUMN_CODE,
    COLUMN_TIMESTAMP,
    COLUMN_VALUE,
    COLUMN_PROPERTIES,
    COLUMN_INGESTED,
    COLUMN_INCARNATION,
    COLUMN_OFFSET,
};

static void note(const struct pg_result *rows, size_t row, struct first list[])
{
    struct first *first = &list[pg_i64(rows, row, COLUMN_NUMBER) - 1];
    const struct record stored = {
        .external_customer_id = pg_slice(rows, row, COLUMN_CUSTOMER),
        .external_subscription_id = pg_slice(rows, row, COLUMN_SUBSCRIPTION),
        .code = pg_slice(rows, row, COLUMN_CODE),
        .timestamp_ms = pg_i64(rows, row, COLUMN_TIMESTAMP),
        .value = pg_slice(rows, row, COLUMN_VALUE),
        .properties = pg_slice(rows, row, COLUMN_PROPERTIES),
        .ingested_ms = pg_i64(rows, row, COLUMN_INGESTED),
    };
    first->found = true;
    first->same = content_equal(&first->row->record, &stored, CONTENT_WHOLE);
    first->stored_at = stored_offset((uint32_t)pg_i64(rows, row, COLUMN_INCARNATION),
                                     pg_i64(rows, row, COLUMN_OFFSET));
}

bool first_find_records(struct pg *pg, struct first list[], size_t len, struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    struct pg_columns columns;
    size_t asked = 0;
    pg_columns_init(&columns, 3);
    for (size_t i = 0; i < len; i++) {
        const struct record *record = &list[i].row->record;
        if (list[i].found || !record->transactional)
            continue;
        pg_columns_add(&columns, 0, record->organization_id);
        pg_columns_add(&columns, 1, record->transaction_id);
        pg_columns_add_i64(&columns, 2, (int64_t)i + 1);
        asked++;
    }
    bool good =
        asked == 0 ||
        pg_columns_rows(pg,
                        "SELECT asked.number, external_customer_id, external_subscription_id, code,"
                        " (extract(epoch FROM \"timestamp\") * 1000)::bigint, value, properties,"
                        " (extract(epoch FROM ingested_at) * 1000)::bigint, incarnation, log_offset"
                        " FROM unnest($1::uuid[], $2::text[], $3::bigint[])"
                        "   AS asked (organization, transaction, number)"
                        " JOIN transaction_record ON organization_id = asked.organization"
                        "   AND transaction_id = asked.transaction",
                        NULL, 0, &columns, &rows, reterr);
    pg_columns_done(&columns);
    for (size_t i = 0; good && asked > 0 && i < pg_rows(rows); i++)
        note(rows, i, list);
    return good;
}
