/* The transaction that completes one batch and announces the next, and what to do when nobody knows
 * whether it took place.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ledger/ledger_internal.h"
#include "base/assert.h"
#include <inttypes.h>
#include <stdlib.h>

static bool lost(struct err *reterr, const char *what)
{
    return err_set(reterr, ERR_LANE_LOST, "%s: another writer went on, or the ledger was changed",
                   what);
}

/* Usage, sorted by key: whoever else adds to the same rows locks them in the same order. */
static bool add_usage(struct ledger *ledger, struct usage *usage, struct err *reterr)
{
    struct pg_columns columns;
    usage_columns(usage, &columns);
    bool good = pg_columns_query(ledger->pg,
                                 "INSERT INTO usage_hourly AS old (organization_id,"
                                 " external_customer_id, code, hour, events, value_sum)"
                                 " SELECT organization, customer, code, to_timestamp(hour * 3600),"
                                 "        events, value_sum"
                                 " FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[],"
                                 "             $5::bigint[], $6::numeric[])"
                                 "   AS new (organization, customer, code, hour, events, value_sum)"
                                 " ON CONFLICT (organization_id, external_customer_id, code, hour)"
                                 " DO UPDATE SET events = old.events + excluded.events,"
                                 "               value_sum = old.value_sum + excluded.value_sum",
                                 NULL, 0, &columns, reterr);
    pg_columns_done(&columns);
    return good;
}

static bool add_duplicates(struct ledger *ledger, struct duplicates *duplicates, struct err *reterr)
{
    if (duplicates->len == 0)
        return true;
    struct pg_columns columns;
    duplicates_columns(duplicates, &columns);
    bool good = pg_columns_query(ledger->pg,
                                 "INSERT INTO duplicate_daily AS old"
                                 " (organization_id, day, duplicates)"
                                 " SELECT organization, date '1970-01-01' + day, duplicates"
                                 " FROM unnest($1::uuid[], $2::integer[], $3::bigint[])"
                                 "   AS new (organization, day, duplicates)"
                                 " ON CONFLICT (organization_id, day)"
                                 " DO UPDATE SET duplicates = old.duplicates + excluded.duplicates",
                                 NULL, 0, &columns, reterr);
    pg_columns_done(&columns);
    return good;
}

/* Runs `sql` with the lane's id ($1) and of each range: partition ($2), from - 1, to, anchor
 * digest, anchor timestamp ($6). One row a range comes back or changes, or the lane is lost. */
static bool with_ranges(struct ledger *ledger, const char *sql, const struct intent *intent,
                        struct err *reterr)
{
    char id[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id)};
    struct pg_columns columns;
    pg_columns_init(&columns, 5);
    for (size_t i = 0; i < intent->ranges_len; i++) {
        const struct intent_range *range = &intent->ranges[i];
        const struct slice anchor = {(const char *)range->anchor_digest, DIGEST_SHA256_SIZE};
        pg_columns_add_i64(&columns, 0, range->partition);
        pg_columns_add_i64(&columns, 1, range->from - 1);
        pg_columns_add_i64(&columns, 2, range->to);
        pg_columns_add_bytes(&columns, 3, anchor);
        pg_columns_add_i64(&columns, 4, range->anchor_timestamp_ms);
    }
    bool good = pg_columns_query(ledger->pg, sql, params, 1, &columns, reterr);
    pg_columns_done(&columns);
    if (!good)
        return false;
    return pg_affected(ledger->pg) == (int64_t)intent->ranges_len || lost(reterr, "hwm");
}

#define RANGES                                                                                     \
    "unnest($2::integer[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bigint[])"                 \
    " AS r (partition, before, done, digest, at)"

static bool raise_hwm(struct ledger *ledger, const struct intent *intent, struct err *reterr)
{
    return with_ranges(ledger,
                       "UPDATE lane_partition AS p SET hwm = r.done, anchor_digest = r.digest,"
                       " anchor_timestamp = r.at FROM " RANGES
                       " WHERE p.lane_id = $1::integer AND p.partition = r.partition"
                       " AND p.hwm = r.before",
                       intent, reterr);
}

/* The intent begins where the partitions are: the rows are locked so that this holds at COMMIT. */
static bool check_hwm(struct ledger *ledger, const struct intent *intent, struct err *reterr)
{
    return with_ranges(ledger,
                       "SELECT 1 FROM lane_partition AS p JOIN " RANGES
                       " ON p.partition = r.partition AND p.hwm = r.before"
                       " WHERE p.lane_id = $1::integer FOR UPDATE OF p",
                       intent, reterr);
}

static bool encode(const struct intent *intent, struct buf *json, struct err *reterr)
{
    buf_init(json, INTENT_MAX);
    intent_encode(intent, json);
    return !json->overflow || err_set(reterr, ERR_INTERNAL, "the intent is too large");
}

static bool add_batch(struct ledger *ledger, const struct ledger_completion *complete,
                      struct err *reterr)
{
    const struct intent *intent = complete->intent;
    CLEANUP(buf_done) struct buf json;
    if (!encode(intent, &json, reterr))
        return false;
    char id[PG_NUMBER_SIZE], seq[PG_NUMBER_SIZE], epoch[PG_NUMBER_SIZE], records[PG_NUMBER_SIZE],
        rows[PG_NUMBER_SIZE], duplicates[PG_NUMBER_SIZE], dead[PG_NUMBER_SIZE],
        conflicts[PG_NUMBER_SIZE], lost_rows[PG_NUMBER_SIZE], tokens[PG_NUMBER_SIZE];
    const char *params[] = {
        pg_number(ledger->lane_id, id),
        pg_number(ledger->batch_seq + 1, seq),
        pg_number(ledger->epoch, epoch),
        intent->id,
        pg_number(intent_records(intent), records),
        pg_number(intent_rows(intent) - complete->lost, rows),
        pg_number(intent_count(intent, FATE_DUPLICATE), duplicates),
        pg_number(intent_count(intent, FATE_DEAD), dead),
        pg_number(intent_count(intent, FATE_DEAD) - intent_alarming(intent), conflicts),
        buf_text(&json),
        pg_number(complete->lost, lost_rows),
        pg_number(intent_tokens(intent), tokens),
    };
    return pg_query(ledger->pg,
                    "INSERT INTO batch (lane_id, batch_seq, epoch, intent_id, records, stored,"
                    " duplicates, dead_letters, conflicts, intent, lost, tokens)"
                    " VALUES ($1::integer, $2::bigint, $3::bigint, $4::uuid, $5::bigint,"
                    " $6::bigint, $7::bigint, $8::bigint, $9::bigint, $10::jsonb, $11::bigint,"
                    " $12::integer)",
                    params, ARRAY_LEN(params), NULL, reterr);
}

/* What stands in the lane's row while the batch is on its way: nothing, when it has no blocks. */
static const struct intent *announced(const struct ledger_completion *complete)
{
    return complete && complete->intent->blocks_len > 0 ? complete->intent : NULL;
}

/* The CAS: from (epoch, batch_seq, intent of the batch that is completed) to the next state. */
static bool move_lane(struct ledger *ledger, const struct ledger_completion *complete,
                      const struct intent *intend, struct err *reterr)
{
    const struct intent *completed = announced(complete);
    CLEANUP(buf_done) struct buf json = {.size = 0};
    if (intend && !encode(intend, &json, reterr))
        return false;
    char id[PG_NUMBER_SIZE], epoch[PG_NUMBER_SIZE], seq[PG_NUMBER_SIZE], next[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id),
                            pg_number(ledger->epoch, epoch),
                            pg_number(ledger->batch_seq, seq),
                            completed ? completed->id : NULL,
                            pg_number(ledger->batch_seq + (complete ? 1 : 0), next),
                            intend ? buf_text(&json) : NULL,
                            intend ? intend->id : NULL};
    if (!pg_query(ledger->pg,
                  "UPDATE lane SET batch_seq = $5::bigint, intent = $6::jsonb,"
                  " intent_id = $7::uuid"
                  " WHERE id = $1::integer AND epoch = $2::bigint AND batch_seq = $3::bigint"
                  " AND intent_id IS NOT DISTINCT FROM $4::uuid",
                  params, 7, NULL, reterr))
        return false;
    return pg_affected(ledger->pg) == 1 || lost(reterr, "epoch and batch_seq");
}

bool ledger_complete(struct ledger *ledger, const struct ledger_completion *complete,
                     struct err *reterr)
{
    return raise_hwm(ledger, complete->intent, reterr) && add_batch(ledger, complete, reterr) &&
           add_usage(ledger, complete->usage, reterr) &&
           ledger_add_dead(ledger, complete->dead, reterr) &&
           ledger_add_records(ledger, complete->records, reterr) &&
           add_duplicates(ledger, complete->duplicates, reterr);
}

static bool run(struct ledger *ledger, const struct ledger_completion *complete,
                const struct intent *intend, struct err *reterr)
{
    /* The lane row first: whoever lost the lane finds out before it locks anything else. */
    if (!move_lane(ledger, complete, intend, reterr))
        return false;
    if (complete && !ledger_complete(ledger, complete, reterr))
        return false;
    return !intend || check_hwm(ledger, intend, reterr);
}

/* What we know after the transaction took place. */
static void note(struct ledger *ledger, const struct ledger_completion *complete,
                 const struct intent *intend)
{
    if (complete) {
        ledger->batch_seq++;
        for (size_t i = 0; i < complete->intent->ranges_len; i++) {
            const struct intent_range *range = &complete->intent->ranges[i];
            struct ledger_partition *partition = &ledger->state[range->partition];
            partition->hwm = range->to;
            partition->anchored = true;
            partition->anchor_timestamp_ms = range->anchor_timestamp_ms;
            memcpy(partition->anchor_digest, range->anchor_digest, DIGEST_SHA256_SIZE);
        }
    }
    ledger->pending = intend != NULL;
}

/* Under which owner, and in which PostgreSQL, an intent is made. */
static void stamp(const struct ledger *ledger, struct intent *intent, int64_t batch_seq)
{
    intent->epoch = ledger->epoch;
    intent->batch_seq = batch_seq;
    intent->timeline = ledger->session.timeline;
    mem_freep(&intent->system_identifier);
    intent->system_identifier = xstrdup(ledger->session.system_identifier);
}

bool ledger_advance(struct ledger *ledger, const struct ledger_completion *complete,
                    struct intent *intend, struct err *reterr)
{
    ASSERT(complete || intend);
    if (complete && !announced(complete))
        stamp(ledger, complete->intent, ledger->batch_seq + 1);
    if (intend)
        stamp(ledger, intend, ledger->batch_seq + (complete ? 2 : 1));
    if (!pg_begin(ledger->pg, reterr))
        return false;
    if (!run(ledger, complete, intend, reterr)) {
        pg_rollback(ledger->pg);
        return false;
    }
    if (!pg_commit(ledger->pg, reterr))
        return false;
    note(ledger, complete, intend);
    return true;
}

/* True when the row's intent is that one, or when there is none and none is expected. */
static bool intent_is(const struct pg_result *lane, const struct intent *intent)
{
    return strcmp(pg_text(lane, 0, 2), intent ? intent->id : "") == 0;
}

bool ledger_resolve(struct ledger *ledger, const struct ledger_completion *complete,
                    const struct intent *intend, bool *ret_done, struct err *reterr)
{
    if (!ledger_reopen(ledger, reterr))
        return false;
    char id[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id)};
    CLEANUP(pg_result_freep) struct pg_result *lane = NULL;
    /* FOR UPDATE waits for a transaction that is still being committed by the old session. */
    if (!pg_query(ledger->pg,
                  "SELECT epoch, batch_seq, coalesce(intent_id::text, '') FROM lane"
                  " WHERE id = $1::integer FOR UPDATE",
                  params, 1, &lane, reterr))
        return false;
    if (pg_rows(lane) != 1 || pg_i64(lane, 0, 0) != ledger->epoch)
        return lost(reterr, "epoch");
    const struct intent *pending = announced(complete);
    int64_t seq = pg_i64(lane, 0, 1);
    if (seq == ledger->batch_seq && intent_is(lane, pending)) {
        *ret_done = false;
        return true;
    }
    if (seq == ledger->batch_seq + (complete ? 1 : 0) && intent_is(lane, intend)) {
        note(ledger, complete, intend);
        *ret_done = true;
        return true;
    }
    return lost(reterr, "batch_seq");
}

bool ledger_raise_attempt(struct ledger *ledger, struct intent *intent, size_t block,
                          struct err *reterr)
{
    uint32_t attempt = intent->blocks[block].attempt + 1;
    char id[PG_NUMBER_SIZE], epoch[PG_NUMBER_SIZE], seq[PG_NUMBER_SIZE], index[PG_NUMBER_SIZE],
        raised[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id),    pg_number(ledger->epoch, epoch),
                            pg_number(ledger->batch_seq, seq), intent->id,
                            pg_number((int64_t)block, index),  pg_number(attempt, raised)};
    if (!pg_query(ledger->pg,
                  "UPDATE lane SET intent ="
                  "  jsonb_set(intent, ARRAY['blocks', $5, 'attempt'], to_jsonb($6::bigint))"
                  " WHERE id = $1::integer AND epoch = $2::bigint AND batch_seq = $3::bigint"
                  " AND intent_id = $4::uuid"
                  " AND (intent #>> ARRAY['blocks', $5, 'attempt'])::bigint <= $6::bigint",
                  params, 6, NULL, reterr))
        return false;
    if (pg_affected(ledger->pg) != 1)
        return lost(reterr, "attempt");
    intent->blocks[block].attempt = attempt;
    return true;
}
