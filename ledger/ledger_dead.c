/* Dead letters in the completing transaction, and how many there were lately.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ledger/ledger_internal.h"
#include "postgres/pg_columns.h"

/* Bytes of values in one statement: their text is twice as large. */
static const size_t statement_max = (size_t)64 << 20;

enum { LETTER_COLUMNS = 8 };

static void add_letter(struct pg_columns *columns, const struct dead_letter *letter)
{
    pg_columns_add_i64(columns, 0, letter->partition);
    pg_columns_add_i64(columns, 1, letter->offset);
    pg_columns_add(columns, 2, slice_from(fate_reason_code(letter->reason)));
    pg_columns_add(columns, 3, letter->detail);
    if (letter->organization_id.size > 0)
        pg_columns_add(columns, 4, letter->organization_id);
    else
        pg_columns_add_null(columns, 4);
    pg_columns_add_bytes(columns, 5, letter->key);
    pg_columns_add_bytes(columns, 6, letter->value);
    pg_columns_add_i64(columns, 7, letter->timestamp_ms);
}

/* Writes letters from *at on, as many as one statement takes. */
static bool insert_some(struct ledger *ledger, const struct dead_letters *letters, size_t *at,
                        struct err *reterr)
{
    char lane[PG_NUMBER_SIZE], incarnation[PG_NUMBER_SIZE], seq[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, lane),
                            pg_number(ledger->incarnation, incarnation),
                            pg_number(ledger->batch_seq + 1, seq)};
    struct pg_columns columns;
    pg_columns_init(&columns, LETTER_COLUMNS);
    for (size_t bytes = 0; *at < letters->len && bytes < statement_max; ++*at) {
        add_letter(&columns, &letters->list[*at]);
        bytes += letters->list[*at].value.size;
    }
    bool good = pg_columns_query(
        ledger->pg,
        "INSERT INTO dead_letter (topic_id, incarnation, partition, log_offset, reason, detail,"
        " organization_id, key, value, appended_at, lane_id, batch_seq)"
        " SELECT lane.topic_id, $2::integer, partition, log_offset, reason, detail, organization,"
        "        key, value, timestamptz 'epoch' + appended_at * interval '1 ms', lane.id, "
        "$3::bigint"
        " FROM lane, unnest($4::integer[], $5::bigint[], $6::text[], $7::text[], $8::uuid[],"
        "                   $9::bytea[], $10::bytea[], $11::bigint[])"
        "   AS new (partition, log_offset, reason, detail, organization, key, value, appended_at)"
        " WHERE lane.id = $1::integer",
        params, ARRAY_LEN(params), &columns, reterr);
    pg_columns_done(&columns);
    return good;
}

bool ledger_add_dead(struct ledger *ledger, const struct dead_letters *letters, struct err *reterr)
{
    for (size_t at = 0; at < letters->len;)
        if (!insert_some(ledger, letters, &at, reterr))
            return false;
    return true;
}

bool ledger_recent(struct ledger *ledger, int64_t window_ms, int64_t *ret_records,
                   int64_t *ret_dead, struct err *reterr)
{
    char id[PG_NUMBER_SIZE], window[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id), pg_number(window_ms, window)};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(ledger->pg,
                  "SELECT coalesce(sum(records), 0)::bigint,"
                  " coalesce(sum(dead_letters - conflicts), 0)::bigint FROM batch"
                  " WHERE lane_id = $1::integer"
                  " AND completed_at > clock_timestamp() - $2::bigint * interval '1 ms'",
                  params, ARRAY_LEN(params), &rows, reterr))
        return false;
    *ret_records = pg_i64(rows, 0, 0);
    *ret_dead = pg_i64(rows, 0, 1);
    return true;
}
