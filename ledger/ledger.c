/* Sessions and the lease. The claim is in ledger_claim.c, batches are in ledger_batch.c.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ledger/ledger.h"
#include "ledger/ledger_internal.h"
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

/* A writer that is frozen within a transaction holds the lane's row, and who takes the lane over
 * waits for that row: the server ends such a session when the lease must have run out. */
static bool limit_transactions(struct pg *pg, int64_t lease_ms, struct err *reterr)
{
    char limit[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(lease_ms, limit)};
    return pg_query(pg, "SELECT set_config('idle_in_transaction_session_timeout', $1, false)",
                    params, ARRAY_LEN(params), NULL, reterr);
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
    if (limit_transactions(ledger->pg, settings->writer_lease, reterr) &&
        read_identity(ledger->pg, &ledger->session, reterr))
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

bool ledger_in_transaction(struct ledger *ledger,
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
    const char *owner = pg_text(lane, 0, 0);
    if (left_ms <= 0 || strcmp(owner, how->owner) == 0 || how->owner_is_dead(owner))
        return true;
    return err_set(reterr, ERR_LANE_LOST,
                   "the lane is owned by %s, whose lease runs for another %" PRId64 " ms", owner,
                   left_ms);
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
    mem_freep(&ledger->state);
    ledger->state = xcalloc(ledger->partitions, sizeof *ledger->state);
    ledger->own_len = (uint32_t)pg_rows(rows);
    for (size_t i = 0; i < pg_rows(rows); i++) {
        int64_t number = pg_i64(rows, i, 0);
        if (number < 0 || number >= ledger->partitions)
            return err_set(reterr, ERR_TOPIC_MISMATCH,
                           "the lane has partition %" PRId64 ", the topic %" PRIu32, number,
                           ledger->partitions);
        struct ledger_partition *partition = &ledger->state[number];
        partition->own = true;
        partition->hwm = pg_i64(rows, i, 1);
        partition->anchored = pg_bytea(rows, i, 2, partition->anchor_digest, DIGEST_SHA256_SIZE) &&
                              !pg_is_null(rows, i, 3);
        partition->anchor_timestamp_ms = pg_i64(rows, i, 3);
    }
    return true;
}

/* Read under the lane's lock: `bxb topic renew` raises it while it holds all lanes. */
static bool read_incarnation(struct ledger *ledger, const char *lane_id, struct err *reterr)
{
    const char *params[] = {lane_id};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(ledger->pg,
                  "SELECT incarnation FROM topic JOIN lane ON lane.topic_id = topic.id"
                  " WHERE lane.id = $1::integer",
                  params, 1, &rows, reterr))
        return false;
    ledger->incarnation = (uint32_t)pg_i64(rows, 0, 0);
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

bool ledger_look(struct ledger *ledger, char ret_owner[LEDGER_OWNER_SIZE], int64_t *ret_quiet_ms,
                 struct err *reterr)
{
    char id[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id)};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(ledger->pg,
                  "SELECT epoch, batch_seq, system_identifier, timeline, intent,"
                  " CASE WHEN lease_until > clock_timestamp() THEN owner ELSE '' END,"
                  " floor(extract(epoch FROM clock_timestamp() - lease_until) * 1000)::bigint"
                  " FROM lane WHERE id = $1::integer",
                  params, ARRAY_LEN(params), &rows, reterr))
        return false;
    if (pg_rows(rows) != 1)
        return err_set(reterr, ERR_INTERNAL, "lane %s is gone", id);
    snprintf(ret_owner, LEDGER_OWNER_SIZE, "%s", pg_text(rows, 0, 5));
    *ret_quiet_ms = pg_is_null(rows, 0, 6) ? INT64_MIN : pg_i64(rows, 0, 6);
    return read_lane(ledger, rows, reterr) && read_incarnation(ledger, id, reterr) &&
           read_partitions(ledger, id, reterr);
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
    return read_lane(ledger, rows, reterr) && read_incarnation(ledger, id, reterr) &&
           read_partitions(ledger, id, reterr);
}

bool ledger_acquire(struct ledger *ledger, const char *owner, int64_t lease_ms,
                    bool (*owner_is_dead)(const char *owner), struct err *reterr)
{
    struct acquisition how = {owner, lease_ms, owner_is_dead};
    return ledger_in_transaction(ledger, acquire, &how, reterr);
}

void ledger_release(struct ledger *ledger)
{
    char id[PG_NUMBER_SIZE], epoch[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(ledger->lane_id, id), pg_number(ledger->epoch, epoch)};
    struct err ignored; /* the lease runs out by itself */
    if (ledger->pg && pg_alive(ledger->pg) && ledger->epoch > 0 &&
        !pg_query(ledger->pg,
                  "UPDATE lane SET lease_until = least(lease_until, clock_timestamp()), owner = ''"
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
