/* Transaction records in the completing transaction. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ledger/ledger_internal.h"

/* The first record of an event wins, as everywhere. */
static bool insert_chunk(struct ledger *ledger, struct pg_columns *chunk, struct err *reterr)
{
    char lane[PG_NUMBER_SIZE], incarnation[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, lane),
                            pg_number(ledger->incarnation, incarnation)};
    return pg_columns_query(
        ledger->pg,
        "INSERT INTO transaction_record (organization_id, transaction_id, external_customer_id,"
        " external_subscription_id, code, \"timestamp\", value, properties, ingested_at, topic_id,"
        " incarnation, partition, log_offset)"
        " SELECT organization, transaction, customer, subscription, code,"
        "  timestamptz 'epoch' + happened * interval '1 ms', value, properties,"
        "  timestamptz 'epoch' + ingested * interval '1 ms', lane.topic_id, $2::integer, partition,"
        "  log_offset"
        " FROM lane, unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[],"
        "  $8::bigint[], $9::numeric[], $10::json[], $11::bigint[], $12::integer[], $13::bigint[])"
        "  AS new (organization, transaction, customer, subscription, code, happened, value,"
        "  properties, ingested, partition, log_offset)"
        " WHERE lane.id = $1::integer ON CONFLICT DO NOTHING",
        params, ARRAY_LEN(params), chunk, reterr);
}

bool ledger_add_records(struct ledger *ledger, struct records *records, struct err *reterr)
{
    for (size_t i = 0; i < records->chunks_len; i++)
        if (!insert_chunk(ledger, &records->chunks[i], reterr))
            return false;
    return true;
}
