/* What the metric of a code makes of an event: whether the code is taken, where the value comes
 * from, and what the properties must look like.
 *
 * A metric is NULL when the organization has none of this code. Functions that take the cursor use
 * its memory and names; the event was read to its end before.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_EVENT_METRIC_H
#define SCHEMAS_EVENT_METRIC_H
#include "base/err.h"
#include "schemas/event.h"
#include "schemas/scan.h"
#include <stdbool.h>

/* Looks up the metric of event->code, and marks the event as it says. `pointer` leads to the code.
 * Errors: UNKNOWN_CODE. */
bool event_metric_find(const struct event_rules *rules, const char *pointer, struct event *event,
                       const struct event_metric **ret_metric, struct err *reterr) MUST_CHECK;

/* Whether the value is a property, and the event's own does not count. */
static inline bool event_metric_has_field(const struct event_metric *metric)
{
    return metric != NULL && metric->field_name.size > 0;
}

/* Takes the value from the property that the metric names; what is not a number is none. `where`
 * leads to the properties, as in "/properties". Errors: VALUE_OUT_OF_RANGE, BODY_TOO_LARGE (memory
 * at its cap). */
bool event_metric_value(const struct event_metric *metric, struct scan *scan, const char *where,
                        struct event *event, struct err *reterr) MUST_CHECK;

/* event_metric_check for a metric with a schema. */
bool event_metric_check_schema(const struct event_metric *metric, struct scan *scan,
                               const char *where, struct event *event,
                               struct err *reterr) MUST_CHECK;

/* Checks the properties against the schema, if the metric has one. Errors: PROPERTY_SCHEMA, with a
 * pointer that begins with `where`; when the metric only warns it becomes event->schema_warning.
 * BODY_TOO_LARGE as above. */
static inline bool event_metric_check(const struct event_metric *metric, struct scan *scan,
                                      const char *where, struct event *event, struct err *reterr)
{
    return metric == NULL || metric->schema == NULL ||
           event_metric_check_schema(metric, scan, where, event, reterr);
}

#endif
