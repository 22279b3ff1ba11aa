/* The questions that are put to ClickHouse about rows of ours.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/read_back.h"
#include "clickhouse/period.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    SQL_MAX = 16 * 1024 * 1024,
    ANSWER_MAX = 4096,
};

/* Nothing that could hide a row: no cache, no FINAL, no limit that would end the query early, and
 * no replica that lacks what was written with a quorum. Without one a replica that lags still
 * answers 0: writer/insert.c does not take that for a burned token. */
const char read_back_truthful[] =
    " SETTINGS use_query_cache = 0, final = 0, apply_deleted_mask = 0,"
    " max_rows_to_read = 0, max_bytes_to_read = 0,"
    " timeout_overflow_mode = 'throw', read_overflow_mode = 'throw',"
    " select_sequential_consistency = 1";

/* Runs `sql` and reads the numbers of its one row. */
static bool ask(struct ch_client *client, struct buf *sql, const struct ch_param params[],
                size_t params_len, int64_t ret_numbers[], size_t numbers_len, struct err *reterr)
{
    CLEANUP(buf_done) struct buf answer;
    buf_init(&answer, ANSWER_MAX);
    const char *text = buf_text(sql);
    if (sql->overflow)
        return err_set(reterr, ERR_INTERNAL, "a query is too long");
    if (!ch_query(client, text, params, params_len, READ_BACK_TIMEOUT_MS, &answer, reterr))
        return false;
    const char *at = buf_text(&answer);
    for (size_t i = 0; i < numbers_len; i++) {
        char *end;
        ret_numbers[i] = strtoll(at, &end, 10);
        if (end == at || (*end != '\t' && *end != '\n'))
            return err_set(reterr, ERR_CLICKHOUSE_UNAVAILABLE, "the answer '%.40s' is no count",
                           buf_text(&answer));
        at = end + 1;
    }
    return true;
}

enum read_back read_back_judge(int64_t rows, int64_t count, int64_t places, bool replaces)
{
    if (count == 0)
        return READ_BACK_NONE;
    if (count > rows || count != places)
        return READ_BACK_WRONG;
    return count == rows || replaces ? READ_BACK_LANDED : READ_BACK_WRONG;
}

enum read_back read_back(struct ch_client *client, const char *table, bool replaces,
                         const struct intent *intent, size_t block, struct err *reterr)
{
    const struct intent_block *expected = &intent->blocks[block];
    enum ch_period period;
    CLEANUP(buf_done) struct buf sql;
    if (!ch_period_of(intent->partition_key, &period)) {
        err_set(reterr, ERR_INTERNAL, "intent %s has no partition key", intent->id);
        return READ_BACK_UNKNOWN;
    }
    buf_init(&sql, SQL_MAX);
    buf_printf(&sql,
               "SELECT count(), uniqExact(kafka_partition, kafka_offset) FROM `%s`"
               " WHERE %s = %" PRIu32 " AND (",
               table, ch_period_sql(period), expected->period);
    for (size_t i = 0; i < intent->ranges_len; i++) {
        const struct intent_range *range = &intent->ranges[i];
        buf_printf(&sql,
                   "%s(kafka_partition = %" PRIu32 " AND kafka_offset BETWEEN %" PRIu64
                   " AND %" PRIu64 ")",
                   i > 0 ? " OR " : "", range->partition,
                   stored_offset(intent->incarnation, range->from),
                   stored_offset(intent->incarnation, range->to));
    }
    buf_append_str(&sql, ")");
    buf_append_str(&sql, read_back_truthful);
    buf_append_str(&sql, " FORMAT TabSeparated");
    int64_t numbers[2];
    if (!ask(client, &sql, NULL, 0, numbers, 2, reterr))
        return READ_BACK_UNKNOWN;
    enum read_back result = read_back_judge(expected->rows, numbers[0], numbers[1], replaces);
    if (result == READ_BACK_WRONG)
        err_set(reterr, ERR_ROWS_MISMATCH,
                "block %" PRIu32 " of intent %s: %" PRId64 " rows were sent, %" PRId64
                " are there, from %" PRId64 " different records",
                expected->period, intent->id, expected->rows, numbers[0], numbers[1]);
    return result;
}

bool read_back_nothing_beyond(struct ch_client *client, const char *table,
                              const struct read_back_end ends[], size_t ends_len,
                              struct err *reterr)
{
    CLEANUP(buf_done) struct buf sql;
    buf_init(&sql, SQL_MAX);
    buf_printf(&sql, "SELECT count(), min(kafka_partition) FROM `%s` WHERE ", table);
    for (size_t i = 0; i < ends_len; i++)
        buf_printf(&sql, "%s(kafka_partition = %" PRIu32 " AND kafka_offset >= %" PRIu64 ")",
                   i > 0 ? " OR " : "", ends[i].partition, ends[i].stored_offset + 1);
    buf_append_str(&sql, read_back_truthful);
    buf_append_str(&sql, " FORMAT TabSeparated");
    int64_t numbers[2];
    if (!ask(client, &sql, NULL, 0, numbers, 2, reterr))
        return false;
    return numbers[0] == 0 ||
           err_set(reterr, ERR_LEDGER_ROLLED_BACK,
                   "the table %s has %" PRId64 " rows, first of partition %" PRId64
                   ", that the ledger does not know",
                   table, numbers[0], numbers[1]);
}

bool read_back_running(struct ch_client *client, const char *prefix, int64_t *ret_running,
                       struct err *reterr)
{
    const struct ch_param params[] = {{"prefix", prefix}};
    CLEANUP(buf_done) struct buf sql;
    buf_init(&sql, SQL_MAX);
    buf_append_str(&sql, "SELECT count() FROM system.processes"
                         " WHERE startsWith(query_id, {prefix:String}) FORMAT TabSeparated");
    return ask(client, &sql, params, ARRAY_LEN(params), ret_running, 1, reterr);
}
