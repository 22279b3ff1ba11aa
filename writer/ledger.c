/* Sessions, the claim of topic and table, and the lease. Batches are in ledger_batch.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/ledger.h"
#include <inttypes.h>
#include <stdlib.h>

/* pg_control_checkpoint() knows a new timeline only after the next checkpoint; the name of the
 * current WAL file begins with it. */
static bool read_identity(struct pg *pg, struct ledger_identity *ret_identity, struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(pg,
                  "SELECT (SELECT system_identifier FROM pg_control_system())::text,"
                  " CASE WHEN NOT pg_is_in_recovery() THEN"
                  "  ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint END",
                  NULL, 0, &rows, reterr))
        return false;
    if (pg_is_null(rows, 0, 1))
        return err_set(reterr, ERR_POSTGRES_UNAVAILABLE,
                       "this PostgreSQL is a standby, or still recovering");
    snprintf(ret_identity->system_identifier, sizeof ret_identity->system_identifier, "%s",
             pg_text(rows, 0, 0));
    ret_identity->timeline = pg_i64(rows, 0, 1);
    return true;
}

bool ledger_open(struct ledger *ledger, const struct settings *settings, struct err *reterr)
{
    ledger->settings = settings;
    if (ledger->pg && pg_alive(ledger->pg))
        return true;
    pg_free(ledger->pg);
    ledger->pg = pg_connect(settings->postgres, "bxb-writer", settings->postgres_schema, reterr);
    if (!ledger->pg)
        return false;
    if (read_identity(ledger->pg, &ledger->session, reterr))
        return true;
    pg_free(TAKE(ledger->pg));
    return false;
}

void ledger_close(struct ledger *ledger)
{
    pg_free(ledger->pg);
    mem_freep(&ledger->state);
    intent_done(&ledger->intent);
    *ledger = (struct ledger){0};
}

bool ledger_same_identity(const struct ledger *ledger)
{
    return strcmp(ledger->session.system_identifier, ledger->last_session.system_identifier) == 0 &&
           ledger->session.timeline == ledger->last_session.timeline;
}

bool ledger_reopen(struct ledger *ledger, struct err *reterr)
{
    struct ledger_identity before = ledger->session;
    if (!ledger_open(ledger, ledger->settings, reterr))
        return false;
    ledger->last_session = before;
    return ledger_same_identity(ledger) ||
           err_set(reterr, ERR_LANE_LOST, "PostgreSQL is another one than before");
}

/* Runs `body` in a transaction of its own. */
static bool in_transaction(struct ledger *ledger,
                           bool (*body)(struct ledger *, const void *, struct err *),
                           const void *context, struct err *reterr)
{
    if (!pg_begin(ledger->pg, reterr))
        return false;
    if (body(ledger, context, reterr))
        return pg_commit(ledger->pg, reterr);
    pg_rollback(ledger->pg);
    return false;
}

/* The claim */

static bool insert_topic(struct ledger *ledger, const struct ledger_target *target,
                         struct err *reterr)
{
    char partitions[PG_NUMBER_SIZE];
    const char *params[] = {target->cluster_id, target->topic,
                            pg_number(target->partitions, partitions), target->table,
                            target->table_uuid};
    return pg_query(ledger->pg,
                    "INSERT INTO topic"
                    " (cluster_id, name, partitions, clickhouse_table, clickhouse_uuid)"
                    " VALUES ($1, $2, $3::integer, $4, $5) ON CONFLICT DO NOTHING",
                    params, 5, NULL, reterr);
}

static bool check_claim(const struct ledger_target *target, const struct pg_result *rows,
                        struct err *reterr)
{
    if (pg_rows(rows) != 1)
        return err_set(reterr, ERR_TABLE_MISMATCH,
                       "the table %s is fed by another topic or Kafka cluster than topic %s of "
                       "cluster %s; one table takes one topic",
                       target->table, target->topic, target->cluster_id);
    if (strcmp(pg_text(rows, 0, 3), target->table) != 0)
        return err_set(reterr, ERR_TABLE_MISMATCH, "the topic %s feeds the table %s, not %s",
                       target->topic, pg_text(rows, 0, 3), target->table);
    if (strcmp(pg_text(rows, 0, 4), target->table_uuid) != 0)
        return err_set(reterr, ERR_TABLE_MISMATCH,
                       "the table %s was made anew (UUID %s, the ledger knows %s): rows that the "
                       "ledger counts as stored are not in it",
                       target->table, target->table_uuid, pg_text(rows, 0, 4));
    if (pg_i64(rows, 0, 2) != target->partitions)
        return err_set(reterr, ERR_TOPIC_MISMATCH,
                       "the topic %s has %" PRIu32 " partitions, the ledger knows %" PRId64,
                       target->topic, target->partitions, pg_i64(rows, 0, 2));
    return true;
}

/* The topic's row by its name or by its table, whichever exists: both must be the same row. */
static bool read_topic(struct ledger *ledger, const struct ledger_target *target,
                       int64_t *ret_topic_id, struct err *reterr)
{
    const char *params[] = {target->cluster_id, target->topic};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(ledger->pg,
                  "SELECT id, incarnation, partitions, clickhouse_table, clickhouse_uuid"
                  " FROM topic WHERE cluster_id = $1 AND name = $2",
                  params, 2, &rows, reterr) ||
        !check_claim(target, rows, reterr))
        return false;
    *ret_topic_id = pg_i64(rows, 0, 0);
    ledger->incarnation = (uint32_t)pg_i64(rows, 0, 1);
    ledger->partitions = (uint32_t)pg_i64(rows, 0, 2);
    return true;
}

static bool make_lane(struct ledger *ledger, int64_t topic_id, struct err *reterr)
{
    char topic[PG_NUMBER_SIZE], timeline[PG_NUMBER_SIZE];
    const char *lane[] = {ledger->settings->writer_lane, pg_number(topic_id, topic),
                          ledger->session.system_identifier,
                          pg_number(ledger->session.timeline, timeline)};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(ledger->pg,
                  "INSERT INTO lane (name, topic_id, system_identifier, timeline)"
                  " VALUES ($1, $2::integer, $3, $4::bigint) ON CONFLICT DO NOTHING",
                  lane, 4, NULL, reterr) ||
        !pg_query(ledger->pg, "SELECT id, topic_id FROM lane WHERE name = $1", lane, 1, &rows,
                  reterr))
        return false;
    if (pg_rows(rows) != 1 || pg_i64(rows, 0, 1) != topic_id)
        return err_set(reterr, ERR_TOPIC_MISMATCH, "the lane %s belongs to another topic",
                       ledger->settings->writer_lane);
    ledger->lane_id = pg_i64(rows, 0, 0);

    char id[PG_NUMBER_SIZE], partitions[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id),
                            pg_number(ledger->partitions, partitions)};
    return pg_query(ledger->pg,
                    "INSERT INTO lane_partition (lane_id, partition)"
                    " SELECT $1::integer, generate_series(0, $2::integer - 1)"
                    " ON CONFLICT DO NOTHING",
                    params, 2, NULL, reterr);
}

static bool claim(struct ledger *ledger, const void *context, struct err *reterr)
{
    const struct ledger_target *target = context;
    int64_t topic_id;
    return insert_topic(ledger, target, reterr) && read_topic(ledger, target, &topic_id, reterr) &&
           make_lane(ledger, topic_id, reterr);
}

bool ledger_claim(struct ledger *ledger, const struct ledger_target *target, struct err *reterr)
{
    return in_transaction(ledger, claim, target, reterr);
}

/* The lease */

struct acquisition {
    const char *owner;
    int64_t lease_ms;
    bool (*owner_is_dead)(const char *owner);
};

static bool lane_is_free(const struct acquisition *how, const struct pg_result *lane,
                         struct err *reterr)
{
    int64_t left_ms = pg_i64(lane, 0, 1);
    if (left_ms <= 0 || how->owner_is_dead(pg_text(lane, 0, 0)))
        return true;
    return err_set(reterr, ERR_LANE_LOST,
                   "the lane is owned by %s, whose lease runs for another %" PRId64 " ms",
                   pg_text(lane, 0, 0), left_ms);
}

static bool read_partitions(struct ledger *ledger, const char *lane_id, struct err *reterr)
{
    const char *params[] = {lane_id};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(ledger->pg,
                  "SELECT partition, hwm, anchor_digest, anchor_timestamp FROM lane_partition"
                  " WHERE lane_id = $1::integer ORDER BY partition",
                  params, 1, &rows, reterr))
        return false;
    if (pg_rows(rows) != ledger->partitions)
        return err_set(reterr, ERR_TOPIC_MISMATCH,
                       "the lane has %zu partitions, the topic %" PRIu32, pg_rows(rows),
                       ledger->partitions);
    mem_freep(&ledger->state);
    ledger->state = xcalloc(ledger->partitions, sizeof *ledger->state);
    for (size_t i = 0; i < ledger->partitions; i++) {
        struct ledger_partition *partition = &ledger->state[i];
        if (pg_i64(rows, i, 0) != (int64_t)i)
            return err_set(reterr, ERR_TOPIC_MISMATCH, "partition %zu has no row in the lane", i);
        partition->hwm = pg_i64(rows, i, 1);
        partition->anchored = pg_bytea(rows, i, 2, partition->anchor_digest, DIGEST_SHA256_SIZE) &&
                              !pg_is_null(rows, i, 3);
        partition->anchor_timestamp_ms = pg_i64(rows, i, 3);
    }
    return true;
}

static bool read_lane(struct ledger *ledger, const struct pg_result *lane, struct err *reterr)
{
    ledger->epoch = pg_i64(lane, 0, 0);
    ledger->batch_seq = pg_i64(lane, 0, 1);
    snprintf(ledger->last_session.system_identifier, sizeof ledger->last_session.system_identifier,
             "%s", pg_text(lane, 0, 2));
    ledger->last_session.timeline = pg_i64(lane, 0, 3);
    intent_done(&ledger->intent);
    ledger->pending = !pg_is_null(lane, 0, 4);
    return !ledger->pending || intent_decode(pg_slice(lane, 0, 4), &ledger->intent, reterr);
}

static bool acquire(struct ledger *ledger, const void *context, struct err *reterr)
{
    const struct acquisition *how = context;
    char id[PG_NUMBER_SIZE], lease[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id), how->owner,
                            pg_number(how->lease_ms, lease)};
    CLEANUP(pg_result_freep) struct pg_result *lane = NULL;
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(ledger->pg,
                  "SELECT owner, coalesce(ceil(extract(epoch FROM"
                  "  lease_until - clock_timestamp()) * 1000)::bigint, 0)"
                  " FROM lane WHERE id = $1::integer FOR UPDATE",
                  params, 1, &lane, reterr) ||
        !lane_is_free(how, lane, reterr) ||
        !pg_query(ledger->pg,
                  "UPDATE lane SET epoch = epoch + 1, owner = $2,"
                  " lease_until = clock_timestamp() + $3::bigint * interval '1 ms'"
                  " WHERE id = $1::integer"
                  " RETURNING epoch, batch_seq, system_identifier, timeline, intent",
                  params, 3, &rows, reterr))
        return false;
    return read_lane(ledger, rows, reterr) && read_partitions(ledger, id, reterr);
}

bool ledger_acquire(struct ledger *ledger, const char *owner, int64_t lease_ms,
                    bool (*owner_is_dead)(const char *owner), struct err *reterr)
{
    struct acquisition how = {owner, lease_ms, owner_is_dead};
    return in_transaction(ledger, acquire, &how, reterr);
}

void ledger_release(struct ledger *ledger)
{
    char id[PG_NUMBER_SIZE], epoch[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id), pg_number(ledger->epoch, epoch)};
    struct err ignored; /* the lease runs out by itself */
    if (ledger->pg && pg_alive(ledger->pg) && ledger->epoch > 0 &&
        !pg_query(ledger->pg,
                  "UPDATE lane SET lease_until = NULL, owner = ''"
                  " WHERE id = $1::integer AND epoch = $2::bigint",
                  params, 2, NULL, &ignored))
        pg_free(TAKE(ledger->pg));
    ledger->epoch = 0;
}

bool ledger_renew(struct pg *pg, int64_t lane_id, int64_t epoch, int64_t lease_ms,
                  struct err *reterr)
{
    char id[PG_NUMBER_SIZE], epoch_text[PG_NUMBER_SIZE], lease[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(lane_id, id), pg_number(epoch, epoch_text),
                            pg_number(lease_ms, lease)};
    if (!pg_query(pg,
                  "UPDATE lane SET lease_until = clock_timestamp() + $3::bigint * interval '1 ms'"
                  " WHERE id = $1::integer AND epoch = $2::bigint",
                  params, 3, NULL, reterr))
        return false;
    return pg_affected(pg) == 1 ||
           err_set(reterr, ERR_LANE_LOST, "the epoch %" PRId64 " of the lane is over", epoch);
}

bool ledger_adopt_identity(struct ledger *ledger, struct err *reterr)
{
    char id[PG_NUMBER_SIZE], epoch[PG_NUMBER_SIZE], timeline[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id), pg_number(ledger->epoch, epoch),
                            ledger->session.system_identifier,
                            pg_number(ledger->session.timeline, timeline)};
    if (!pg_query(ledger->pg,
                  "UPDATE lane SET system_identifier = $3, timeline = $4::bigint"
                  " WHERE id = $1::integer AND epoch = $2::bigint",
                  params, 4, NULL, reterr))
        return false;
    if (pg_affected(ledger->pg) != 1)
        return err_set(reterr, ERR_LANE_LOST, "the lane was taken over");
    ledger->last_session = ledger->session;
    return true;
}
