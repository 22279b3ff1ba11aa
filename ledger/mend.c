/* Reading, taking and changing all lanes of a topic. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ledger/mend.h"
#include "base/assert.h"
#include "base/clock.h"
#include "ledger/ledger_internal.h"
#include "ledger/owner.h"
#include <inttypes.h>

enum { TRY_AGAIN_MS = 50 };

/* Reading */

static bool read_topic(struct mend *mend, struct err *reterr)
{
    CLEANUP(mem_freep)
    char *table =
        xasprintf("%s.%s", mend->settings->clickhouse_database, mend->settings->clickhouse_table);
    const char *params[] = {mend->settings->events_topic, table};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(mend->pg,
                  "SELECT id, cluster_id, clickhouse_uuid, incarnation, partitions FROM topic"
                  " WHERE name = $1 AND clickhouse_table = $2",
                  params, ARRAY_LEN(params), &rows, reterr))
        return false;
    if (pg_rows(rows) != 1)
        return err_set(reterr, ERR_NOT_FOUND,
                       "the ledger has no topic %s that feeds the table %s: no writer has read it",
                       mend->settings->events_topic, table);
    mend->topic_id = pg_i64(rows, 0, 0);
    mend->cluster_id = xstrdup(pg_text(rows, 0, 1));
    mend->table = TAKE(table);
    mend->table_uuid = xstrdup(pg_text(rows, 0, 2));
    mend->incarnation = (uint32_t)pg_i64(rows, 0, 3);
    mend->partitions = (uint32_t)pg_i64(rows, 0, 4);
    return true;
}

static bool look(struct mend *mend, struct mend_lane *lane, struct err *reterr)
{
    lane->ledger.pg = mend->pg;
    lane->ledger.settings = mend->settings;
    lane->ledger.session = mend->session;
    lane->ledger.topic_id = mend->topic_id;
    lane->ledger.partitions = mend->partitions;
    return ledger_look(&lane->ledger, lane->owner, &lane->quiet_ms, reterr);
}

static bool read_lanes(struct mend *mend, struct err *reterr)
{
    char topic[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(mend->topic_id, topic)};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(mend->pg,
                  "SELECT id, name::integer FROM lane WHERE topic_id = $1::integer ORDER BY 2",
                  params, ARRAY_LEN(params), &rows, reterr))
        return false;
    mend->lanes_len = pg_rows(rows);
    mend->lanes = xcalloc(mend->lanes_len + 1, sizeof *mend->lanes);
    for (size_t i = 0; i < mend->lanes_len; i++) {
        mend->lanes[i].ledger.lane_id = pg_i64(rows, i, 0);
        mend->lanes[i].number = (uint32_t)pg_i64(rows, i, 1);
        if (!look(mend, &mend->lanes[i], reterr))
            return false;
    }
    return true;
}

bool mend_open(struct mend *mend, const struct settings *settings, struct err *reterr)
{
    struct ledger session = {0};
    *mend = (struct mend){.settings = settings};
    owner_self(mend->owner, sizeof mend->owner);
    if (!ledger_open(&session, settings, reterr))
        return false;
    mend->session = session.session;
    mend->pg = TAKE(session.pg);
    ledger_close(&session);
    return read_topic(mend, reterr) && read_lanes(mend, reterr);
}

/* Taking */

static void give_back(struct mend *mend)
{
    for (size_t i = 0; i < mend->lanes_len; i++) {
        struct mend_lane *lane = &mend->lanes[i];
        lane->ledger.pg = mend->pg;
        if (lane->taken)
            ledger_release(&lane->ledger);
        lane->taken = false;
        mend->pg = lane->ledger.pg; /* NULL: the release failed and closed it */
    }
}

void mend_close(struct mend *mend)
{
    give_back(mend);
    for (size_t i = 0; i < mend->lanes_len; i++) {
        mend->lanes[i].ledger.pg = NULL;
        ledger_close(&mend->lanes[i].ledger);
    }
    pg_free(mend->pg);
    mem_freep(&mend->lanes);
    mem_freep(&mend->cluster_id);
    mem_freep(&mend->table);
    mem_freep(&mend->table_uuid);
    *mend = (struct mend){0};
}

/* Since when the lane is quiet is known only if nobody had it between the look and the taking. */
static bool take(struct mend *mend, struct mend_lane *lane, struct err *reterr)
{
    if (!look(mend, lane, reterr))
        return false;
    int64_t seen = lane->ledger.epoch;
    if (!ledger_acquire(&lane->ledger, mend->owner, mend->settings->writer_lease, owner_is_dead,
                        reterr))
        return err_prefix(reterr, "lane %" PRIu32, lane->number);
    lane->taken = true;
    if (lane->ledger.epoch != seen + 1)
        lane->quiet_ms = INT64_MIN;
    return true;
}

bool mend_take(struct mend *mend, int64_t patience_ms, struct err *reterr)
{
    int64_t until = clock_mono_ms() + patience_ms;
    mend->kept_ms = clock_mono_ms();
    for (size_t i = 0; i < mend->lanes_len;) {
        if (take(mend, &mend->lanes[i], reterr)) {
            i++;
        } else if (reterr->code != ERR_LANE_LOST || clock_mono_ms() > until) {
            give_back(mend);
            return false;
        } else if (!mend_keep(mend, reterr)) {
            return false;
        } else {
            clock_sleep_ms(TRY_AGAIN_MS);
        }
    }
    return true;
}

bool mend_keep(struct mend *mend, struct err *reterr)
{
    int64_t now = clock_mono_ms();
    if (now - mend->kept_ms < mend->settings->writer_lease / 3)
        return true;
    for (size_t i = 0; i < mend->lanes_len; i++)
        if (mend->lanes[i].taken &&
            !ledger_renew(mend->pg, mend->lanes[i].ledger.lane_id, mend->lanes[i].ledger.epoch,
                          mend->settings->writer_lease, reterr))
            return false;
    mend->kept_ms = now;
    return true;
}

/* Changing */

/* The move of the lane's row: what the writer does in move_lane, and the lane is free. */
static bool move_lane(struct mend_lane *lane, enum mend_intent what, struct err *reterr)
{
    struct ledger *ledger = &lane->ledger;
    char id[PG_NUMBER_SIZE], epoch[PG_NUMBER_SIZE], seq[PG_NUMBER_SIZE], next[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id),
                            pg_number(ledger->epoch, epoch),
                            pg_number(ledger->batch_seq, seq),
                            ledger->pending ? ledger->intent.id : NULL,
                            pg_number(ledger->batch_seq + (what == MEND_COMPLETE), next),
                            what == MEND_LEAVE ? "true" : "false"};
    if (!pg_query(ledger->pg,
                  "UPDATE lane SET epoch = epoch + 1, owner = '',"
                  " lease_until = least(lease_until, clock_timestamp()), batch_seq = $5::bigint,"
                  " intent = CASE WHEN $6::boolean THEN intent END,"
                  " intent_id = CASE WHEN $6::boolean THEN intent_id END"
                  " WHERE id = $1::integer AND epoch = $2::bigint AND batch_seq = $3::bigint"
                  " AND intent_id IS NOT DISTINCT FROM $4::uuid",
                  params, ARRAY_LEN(params), NULL, reterr))
        return false;
    return pg_affected(ledger->pg) == 1 ||
           err_set(reterr, ERR_LANE_LOST, "lane %" PRIu32 " was taken over meanwhile",
                   lane->number);
}

/* hwm as it is after the intent was completed or forgotten. */
static int64_t hwm_before(const struct mend_lane *lane, enum mend_intent what, uint32_t partition)
{
    const struct intent_range *range =
        what == MEND_COMPLETE ? intent_range_of(&lane->ledger.intent, partition) : NULL;
    return range ? range->to : lane->ledger.state[partition].hwm;
}

/* Partitions whose hwm the plan changes. What is there now cannot be an anchor any more. */
static bool move_partitions(struct mend_lane *lane, const struct mend_plan *plan,
                            enum mend_intent what, struct err *reterr)
{
    struct ledger *ledger = &lane->ledger;
    char id[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id)};
    struct pg_columns columns;
    int64_t moved = 0;
    pg_columns_init(&columns, 3);
    for (uint32_t p = 0; p < ledger->partitions; p++) {
        if (!ledger->state[p].own || plan->hwm[p] == MEND_HWM_STAYS)
            continue;
        pg_columns_add_i64(&columns, 0, p);
        pg_columns_add_i64(&columns, 1, hwm_before(lane, what, p));
        pg_columns_add_i64(&columns, 2, plan->hwm[p]);
        moved++;
    }
    bool good = moved == 0 ||
                pg_columns_query(ledger->pg,
                                 "UPDATE lane_partition AS p SET hwm = r.now, anchor_digest = NULL,"
                                 " anchor_timestamp = NULL"
                                 " FROM unnest($2::integer[], $3::bigint[], $4::bigint[])"
                                 "  AS r (partition, before, now)"
                                 " WHERE p.lane_id = $1::integer AND p.partition = r.partition"
                                 " AND p.hwm = r.before",
                                 params, ARRAY_LEN(params), &columns, reterr);
    pg_columns_done(&columns);
    if (!good)
        return false;
    return moved == 0 || pg_affected(ledger->pg) == moved ||
           err_set(reterr, ERR_LANE_LOST, "the ledger of lane %" PRIu32 " was changed meanwhile",
                   lane->number);
}

/* The bytes of its dead letters are gone: nothing can be sent again. */
static bool close_letters(struct ledger *ledger, struct err *reterr)
{
    char id[PG_NUMBER_SIZE], seq[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id), pg_number(ledger->batch_seq + 1, seq)};
    return pg_query(ledger->pg,
                    "UPDATE dead_letter SET state = 'discarded', state_at = now()"
                    " WHERE lane_id = $1::integer AND batch_seq = $2::bigint",
                    params, ARRAY_LEN(params), NULL, reterr);
}

static bool change_lane(struct mend *mend, size_t index, const struct mend_plan *plan,
                        struct err *reterr)
{
    struct mend_lane *lane = &mend->lanes[index];
    enum mend_intent what = plan->intents[index];
    ASSERT(what == MEND_LEAVE || lane->ledger.pending);
    return move_lane(lane, what, reterr) &&
           (what != MEND_COMPLETE ||
            (ledger_complete(&lane->ledger, &plan->completions[index], reterr) &&
             close_letters(&lane->ledger, reterr))) &&
           move_partitions(lane, plan, what, reterr);
}

static bool change_topic(struct mend *mend, const struct mend_plan *plan, struct err *reterr)
{
    char id[PG_NUMBER_SIZE], before[PG_NUMBER_SIZE], after[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(mend->topic_id, id), pg_number(mend->incarnation, before),
                            pg_number(mend->incarnation + plan->renew, after), plan->cluster_id};
    if (!pg_query(mend->pg,
                  "UPDATE topic SET incarnation = $3::integer, cluster_id = $4"
                  " WHERE id = $1::integer AND incarnation = $2::integer",
                  params, ARRAY_LEN(params), NULL, reterr))
        return false;
    if (pg_affected(mend->pg) != 1)
        return err_set(reterr, ERR_LANE_LOST, "the topic was renewed meanwhile");
    const char *row[] = {id, plan->command, after, plan->found};
    return pg_query(mend->pg,
                    "INSERT INTO mending (topic_id, command, incarnation, found)"
                    " VALUES ($1::integer, $2, $3::integer, $4::json)",
                    row, ARRAY_LEN(row), NULL, reterr);
}

static bool change(struct mend *mend, const struct mend_plan *plan, struct err *reterr)
{
    /* The lanes first, as everywhere. */
    for (size_t i = 0; i < mend->lanes_len; i++)
        if (!change_lane(mend, i, plan, reterr))
            return false;
    return change_topic(mend, plan, reterr);
}

/* Under another PostgreSQL than before, what it is from now on. */
static bool adopt(struct mend *mend, struct err *reterr)
{
    for (size_t i = 0; i < mend->lanes_len; i++)
        if (!ledger_same_identity(&mend->lanes[i].ledger) &&
            !ledger_adopt_identity(&mend->lanes[i].ledger, reterr))
            return false;
    return true;
}

bool mend_apply(struct mend *mend, const struct mend_plan *plan, struct err *reterr)
{
    if (!pg_begin(mend->pg, reterr))
        return false;
    if (!adopt(mend, reterr) || !change(mend, plan, reterr)) {
        pg_rollback(mend->pg);
        return false;
    }
    if (!pg_commit(mend->pg, reterr))
        return false;
    for (size_t i = 0; i < mend->lanes_len; i++)
        mend->lanes[i].taken = false;
    return true;
}
