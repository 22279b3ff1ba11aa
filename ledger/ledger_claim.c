/* The claim: one topic feeds one table, and its partitions are dealt out to lanes once and for all.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ledger/ledger_internal.h"
#include <inttypes.h>

/* An INSERT tells the servers that the topic has changed, even when it inserts nothing. */
static bool insert_topic(struct ledger *ledger, const struct ledger_target *target,
                         struct err *reterr)
{
    char partitions[PG_NUMBER_SIZE];
    const char *params[] = {target->cluster_id, target->topic,
                            pg_number(target->partitions, partitions), target->table,
                            target->table_uuid};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(ledger->pg, "SELECT 1 FROM topic WHERE cluster_id = $1 AND name = $2", params, 2,
                  &rows, reterr))
        return false;
    if (pg_rows(rows) > 0)
        return true;
    return pg_query(ledger->pg,
                    "INSERT INTO topic"
                    " (cluster_id, name, partitions, clickhouse_table, clickhouse_uuid)"
                    " VALUES ($1, $2, $3::integer, $4, $5) ON CONFLICT DO NOTHING",
                    params, 5, NULL, reterr);
}

/* No row is the topic's: another one has the table. */
static bool refuse_claim(struct ledger *ledger, const struct ledger_target *target,
                         struct err *reterr)
{
    const char *params[] = {target->table};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(ledger->pg, "SELECT cluster_id, name FROM topic WHERE clickhouse_table = $1",
                  params, 1, &rows, reterr))
        return false;
    const char *cluster = pg_rows(rows) > 0 ? pg_text(rows, 0, 0) : "",
               *topic = pg_rows(rows) > 0 ? pg_text(rows, 0, 1) : "";
    const bool is_replaced = strcmp(topic, target->topic) == 0;
    return err_set(
        reterr, ERR_TABLE_MISMATCH,
        "the table %s is fed by topic %s of Kafka cluster %s, not by topic %s of cluster "
        "%s; %s",
        target->table, topic, cluster, target->topic, target->cluster_id,
        is_replaced ? "if the cluster was replaced, run `bxb topic renew --new-cluster`"
                    : "one table takes one topic: set clickhouse.table to another one");
}

static bool check_claim(const struct ledger_target *target, const struct pg_result *rows,
                        struct err *reterr)
{
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
                       struct err *reterr)
{
    const char *params[] = {target->cluster_id, target->topic};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(ledger->pg,
                  "SELECT id, incarnation, partitions, clickhouse_table, clickhouse_uuid"
                  " FROM topic WHERE cluster_id = $1 AND name = $2",
                  params, 2, &rows, reterr))
        return false;
    if (pg_rows(rows) == 0)
        return refuse_claim(ledger, target, reterr);
    if (!check_claim(target, rows, reterr))
        return false;
    ledger->topic_id = pg_i64(rows, 0, 0);
    ledger->incarnation = (uint32_t)pg_i64(rows, 0, 1);
    ledger->partitions = (uint32_t)pg_i64(rows, 0, 2);
    return true;
}

/* Deals the partitions out, the first to lane 0, the next to lane 1, and so on. Whoever comes
 * second waits for the topic's row, and then finds lanes. */
static bool make_lanes(struct ledger *ledger, const struct ledger_target *target,
                       struct err *reterr)
{
    char topic[PG_NUMBER_SIZE], lanes[PG_NUMBER_SIZE], timeline[PG_NUMBER_SIZE],
        partitions[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->topic_id, topic), pg_number(target->lanes, lanes),
                            ledger->session.system_identifier,
                            pg_number(ledger->session.timeline, timeline)};
    const char *deal[] = {topic, lanes, pg_number(ledger->partitions, partitions)};
    if (!pg_query(ledger->pg, "SELECT 1 FROM topic WHERE id = $1::integer FOR NO KEY UPDATE",
                  params, 1, NULL, reterr) ||
        !pg_query(ledger->pg,
                  "INSERT INTO lane (name, topic_id, system_identifier, timeline)"
                  " SELECT number::text, $1::integer, $3, $4::bigint"
                  " FROM generate_series(0, $2::integer - 1) AS number"
                  " WHERE NOT EXISTS (SELECT 1 FROM lane WHERE topic_id = $1::integer)",
                  params, 4, NULL, reterr))
        return false;
    if (pg_affected(ledger->pg) == 0)
        return true;
    return pg_query(ledger->pg,
                    "INSERT INTO lane_partition (lane_id, topic_id, partition)"
                    " SELECT lane.id, lane.topic_id, partition"
                    " FROM generate_series(0, $3::integer - 1) AS partition, lane"
                    " WHERE lane.topic_id = $1::integer"
                    " AND lane.name = (partition % $2::integer)::text",
                    deal, 3, NULL, reterr);
}

/* Finds the lane, if the topic has as many as it should; *ret_lanes is how many there are. */
static bool find_lane(struct ledger *ledger, const struct ledger_target *target, int64_t *ret_lanes,
                      struct err *reterr)
{
    char topic[PG_NUMBER_SIZE], lane[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->topic_id, topic), pg_number(target->lane, lane)};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(ledger->pg,
                  "SELECT count(*), coalesce(max(id) FILTER (WHERE name = $2), 0)"
                  " FROM lane WHERE topic_id = $1::integer",
                  params, 2, &rows, reterr))
        return false;
    *ret_lanes = pg_i64(rows, 0, 0);
    ledger->lane_id = pg_i64(rows, 0, 1);
    return *ret_lanes == 0 || (*ret_lanes == target->lanes && ledger->lane_id > 0) ||
           err_set(reterr, ERR_SETTINGS_INVALID,
                   "writer.lanes is %" PRIu32 ", but the partitions of the topic %s were dealt out "
                   "to %" PRId64 " when it was first read, and that stays",
                   target->lanes, target->topic, *ret_lanes);
}

static bool claim(struct ledger *ledger, const void *context, struct err *reterr)
{
    const struct ledger_target *target = context;
    int64_t lanes;
    if (target->lanes > target->partitions)
        return err_set(reterr, ERR_SETTINGS_INVALID,
                       "writer.lanes is %" PRIu32 ", but the topic %s has %" PRIu32 " partitions",
                       target->lanes, target->topic, target->partitions);
    if (!insert_topic(ledger, target, reterr) || !read_topic(ledger, target, reterr) ||
        !find_lane(ledger, target, &lanes, reterr))
        return false;
    return lanes > 0 ||
           (make_lanes(ledger, target, reterr) && find_lane(ledger, target, &lanes, reterr));
}

bool ledger_claim(struct ledger *ledger, const struct ledger_target *target, struct err *reterr)
{
    return ledger_in_transaction(ledger, claim, target, reterr);
}
