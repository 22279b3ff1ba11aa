/* What the ledger says of the past. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ledger/ledger.h"

bool ledger_dedup_key(struct ledger *ledger, uint8_t ret_secret[LEDGER_SECRET_SIZE],
                      struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(ledger->pg, "SELECT secret FROM dedup_key WHERE id = 1", NULL, 0, &rows, reterr))
        return false;
    return (pg_rows(rows) == 1 && pg_bytea(rows, 0, 0, ret_secret, LEDGER_SECRET_SIZE)) ||
           err_set(reterr, ERR_SCHEMA_MISMATCH, "the table dedup_key has no key");
}

bool ledger_stored_since(struct ledger *ledger, int64_t from_ms, struct pg_result **ret_batches,
                         bool *ret_all, bool *ret_last, struct err *reterr)
{
    char id[PG_NUMBER_SIZE], from[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id), pg_number(from_ms, from)};
    CLEANUP(pg_result_freep) struct pg_result *older = NULL;
    if (!pg_query(ledger->pg,
                  "SELECT coalesce(min(batch_seq), 1) > 1 OR coalesce(min(completed_at)"
                  " < to_timestamp($2::bigint / 1000.0), false), coalesce(max(batch_seq), 0)"
                  " FROM batch WHERE lane_id = $1::integer",
                  params, ARRAY_LEN(params), &older, reterr) ||
        !pg_query(ledger->pg,
                  "SELECT batch_seq, intent_id, stored FROM batch WHERE lane_id = $1::integer"
                  " AND stored > 0 AND completed_at >= to_timestamp($2::bigint / 1000.0)"
                  " ORDER BY intent_id",
                  params, ARRAY_LEN(params), ret_batches, reterr))
        return false;
    *ret_last = pg_i64(older, 0, 1) == ledger->batch_seq;
    *ret_all = !pg_bool(older, 0, 0) && *ret_last;
    return true;
}

bool ledger_ranges(struct ledger *ledger, int64_t first_seq, int64_t last_seq,
                   struct pg_result **ret_ranges, struct err *reterr)
{
    char id[PG_NUMBER_SIZE], first[PG_NUMBER_SIZE], last[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id), pg_number(first_seq, first),
                            pg_number(last_seq, last)};
    return pg_query(ledger->pg,
                    "SELECT (r->>'partition')::bigint, min((r->>'from')::bigint),"
                    " max((r->>'to')::bigint), max((r->>'anchor_timestamp')::bigint),"
                    " (intent->>'incarnation')::bigint"
                    " FROM batch, jsonb_array_elements(intent->'ranges') AS r"
                    " WHERE lane_id = $1::integer AND batch_seq BETWEEN $2::bigint AND $3::bigint"
                    " GROUP BY 1, 5 ORDER BY 1, 5",
                    params, ARRAY_LEN(params), ret_ranges, reterr);
}

bool ledger_intent(struct ledger *ledger, int64_t seq, struct intent *ret_intent,
                   struct err *reterr)
{
    char id[PG_NUMBER_SIZE], number[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id), pg_number(seq, number)};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(ledger->pg,
                  "SELECT intent FROM batch WHERE lane_id = $1::integer AND batch_seq = $2::bigint",
                  params, ARRAY_LEN(params), &rows, reterr))
        return false;
    if (pg_rows(rows) != 1)
        return err_set(reterr, ERR_NOT_FOUND, "batch %s is not in the ledger", number);
    return intent_decode(pg_slice(rows, 0, 0), ret_intent, reterr);
}

bool ledger_tokens(struct pg *pg, const char *database, const char *table, int64_t window_ms,
                   int64_t *ret_tokens, struct err *reterr)
{
    char window[PG_NUMBER_SIZE];
    const char *params[] = {database, table, pg_number(window_ms, window)};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(pg,
                  "SELECT coalesce(sum(batch.tokens), 0)::bigint"
                  " FROM batch JOIN lane ON lane.id = batch.lane_id"
                  " JOIN topic ON topic.id = lane.topic_id"
                  " WHERE topic.clickhouse_table = $1 || '.' || $2"
                  " AND batch.completed_at > clock_timestamp() - $3::bigint * interval '1 ms'",
                  params, ARRAY_LEN(params), &rows, reterr))
        return false;
    *ret_tokens = pg_i64(rows, 0, 0);
    return true;
}
