/* What PostgreSQL need not keep any more. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ledger/ledger.h"

enum { ROWS_MAX = 2000 }; /* of one statement, so that a batch never waits for long */

/* Runs a DELETE of at most ROWS_MAX rows that are older than `keep_ms`; 0: all are kept. */
static bool prune(struct ledger *ledger, const char *sql, int64_t keep_ms, bool *more,
                  struct err *reterr)
{
    char id[PG_NUMBER_SIZE], keep[PG_NUMBER_SIZE], rows[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id), pg_number(keep_ms, keep),
                            pg_number(ROWS_MAX, rows)};
    if (keep_ms == 0)
        return true;
    if (!pg_query(ledger->pg, sql, params, ARRAY_LEN(params), NULL, reterr))
        return false;
    *more = *more || pg_affected(ledger->pg) == ROWS_MAX;
    return true;
}

bool ledger_prune(struct ledger *ledger, const struct ledger_retention *retention, bool *ret_more,
                  struct err *reterr)
{
    *ret_more = false;
    return prune(ledger,
                 "DELETE FROM batch WHERE (lane_id, batch_seq) IN (SELECT b.lane_id, b.batch_seq"
                 " FROM batch b JOIN lane ON lane.id = b.lane_id"
                 " WHERE b.lane_id = $1::integer AND b.batch_seq < lane.batch_seq"
                 " AND b.completed_at < now() - $2::bigint * interval '1 ms'"
                 " ORDER BY b.completed_at LIMIT $3::bigint)",
                 retention->ledger_ms, ret_more, reterr) &&
           prune(ledger,
                 "DELETE FROM dead_letter WHERE (topic_id, incarnation, partition, log_offset) IN"
                 " (SELECT topic_id, incarnation, partition, log_offset FROM dead_letter"
                 " WHERE lane_id = $1::integer AND state <> 'open'"
                 " AND greatest(state_at, appended_at) < now() - $2::bigint * interval '1 ms'"
                 " LIMIT $3::bigint)",
                 retention->dead_ms, ret_more, reterr) &&
           prune(ledger,
                 "DELETE FROM usage_hourly WHERE ctid = ANY (ARRAY(SELECT ctid FROM usage_hourly"
                 " WHERE $1::integer IS NOT NULL AND hour < now() - $2::bigint * interval '1 ms'"
                 " LIMIT $3::bigint))",
                 retention->usage_ms, ret_more, reterr);
}
