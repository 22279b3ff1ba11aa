/* Billable metrics, as the operator makes, changes and lists them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/metric.h"
#include "base/mem.h"
#include "schemas/identifier.h"
#include "schemas/property_schema.h"
#include <string.h>

static bool check_text(const char *name, const char *text, struct err *reterr)
{
    struct err err;
    if (identifier_check(slice_from(text), "", &err))
        return true;
    return err_set(reterr, ERR_USAGE, "the %s of a metric: %s", name, err.text);
}

static bool check_plan(const struct metric_plan *plan, struct err *reterr)
{
    if (!check_text("code", plan->code, reterr))
        return false;
    return !plan->field_name || plan->field_name[0] == '\0' ||
           check_text("field name", plan->field_name, reterr);
}

/* NULL: as it is. */
static const char *flag_text(enum metric_flag flag)
{
    if (flag == METRIC_FLAG_UNCHANGED)
        return NULL;
    return flag == METRIC_FLAG_ON ? "true" : "false";
}

/* ---- The schema ---- */

/* Whether the plan says anything about the schema. */
static bool touches_schema(const struct metric_plan *plan)
{
    return plan->schema.data || plan->mode || plan->formats != METRIC_FLAG_UNCHANGED;
}

/* Whether the text is a schema that can be used. */
static bool check_schema(const struct metric_schema_facts *facts, struct err *reterr)
{
    const struct property_schema_options options = {.assert_formats = facts->assert_formats};
    struct property_schema *compiled = property_schema_compile(facts->text, &options, reterr);
    property_schema_free(compiled);
    return compiled != NULL;
}

bool metric_plan_schema(const struct metric_schema_facts *before, const struct metric_plan *plan,
                        struct metric_schema_facts *ret_after, struct err *reterr)
{
    struct metric_schema_facts after = *before;
    if (plan->schema.data)
        after.text = plan->schema;
    bool has_schema = after.text.size > 0;
    if (!has_schema)
        after = (struct metric_schema_facts){.version = before->version};
    else if (before->text.size == 0)
        after.mode = METRIC_MODE_WARN;
    if (plan->mode && !metric_mode_parse(slice_from(plan->mode), &after.mode, reterr))
        return false;
    if (plan->formats != METRIC_FLAG_UNCHANGED)
        after.assert_formats = plan->formats == METRIC_FLAG_ON;
    if (!has_schema && (after.mode != METRIC_MODE_OFF || after.assert_formats))
        return err_set(reterr, ERR_USAGE, "the metric '%s' has no schema to check properties with",
                       plan->code);
    if (has_schema && touches_schema(plan) && !check_schema(&after, reterr))
        return false;
    after.version +=
        !slice_equal(before->text, after.text) || before->assert_formats != after.assert_formats;
    *ret_after = after;
    return true;
}

/* ---- Making and changing ---- */

enum { STATEMENT_PARAMS = 8, VERSION_SIZE = 24 };

/* The parameters of both statements; `text` is the schema with a NUL behind it, or NULL. */
static void make_params(const struct metric_plan *plan, const struct metric_schema_facts *schema,
                        const char *text, char version[VERSION_SIZE],
                        const char *ret_params[STATEMENT_PARAMS])
{
    snprintf(version, VERSION_SIZE, "%lld", (long long)schema->version);
    const char *const params[STATEMENT_PARAMS] = {
        plan->organization_id,
        plan->code,
        plan->field_name,
        flag_text(plan->transactional),
        text,
        metric_mode_name(schema->mode),
        version,
        schema->assert_formats ? "true" : "false",
    };
    memcpy(ret_params, params, sizeof(params));
}

/* Runs a statement with what the plan makes of the schema. */
static bool run(struct pg *pg, const char *sql, const struct metric_plan *plan,
                const struct metric_schema_facts *before, struct err *reterr)
{
    struct metric_schema_facts schema;
    const char *params[STATEMENT_PARAMS];
    char version[VERSION_SIZE];
    if (!metric_plan_schema(before, plan, &schema, reterr))
        return false;
    CLEANUP(mem_freep)
    char *text = schema.text.size > 0 ? xstrndup(schema.text.data, schema.text.size) : NULL;
    make_params(plan, &schema, text, version, params);
    return pg_query(pg, sql, params, ARRAY_LEN(params), NULL, reterr);
}

bool metric_create(struct pg *pg, const struct metric_plan *plan, struct err *reterr)
{
    const struct metric_schema_facts none = {.version = 0};
    struct err err;
    if (!check_plan(plan, reterr))
        return false;
    if (run(pg,
            "INSERT INTO metric (organization_id, code, field_name, transactional, schema,"
            " schema_mode, schema_version, schema_formats)"
            " VALUES ($1, $2, nullif($3, ''), coalesce($4::boolean, false), $5, $6, $7, $8)",
            plan, &none, &err))
        return true;
    if (err.code == ERR_EXISTS)
        return err_set(reterr, ERR_EXISTS, "there is a metric '%s' in this organization already",
                       plan->code);
    return err_set_at(reterr, err.code, err.pointer, "%s", err.text);
}

/* What is stored about the schema, locked until the end of the transaction; in *ret_row. */
static bool lock_schema(struct pg *pg, const struct metric_plan *plan, struct pg_result **ret_row,
                        struct metric_schema_facts *ret_facts, struct err *reterr)
{
    const char *params[] = {plan->organization_id, plan->code};
    if (!pg_query(pg,
                  "SELECT schema::text, schema_mode, schema_version, schema_formats FROM metric"
                  " WHERE organization_id = $1 AND code = $2 FOR UPDATE",
                  params, ARRAY_LEN(params), ret_row, reterr))
        return false;
    if (pg_rows(*ret_row) == 0)
        return err_set(reterr, ERR_NOT_FOUND, "there is no metric '%s' in this organization",
                       plan->code);
    *ret_facts = (struct metric_schema_facts){
        .text = pg_slice(*ret_row, 0, 0),
        .version = pg_i64(*ret_row, 0, 2),
        .assert_formats = pg_bool(*ret_row, 0, 3),
    };
    return metric_mode_parse(pg_slice(*ret_row, 0, 1), &ret_facts->mode, reterr);
}

static bool change(struct pg *pg, const struct metric_plan *plan, struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *row = NULL;
    struct metric_schema_facts before;
    return lock_schema(pg, plan, &row, &before, reterr) &&
           run(pg,
               "UPDATE metric SET updated_at = now(),"
               " field_name = CASE WHEN $3::text IS NULL THEN field_name"
               " ELSE nullif($3, '') END,"
               " transactional = coalesce($4::boolean, transactional),"
               " schema = $5, schema_mode = $6, schema_version = $7, schema_formats = $8"
               " WHERE organization_id = $1 AND code = $2",
               plan, &before, reterr);
}

bool metric_update(struct pg *pg, const struct metric_plan *plan, struct err *reterr)
{
    if (!check_plan(plan, reterr) || !pg_begin(pg, reterr))
        return false;
    if (change(pg, plan, reterr))
        return pg_commit(pg, reterr);
    pg_rollback(pg);
    return false;
}

/* ---- Showing ---- */

bool metric_list(struct pg *pg, const char *organization_id, const char *code,
                 struct pg_result **ret_rows, struct err *reterr)
{
    const char *params[] = {organization_id, code};
    return pg_query(pg,
                    "SELECT m.organization_id, o.name, m.code, m.field_name, m.transactional,"
                    " m.schema_mode, m.schema_version, m.schema_formats,"
                    " to_char(m.created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
                    " to_char(m.updated_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
                    " FROM metric m JOIN organization o ON o.id = m.organization_id"
                    " WHERE ($1::uuid IS NULL OR m.organization_id = $1::uuid)"
                    " AND ($2::text IS NULL OR m.code = $2)"
                    " ORDER BY o.name, m.code COLLATE \"C\"",
                    params, ARRAY_LEN(params), ret_rows, reterr);
}

bool metric_read_schema(struct pg *pg, const char *organization_id, const char *code,
                        struct pg_result **ret_row, struct err *reterr)
{
    const char *params[] = {organization_id, code};
    CLEANUP(pg_result_freep) struct pg_result *row = NULL;
    if (!pg_query(pg, "SELECT schema::text FROM metric WHERE organization_id = $1 AND code = $2",
                  params, ARRAY_LEN(params), &row, reterr))
        return false;
    if (pg_rows(row) == 0)
        return err_set(reterr, ERR_NOT_FOUND, "there is no metric '%s' in this organization", code);
    if (pg_is_null(row, 0, 0))
        return err_set(reterr, ERR_NOT_FOUND, "the metric '%s' has no schema", code);
    *ret_row = TAKE(row);
    return true;
}
