/* Billable metrics, as the operator makes, changes and lists them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/metric.h"
#include "schemas/identifier.h"

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

bool metric_create(struct pg *pg, const struct metric_plan *plan, struct err *reterr)
{
    struct err err;
    const char *params[] = {plan->organization_id, plan->code, plan->field_name,
                            flag_text(plan->transactional)};
    if (!check_plan(plan, reterr))
        return false;
    if (pg_query(pg,
                 "INSERT INTO metric (organization_id, code, field_name, transactional)"
                 " VALUES ($1, $2, nullif($3, ''), coalesce($4::boolean, false))",
                 params, ARRAY_LEN(params), NULL, &err))
        return true;
    if (err.code == ERR_EXISTS)
        return err_set(reterr, ERR_EXISTS, "there is a metric '%s' in this organization already",
                       plan->code);
    return err_set(reterr, err.code, "%s", err.text);
}

bool metric_update(struct pg *pg, const struct metric_plan *plan, struct err *reterr)
{
    const char *params[] = {plan->organization_id, plan->code, plan->field_name,
                            flag_text(plan->transactional)};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!check_plan(plan, reterr))
        return false;
    if (!pg_query(pg,
                  "UPDATE metric SET updated_at = now(),"
                  " field_name = CASE WHEN $3::text IS NULL THEN field_name"
                  " ELSE nullif($3, '') END,"
                  " transactional = coalesce($4::boolean, transactional)"
                  " WHERE organization_id = $1 AND code = $2 RETURNING code",
                  params, ARRAY_LEN(params), &rows, reterr))
        return false;
    if (pg_rows(rows) == 0)
        return err_set(reterr, ERR_NOT_FOUND, "there is no metric '%s' in this organization",
                       plan->code);
    return true;
}

bool metric_list(struct pg *pg, const char *organization_id, const char *code,
                 struct pg_result **ret_rows, struct err *reterr)
{
    const char *params[] = {organization_id, code};
    return pg_query(pg,
                    "SELECT m.organization_id, o.name, m.code, m.field_name, m.transactional,"
                    " to_char(m.created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
                    " to_char(m.updated_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
                    " FROM metric m JOIN organization o ON o.id = m.organization_id"
                    " WHERE ($1::uuid IS NULL OR m.organization_id = $1::uuid)"
                    " AND ($2::text IS NULL OR m.code = $2)"
                    " ORDER BY o.name, m.code COLLATE \"C\"",
                    params, ARRAY_LEN(params), ret_rows, reterr);
}
