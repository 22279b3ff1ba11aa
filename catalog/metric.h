/* Billable metrics, as the operator makes, changes and lists them: what is known about a code of an
 * organization beyond its events.
 *
 * Threads: that of the connection. SPDX-License-Identifier: Apache-2.0 */
#ifndef CATALOG_METRIC_H
#define CATALOG_METRIC_H
#include "catalog/metric_schema.h"
#include "postgres/pg.h"
#include <stdbool.h>

enum metric_flag {
    METRIC_FLAG_UNCHANGED, /* for a new one: off */
    METRIC_FLAG_OFF,
    METRIC_FLAG_ON,
};

struct metric_plan {
    const char *organization_id;
    const char *code;
    const char *field_name; /* NULL: unchanged, for a new one none; "": none */
    enum metric_flag transactional;
    struct slice schema;      /* data NULL: unchanged, for a new one none; size 0: none */
    const char *mode;         /* of the schema; NULL: see below */
    enum metric_flag formats; /* of date-time and uuid are asserted */
};

/* What the schema of a metric becomes under a plan. Its version is raised when the text or the
 * assertion of formats changes. Without a mode of its own a first schema warns, a later one keeps
 * the mode, and without a schema the mode is off.
 *
 * Errors: USAGE (a mode that does not exist; a mode or formats, but no schema), SCHEMA_INVALID and
 * SCHEMA_UNSUPPORTED with a pointer into the schema. What is returned borrows from both. */
bool metric_plan_schema(const struct metric_schema_facts *before, const struct metric_plan *plan,
                        struct metric_schema_facts *ret_after, struct err *reterr) MUST_CHECK;

/* Makes one. Errors: EXISTS, USAGE (code or field name are not 1 to 255 characters without control
 * characters), those of metric_plan_schema and pg_query. */
bool metric_create(struct pg *pg, const struct metric_plan *plan, struct err *reterr) MUST_CHECK;

/* Changes one. Errors: NOT_FOUND, USAGE (as above), those of metric_plan_schema and pg_query. */
bool metric_update(struct pg *pg, const struct metric_plan *plan, struct err *reterr) MUST_CHECK;

enum metric_column {
    METRIC_COLUMN_ORGANIZATION_ID,
    METRIC_COLUMN_ORGANIZATION,
    METRIC_COLUMN_CODE,
    METRIC_COLUMN_FIELD_NAME, /* or NULL */
    METRIC_COLUMN_TRANSACTIONAL,
    METRIC_COLUMN_SCHEMA_MODE,
    METRIC_COLUMN_SCHEMA_VERSION, /* 0: it never had a schema */
    METRIC_COLUMN_SCHEMA_FORMATS,
    METRIC_COLUMN_CREATED_AT,
    METRIC_COLUMN_UPDATED_AT,
};

/* Metrics by organization and code, in columns as above. NULL: of all organizations, all codes. */
bool metric_list(struct pg *pg, const char *organization_id, const char *code,
                 struct pg_result **ret_rows, struct err *reterr) MUST_CHECK;

/* The schema of a metric as it was given: one row with one column. Errors: NOT_FOUND (no such
 * metric, or it has no schema), those of pg_query. */
bool metric_read_schema(struct pg *pg, const char *organization_id, const char *code,
                        struct pg_result **ret_row, struct err *reterr) MUST_CHECK;

#endif
