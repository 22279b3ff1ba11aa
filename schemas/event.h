/* The event as callers send it, and the one-pass reader of request bodies.
 *
 *     struct event_reader reader;
 *     event_reader_init(&reader, body, EVENT_BODY_JSON, &rules, arena);
 *     while ((step = event_reader_next(&reader, &event, &err)) != EVENT_END) …
 *
 * A body is one event, an array of events, {"events":[…]}, {"event":{…}}, NDJSON, or CloudEvents
 * (schemas/cloudevents.h). The JSON is
 * checked strictly (RFC 8259; UTF-8, surrogates, numbers, depth, duplicate members at any depth,
 * trailing bytes) while it is read.
 *
 * An object at the top with an array "events" or an object "event" is a wrapper, in whatever order
 * its members stand; its other members are checked as JSON and ignored, except organization_id. One
 * that also has a code (or event_name) could be meant either way and is refused: FIELD_CONFLICT.
 *
 * A syntax error breaks the body, because nothing behind it can be trusted. What leaves the
 * structure readable (a member named twice, invalid UTF-8, half a surrogate pair, too many levels,
 * too many bytes) rejects its event, and the others are not touched by it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_EVENT_H
#define SCHEMAS_EVENT_H
#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "schemas/keys.h"
#include "schemas/scan.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    EVENT_TEXT_MAX = 255,    /* code points of an identifier */
    EVENT_DEPTH_MAX = 32,    /* nesting of an event */
    EVENT_WHOLE_DIGITS = 20, /* of a value, before the point */
    EVENT_FRACTION_DIGITS = 18,
};

struct event {
    struct slice transaction_id;
    struct slice external_customer_id;     /* one of the two stands for both */
    struct slice external_subscription_id; /* size 0: not given */
    struct slice code;
    struct slice value;      /* plain decimal text; size 0: none */
    struct slice properties; /* the caller's bytes; "{}" when not given */
    int64_t timestamp_ms;
    struct slice timestamp_text; /* where it was sent as clock_format writes it; size 0: not so */
    struct slice unknown_member; /* the first member that was dropped; size 0: none */
    bool cloudevent;             /* it came as a CloudEvent: that member is an attribute */
    bool value_ignored;          /* it had a value of its own, but its metric names a property */
    bool transactional;          /* as its metric says */
    const struct err *schema_warning; /* why its properties do not fit the schema of its metric,
                                         which only warns; in the arena; NULL: nothing to say */
};

struct property_schema;

/* What is known about a code: a billable metric. */
struct event_metric {
    struct slice field_name; /* the property that is the value; size 0: the event's own value is */
    bool transactional;      /* its events are purchases, credits, one-off charges */
    bool schema_warns;       /* properties that do not fit are taken all the same */
    const struct property_schema *schema; /* of the properties; NULL: they are not checked */
};

/* Where metrics are looked up. */
struct event_metrics {
    /* The metric of a code, or NULL; it is borrowed until the event was read. The function may be
     * NULL: there are no metrics. */
    const struct event_metric *(*find)(const void *context, struct slice code);
    const void *context;
    bool known_only; /* a code without a metric is rejected: UNKNOWN_CODE */
};

struct cloudevents_headers;

/* What an event is checked against. */
struct event_rules {
    struct slice organization_id;
    struct slice idempotency_key; /* of the header, for a single event; size 0: none */
    int64_t received_ms;          /* wall clock when the request was read */
    int64_t max_age_ms;
    int64_t max_future_ms;
    size_t event_max;        /* bytes of one event */
    size_t events_max;       /* events in one body */
    bool timestamp_optional; /* the time of receipt serves an event that has none */
    bool id_includes_source; /* of CloudEvents */
    const struct cloudevents_headers *headers; /* of a CloudEvent in binary mode; borrowed */
    struct event_metrics metrics;
};

enum event_body {
    EVENT_BODY_JSON,
    EVENT_BODY_NDJSON,
    EVENT_BODY_CLOUDEVENTS,       /* one CloudEvent in its JSON format, or an array of them */
    EVENT_BODY_CLOUDEVENT_BINARY, /* its data; the rest is in rules->headers */
};

enum event_step {
    EVENT_ACCEPTED, /* *ret_event is filled; slices point into the body or the arena */
    EVENT_REJECTED, /* this event is wrong (*reterr, with pointer); the reader goes on behind it.
                       ret_event->transaction_id is filled when it was readable */
    EVENT_BROKEN,   /* the body cannot be read further: JSON_MALFORMED, BODY_EMPTY,
                       TOO_MANY_EVENTS, …; nothing of it may be produced */
    EVENT_END,
};

struct event_reader {
    const struct event_rules *rules; /* borrowed */
    struct slice body;               /* borrowed */
    enum event_body kind;
    int state;
    bool single;       /* the body is one event, known after the first step */
    bool wrapped;      /* an object stands around the list */
    size_t index;      /* of the next event: how many were read */
    struct slice rest; /* NDJSON: the lines that are still to be read */
    size_t line;       /* NDJSON: the number of the last one, from 1 */
    struct scan scan;
    struct keys outer_keys; /* of the object around the events */
    struct keys event_keys;
};

/* Everything is borrowed until the last step, and the body for as long as events are used. */
void event_reader_init(struct event_reader *reader, struct slice body, enum event_body kind,
                       const struct event_rules *rules, struct arena *arena);

/* Bytes of the body that were read. */
size_t event_reader_at(const struct event_reader *reader);

/* The next event. *reterr is written for EVENT_REJECTED and EVENT_BROKEN; its pointer begins at the
 * event, for EVENT_BROKEN at the body. After EVENT_BROKEN nothing more may be asked.
 *
 * EVENT_BROKEN: BODY_EMPTY, JSON_MALFORMED (not for NDJSON), TOO_MANY_EVENTS; NESTING_TOO_DEEP when
 * there are so many levels that the end is not looked for (SCAN_NEST_MAX); what is wrong with an
 * object around events (DUPLICATE_KEY, UTF8_INVALID, NESTING_TOO_DEEP, EVENT_TOO_LARGE,
 * FIELD_CONFLICT, FIELD_TYPE, ORGANIZATION_MISMATCH); BODY_TOO_LARGE, for one event
 * EVENT_TOO_LARGE, when the arena is at its cap. EVENT_REJECTED: the codes "One event" of
 * base/errors.def, and for a line of NDJSON JSON_MALFORMED. */
enum event_step event_reader_next(struct event_reader *reader, struct event *ret_event,
                                  struct err *reterr) MUST_CHECK;

#endif
