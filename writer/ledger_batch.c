/* The transaction that completes one batch and announces the next, and what to do when nobody knows
 * whether it took place.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/ledger.h"
#include "base/assert.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    NUMBER_SIZE = 24,
    ARRAY_MAX = 1 << 30,
};

static const char *number(int64_t value, char text[NUMBER_SIZE])
{
    snprintf(text, NUMBER_SIZE, "%" PRId64, value);
    return text;
}

static bool lost(struct err *reterr, const char *what)
{
    return err_set(reterr, ERR_LANE_LOST, "%s: another writer went on, or the ledger was changed",
                   what);
}

/* Usage, sorted by key: whoever else adds to the same rows locks them in the same order. */
static bool add_usage(struct ledger *ledger, struct usage *usage, struct err *reterr)
{
    struct buf arrays[USAGE_ARRAYS];
    const char *params[USAGE_ARRAYS];
    for (size_t i = 0; i < USAGE_ARRAYS; i++)
        buf_init(&arrays[i], ARRAY_MAX);
    usage_arrays(usage, arrays);
    bool good = true;
    for (size_t i = 0; i < USAGE_ARRAYS; i++) {
        params[i] = buf_text(&arrays[i]);
        good = good && !arrays[i].overflow;
    }
    good = good ? pg_query(ledger->pg,
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
                           params, USAGE_ARRAYS, NULL, reterr)
                : err_set(reterr, ERR_INTERNAL, "usage totals of a batch are too large");
    for (size_t i = 0; i < USAGE_ARRAYS; i++)
        buf_done(&arrays[i]);
    return good;
}

/* The ranges as arrays: partition, from - 1, to, anchor digest, anchor timestamp. */
enum { RANGE_ARRAYS = 5 };

static void range_arrays(const struct intent *intent, struct buf arrays[RANGE_ARRAYS])
{
    for (size_t i = 0; i < RANGE_ARRAYS; i++) {
        buf_init(&arrays[i], ARRAY_MAX);
        pg_array_begin(&arrays[i]);
    }
    for (size_t i = 0; i < intent->ranges_len; i++) {
        const struct intent_range *range = &intent->ranges[i];
        char text[NUMBER_SIZE], digest[2 + 2 * DIGEST_SHA256_SIZE + 1] = "\\x";
        digest_hex(range->anchor_digest, DIGEST_SHA256_SIZE, digest + 2);
        pg_array_add(&arrays[0], slice_from(number(range->partition, text)));
        pg_array_add(&arrays[1], slice_from(number(range->from - 1, text)));
        pg_array_add(&arrays[2], slice_from(number(range->to, text)));
        pg_array_add(&arrays[3], slice_from(digest));
        pg_array_add(&arrays[4], slice_from(number(range->anchor_timestamp_ms, text)));
    }
    for (size_t i = 0; i < RANGE_ARRAYS; i++)
        pg_array_end(&arrays[i]);
}

/* Runs `sql` with the lane's id and the arrays of the ranges; *ret_rows rows come back or change.
 */
static bool with_ranges(struct ledger *ledger, const char *sql, size_t arrays_len,
                        const struct intent *intent, struct err *reterr)
{
    char id[NUMBER_SIZE];
    struct buf arrays[RANGE_ARRAYS];
    range_arrays(intent, arrays);
    const char *params[1 + RANGE_ARRAYS] = {number(ledger->lane_id, id)};
    for (size_t i = 0; i < RANGE_ARRAYS; i++)
        params[1 + i] = buf_text(&arrays[i]);
    bool good = pg_query(ledger->pg, sql, params, 1 + arrays_len, NULL, reterr);
    for (size_t i = 0; i < RANGE_ARRAYS; i++)
        buf_done(&arrays[i]);
    return good;
}

static bool raise_hwm(struct ledger *ledger, const struct intent *intent, struct err *reterr)
{
    if (!with_ranges(ledger,
                     "UPDATE lane_partition AS p SET hwm = r.done, anchor_digest = r.digest,"
                     " anchor_timestamp = r.at"
                     " FROM unnest($2::integer[], $3::bigint[], $4::bigint[], $5::bytea[],"
                     "             $6::bigint[]) AS r (partition, before, done, digest, at)"
                     " WHERE p.lane_id = $1::integer AND p.partition = r.partition"
                     " AND p.hwm = r.before",
                     RANGE_ARRAYS, intent, reterr))
        return false;
    return pg_affected(ledger->pg) == (int64_t)intent->ranges_len || lost(reterr, "hwm");
}

/* The intent begins where the partitions are: the rows are locked so that this holds at COMMIT. */
static bool check_hwm(struct ledger *ledger, const struct intent *intent, struct err *reterr)
{
    if (!with_ranges(ledger,
                     "SELECT 1 FROM lane_partition AS p"
                     " JOIN unnest($2::integer[], $3::bigint[]) AS r (partition, before)"
                     " ON p.partition = r.partition AND p.hwm = r.before"
                     " WHERE p.lane_id = $1::integer FOR UPDATE OF p",
                     2, intent, reterr))
        return false;
    return pg_affected(ledger->pg) == (int64_t)intent->ranges_len || lost(reterr, "hwm");
}

static bool add_batch(struct ledger *ledger, const struct intent *intent, struct err *reterr)
{
    CLEANUP(buf_done) struct buf json;
    buf_init(&json, INTENT_MAX);
    intent_encode(intent, &json);
    if (json.overflow)
        return err_set(reterr, ERR_INTERNAL, "the intent is too large");
    char id[NUMBER_SIZE], seq[NUMBER_SIZE], epoch[NUMBER_SIZE], records[NUMBER_SIZE],
        rows[NUMBER_SIZE];
    const char *params[] = {number(ledger->lane_id, id),
                            number(ledger->batch_seq + 1, seq),
                            number(ledger->epoch, epoch),
                            intent->id,
                            number(intent_records(intent), records),
                            number(intent_rows(intent), rows),
                            buf_text(&json)};
    return pg_query(ledger->pg,
                    "INSERT INTO batch (lane_id, batch_seq, epoch, intent_id, records, stored,"
                    " intent) VALUES ($1::integer, $2::bigint, $3::bigint, $4::uuid, $5::bigint,"
                    " $6::bigint, $7::jsonb)",
                    params, 7, NULL, reterr);
}

/* The CAS: from (epoch, batch_seq, intent of the batch that is completed) to the next state. */
static bool move_lane(struct ledger *ledger, const struct intent *completed,
                      const struct intent *intend, struct err *reterr)
{
    CLEANUP(buf_done) struct buf json;
    buf_init(&json, INTENT_MAX);
    if (intend)
        intent_encode(intend, &json);
    if (json.overflow)
        return err_set(reterr, ERR_INTERNAL, "the intent is too large");
    char id[NUMBER_SIZE], epoch[NUMBER_SIZE], seq[NUMBER_SIZE], next[NUMBER_SIZE];
    const char *params[] = {number(ledger->lane_id, id),
                            number(ledger->epoch, epoch),
                            number(ledger->batch_seq, seq),
                            completed ? completed->id : NULL,
                            number(ledger->batch_seq + (completed ? 1 : 0), next),
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

static bool run(struct ledger *ledger, const struct ledger_completion *complete,
                const struct intent *intend, struct err *reterr)
{
    /* The lane row first: whoever lost the lane finds out before it locks anything else. */
    if (!move_lane(ledger, complete ? complete->intent : NULL, intend, reterr))
        return false;
    if (complete && (!raise_hwm(ledger, complete->intent, reterr) ||
                     !add_batch(ledger, complete->intent, reterr) ||
                     !add_usage(ledger, complete->usage, reterr)))
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

bool ledger_advance(struct ledger *ledger, const struct ledger_completion *complete,
                    struct intent *intend, struct err *reterr)
{
    ASSERT(complete || intend);
    if (intend) {
        intend->epoch = ledger->epoch;
        intend->batch_seq = ledger->batch_seq + (complete ? 2 : 1);
        intend->timeline = ledger->session.timeline;
        mem_freep(&intend->system_identifier);
        intend->system_identifier = xstrdup(ledger->session.system_identifier);
    }
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
    char id[NUMBER_SIZE];
    const char *params[] = {number(ledger->lane_id, id)};
    CLEANUP(pg_result_freep) struct pg_result *lane = NULL;
    /* FOR UPDATE waits for a transaction that is still being committed by the old session. */
    if (!pg_query(ledger->pg,
                  "SELECT epoch, batch_seq, coalesce(intent_id::text, '') FROM lane"
                  " WHERE id = $1::integer FOR UPDATE",
                  params, 1, &lane, reterr))
        return false;
    if (pg_rows(lane) != 1 || pg_i64(lane, 0, 0) != ledger->epoch)
        return lost(reterr, "epoch");
    const struct intent *pending = complete ? complete->intent : NULL;
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
    char id[NUMBER_SIZE], epoch[NUMBER_SIZE], seq[NUMBER_SIZE], index[NUMBER_SIZE],
        raised[NUMBER_SIZE];
    const char *params[] = {number(ledger->lane_id, id),    number(ledger->epoch, epoch),
                            number(ledger->batch_seq, seq), intent->id,
                            number((int64_t)block, index),  number(attempt, raised)};
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
