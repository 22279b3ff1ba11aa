/* What the metric of a code makes of an event. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/event_metric.h"
#include "schemas/decimal.h"
#include "schemas/fields.h"
#include "schemas/property.h"
#include "schemas/property_schema.h"

/* Of one check, beside the request's own memory: a thread checks one event at a time. */
enum { SCRATCH_MAX = 8 << 20 };

bool event_metric_find(const struct event_rules *rules, const char *pointer, struct event *event,
                       const struct event_metric **ret_metric, struct err *reterr)
{
    const struct event_metrics *metrics = &rules->metrics;
    const struct event_metric *metric =
        metrics->find != NULL ? metrics->find(metrics->context, event->code) : NULL;
    if (metric == NULL && metrics->known_only)
        return err_set_at(reterr, ERR_UNKNOWN_CODE, pointer,
                          "the organization has no metric with this code, and takes no others");
    event->transactional = metric != NULL && metric->transactional;
    *ret_metric = metric;
    return true;
}

bool event_metric_value(const struct event_metric *metric, struct scan *scan, const char *where,
                        struct event *event, struct err *reterr)
{
    struct scan inner;
    struct scan_value value;
    struct decimal decimal;
    struct slice text;
    /* The event was read to its end: the names in it need not be kept. */
    keys_forget(scan->keys);
    scan_init(&inner, event->properties, scan->keys, scan->arena);
    enum property_step step = property_find(&inner, metric->field_name, &value);
    if (step == PROPERTY_ABSENT)
        return true;
    bool string = step == PROPERTY_FOUND && value.kind == SCAN_STRING;
    if (step == PROPERTY_FOUND && !string && value.kind != SCAN_NUMBER)
        return true;
    text = value.raw;
    if (step == PROPERTY_BROKEN || (string && !scan_text(&inner, &value, &text))) {
        *reterr = inner.err;
        return false;
    }
    if (!decimal_parse(text, &decimal))
        return true;
    char pointer[ERR_POINTER_SIZE];
    property_pointer(where, metric->field_name, pointer);
    return fields_plain_value(text, &decimal, pointer, scan->arena, &event->value, reterr);
}

bool event_metric_check_schema(const struct event_metric *metric, struct scan *scan,
                               const char *where, struct event *event, struct err *reterr)
{
    CLEANUP(arena_done) struct arena scratch;
    arena_init(&scratch, SCRATCH_MAX);
    struct err err;
    if (property_schema_check(metric->schema, event->properties, &scratch, &err))
        return true;
    err_prefix_pointer(&err, where);
    struct err *kept = metric->schema_warns ? arena_alloc(scan->arena, sizeof *kept) : reterr;
    if (kept == NULL)
        return err_set(reterr, ERR_BODY_TOO_LARGE,
                       "reading it needs more memory than a request may have");
    *kept = err;
    if (metric->schema_warns)
        event->schema_warning = kept;
    return metric->schema_warns;
}
