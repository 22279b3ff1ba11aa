/* The snapshot as PostgreSQL has it, read in one transaction so that all of it belongs together.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/snapshot.h"
#include "base/mem.h"

static bool load_version(struct pg *pg, int64_t *ret_version, struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(pg, "SELECT version FROM catalog_version", NULL, 0, &rows, reterr))
        return false;
    if (pg_rows(rows) != 1)
        return err_set(reterr, ERR_SCHEMA_MISMATCH, "catalog_version must have one row");
    *ret_version = pg_i64(rows, 0, 0);
    return true;
}

static int64_t limit_of(const struct pg_result *rows, size_t row, size_t column)
{
    return pg_is_null(rows, row, column) ? CATALOG_LIMIT_DEFAULT : pg_i64(rows, row, column);
}

static bool load_organizations(struct pg *pg, struct catalog_snapshot *snapshot, struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(pg,
                  "SELECT id, name, unknown_codes = 'reject', events_per_second, bytes_per_second,"
                  " burst_ms FROM organization ORDER BY id",
                  NULL, 0, &rows, reterr))
        return false;
    for (size_t row = 0; row < pg_rows(rows); row++) {
        const struct catalog_limits limits = {
            .events_per_second = limit_of(rows, row, 3),
            .bytes_per_second = limit_of(rows, row, 4),
            .burst_ms = limit_of(rows, row, 5),
        };
        if (!snapshot_add_organization(snapshot, pg_slice(rows, row, 0), pg_slice(rows, row, 1),
                                       pg_bool(rows, row, 2), reterr))
            return false;
        snapshot_limit_organization(snapshot, &limits);
    }
    return true;
}

/* Scopes that this program does not know are of a newer one, and give nothing here. */
static uint32_t scopes_of(struct slice names)
{
    uint32_t scopes = 0;
    while (names.size > 0) {
        const char *comma = memchr(names.data, ',', names.size);
        struct slice name = {names.data, comma ? (size_t)(comma - names.data) : names.size};
        enum catalog_scope scope;
        if (catalog_scope_parse(name, &scope))
            scopes |= scope;
        size_t taken = name.size + (comma != NULL);
        names = (struct slice){names.data + taken, names.size - taken};
    }
    return scopes;
}

static bool load_keys(struct pg *pg, struct catalog_snapshot *snapshot, struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(pg,
                  "SELECT organization_id, sha256, array_to_string(scopes, ','),"
                  " (extract(epoch FROM expires_at) * 1000)::bigint, revoked_at IS NOT NULL"
                  " FROM api_key",
                  NULL, 0, &rows, reterr))
        return false;
    for (size_t row = 0; row < pg_rows(rows); row++) {
        struct snapshot_key key = {
            .scopes = scopes_of(pg_slice(rows, row, 2)),
            .expires_ms = pg_is_null(rows, row, 3) ? INT64_MAX : pg_i64(rows, row, 3),
            .revoked = pg_bool(rows, row, 4),
        };
        if (!pg_bytea(rows, row, 1, key.sha256, sizeof(key.sha256)))
            return err_set(reterr, ERR_SCHEMA_MISMATCH, "api_key.sha256 must have 32 bytes");
        if (!snapshot_add_key(snapshot, pg_slice(rows, row, 0), &key, reterr))
            return false;
    }
    return true;
}

/* A mode that this program does not know is of a newer one. It is no reason to reject events. */
static enum metric_mode mode_of(struct slice name)
{
    enum metric_mode mode;
    struct err ignored;
    return metric_mode_parse(name, &mode, &ignored) ? mode : METRIC_MODE_WARN;
}

static bool load_metrics(struct pg *pg, struct catalog_snapshot *snapshot,
                         const struct catalog_snapshot *previous, struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(pg,
                  "SELECT organization_id, code, coalesce(field_name, ''), transactional,"
                  " schema_mode, schema_version, schema_formats,"
                  " CASE WHEN schema_mode <> 'off' THEN schema::text END FROM metric",
                  NULL, 0, &rows, reterr))
        return false;
    for (size_t row = 0; row < pg_rows(rows); row++) {
        const struct event_metric metric = {
            .field_name = pg_slice(rows, row, 2),
            .transactional = pg_bool(rows, row, 3),
        };
        if (!snapshot_add_metric(snapshot, pg_slice(rows, row, 0), pg_slice(rows, row, 1), &metric,
                                 reterr))
            return false;
        const struct metric_schema_facts schema = {
            .mode = mode_of(pg_slice(rows, row, 4)),
            .version = pg_i64(rows, row, 5),
            .assert_formats = pg_bool(rows, row, 6),
            .text = pg_slice(rows, row, 7),
        };
        snapshot_schema_metric(snapshot, &schema, previous);
    }
    return true;
}

/* Of a topic that moved to another cluster the newest row counts. */
static bool load_topic(struct pg *pg, const char *topic, struct catalog_snapshot *snapshot,
                       struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    const char *const params[] = {topic};
    if (!pg_query(pg,
                  "SELECT cluster_id, partitions FROM topic WHERE name = $1"
                  " ORDER BY id DESC LIMIT 1",
                  params, ARRAY_LEN(params), &rows, reterr))
        return false;
    return pg_rows(rows) == 0 ||
           snapshot_set_topic(snapshot, pg_slice(rows, 0, 0), (uint32_t)pg_i64(rows, 0, 1), reterr);
}

static struct catalog_snapshot *load(struct pg *pg, const char *topic,
                                     const struct catalog_snapshot *previous, struct err *reterr)
{
    int64_t version = 0;
    if (!pg_query(pg, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", NULL, 0, NULL,
                  reterr) ||
        !load_version(pg, &version, reterr))
        return NULL;
    CLEANUP(snapshot_releasep) struct catalog_snapshot *snapshot = snapshot_new(version);
    if (!load_organizations(pg, snapshot, reterr) || !load_keys(pg, snapshot, reterr) ||
        !load_metrics(pg, snapshot, previous, reterr) || !load_topic(pg, topic, snapshot, reterr) ||
        !snapshot_seal(snapshot, reterr))
        return NULL;
    return TAKE(snapshot);
}

struct catalog_snapshot *snapshot_postgres_load(struct pg *pg, const char *topic,
                                                const struct catalog_snapshot *previous,
                                                struct err *reterr)
{
    if (!pg_begin(pg, reterr))
        return NULL;
    struct catalog_snapshot *snapshot = load(pg, topic, previous, reterr);
    pg_rollback(pg); /* it only read */
    return snapshot;
}
