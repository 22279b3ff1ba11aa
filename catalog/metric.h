/* Billable metrics, as the operator makes, changes and lists them: what is known about a code of an
 * organization beyond its events.
 *
 * Threads: that of the connection. SPDX-License-Identifier: Apache-2.0 */
#ifndef CATALOG_METRIC_H
#define CATALOG_METRIC_H
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
};

/* Makes one. Errors: EXISTS, USAGE (code or field name are not 1 to 255 characters without control
 * characters), those of pg_query. */
bool metric_create(struct pg *pg, const struct metric_plan *plan, struct err *reterr) MUST_CHECK;

/* Changes one. Errors: NOT_FOUND, USAGE (as above), those of pg_query. */
bool metric_update(struct pg *pg, const struct metric_plan *plan, struct err *reterr) MUST_CHECK;

enum metric_column {
    METRIC_COLUMN_ORGANIZATION_ID,
    METRIC_COLUMN_ORGANIZATION,
    METRIC_COLUMN_CODE,
    METRIC_COLUMN_FIELD_NAME, /* or NULL */
    METRIC_COLUMN_TRANSACTIONAL,
    METRIC_COLUMN_CREATED_AT,
    METRIC_COLUMN_UPDATED_AT,
};

/* Metrics by organization and code, in columns as above. NULL: of all organizations, all codes. */
bool metric_list(struct pg *pg, const char *organization_id, const char *code,
                 struct pg_result **ret_rows, struct err *reterr) MUST_CHECK;

#endif
