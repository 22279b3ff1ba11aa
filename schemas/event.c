/* Reading the events of a body, one by one. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/event.h"
#include "base/assert.h"
#include "schemas/cloudevents.h"
#include "schemas/fields.h"
#include "schemas/identifier.h"

_Static_assert((int)SCAN_DEPTH_MAX == EVENT_DEPTH_MAX, "the cursor's levels are those of an event");
_Static_assert((int)IDENTIFIER_LEN_MAX == EVENT_TEXT_MAX, "one length for all identifiers");

enum {
    STATE_START,
    STATE_LIST,  /* in an array of events */
    STATE_LINES, /* NDJSON */
    STATE_END,
    STATE_BROKEN,
};

void event_reader_init(struct event_reader *reader, struct slice body, enum event_body kind,
                       const struct event_rules *rules, struct arena *arena)
{
    reader->rules = rules;
    reader->body = body;
    reader->kind = kind;
    reader->state = kind == EVENT_BODY_NDJSON ? STATE_LINES : STATE_START;
    reader->single = false;
    reader->wrapped = false;
    reader->index = 0;
    reader->rest = body;
    reader->line = 0;
    keys_init(&reader->outer_keys, arena);
    keys_init(&reader->event_keys, arena);
    scan_init(&reader->scan, body, &reader->outer_keys, arena);
}

size_t event_reader_at(const struct event_reader *reader)
{
    if (reader->kind == EVENT_BODY_NDJSON)
        return reader->body.size - reader->rest.size;
    return reader->scan.at;
}

/* The body ends here, for the reason that the cursor found. */
static enum event_step broken(struct event_reader *reader, struct err *reterr)
{
    reader->state = STATE_BROKEN;
    *reterr = reader->scan.err;
    if (reterr->code == ERR_BODY_TOO_LARGE && reader->single)
        reterr->code = ERR_EVENT_TOO_LARGE;
    return EVENT_BROKEN;
}

static enum event_step broken_by(struct event_reader *reader, struct err *err)
{
    reader->scan.err = *err;
    return broken(reader, err);
}

/* ---- One event ---- */

/* Notes when the event from `start` to the cursor is too large. */
static void measure(struct event_reader *reader, size_t start)
{
    struct scan *scan = &reader->scan;
    if (scan->at - start > reader->rules->event_max)
        scan_flaw(scan, ERR_EVENT_TOO_LARGE, "the event has %zu bytes, more than %zu",
                  scan->at - start, reader->rules->event_max);
}

/* Judges the event whose members were read, from `start` to the cursor. */
static enum event_step judge(struct event_reader *reader, const struct fields *fields, size_t start,
                             struct event *ret_event, struct err *reterr)
{
    struct scan *scan = &reader->scan;
    measure(reader, start);
    *ret_event = (struct event){.unknown_member = {NULL, 0}};
    if (fields_check(fields, reader->rules, reader->single, scan, ret_event, reterr))
        return EVENT_ACCEPTED;
    if (scan->broken || reterr->code == ERR_BODY_TOO_LARGE)
        return broken_by(reader, reterr);
    return EVENT_REJECTED;
}

/* Reads the CloudEvent at the cursor; in binary mode its data, which may be missing. */
static enum event_step read_cloudevent(struct event_reader *reader, struct event *ret_event,
                                       struct err *reterr)
{
    struct scan *scan = &reader->scan;
    const struct cloudevents_headers *headers =
        reader->kind == EVENT_BODY_CLOUDEVENT_BINARY ? reader->rules->headers : NULL;
    struct cloudevents cloudevent;
    size_t start = scan->at;
    if ((headers == NULL && !scan_open(scan, SCAN_OBJECT)) ||
        !cloudevents_read(&cloudevent, headers, scan))
        return broken(reader, reterr);
    measure(reader, start);
    *ret_event = (struct event){.unknown_member = {NULL, 0}};
    if (cloudevents_check(&cloudevent, reader->rules, scan, ret_event, reterr))
        return EVENT_ACCEPTED;
    if (scan->broken || reterr->code == ERR_BODY_TOO_LARGE)
        return broken_by(reader, reterr);
    return EVENT_REJECTED;
}

/* Reads the event at the cursor. */
static enum event_step read_event(struct event_reader *reader, struct event *ret_event,
                                  struct err *reterr)
{
    struct scan *scan = &reader->scan;
    struct fields fields;
    struct scan_value value;
    enum scan_kind kind;
    scan_begin(scan, &reader->event_keys, reader->rules->event_max);
    if (!scan_peek(scan, &kind))
        return broken(reader, reterr);
    size_t start = scan->at;
    if (kind != SCAN_OBJECT) {
        if (!scan_read(scan, &value))
            return broken(reader, reterr);
        *ret_event = (struct event){.unknown_member = {NULL, 0}};
        err_set(reterr, ERR_EVENT_NOT_OBJECT, "an event is an object of members, {…}");
        return EVENT_REJECTED;
    }
    if (reader->kind == EVENT_BODY_CLOUDEVENTS)
        return read_cloudevent(reader, ret_event, reterr);
    fields_init(&fields);
    if (!scan_open(scan, kind) || fields_read(&fields, scan, false) != FIELDS_DONE)
        return broken(reader, reterr);
    return judge(reader, &fields, start, ret_event, reterr);
}

/* ---- What stands around events ---- */

/* Reads the members of a wrapper that stand behind its events, and looks for the end of the body.
 */
static bool read_tail(struct event_reader *reader, struct err *reterr)
{
    struct scan *scan = &reader->scan;
    if (reader->wrapped) {
        struct fields fields;
        fields_init(&fields);
        scan_resume(scan, &reader->outer_keys, reader->rules->event_max);
        enum fields_step step = fields_read(&fields, scan, true);
        if (step == FIELDS_LIST || step == FIELDS_ONE)
            scan_flaw(scan, ERR_FIELD_CONFLICT, "the object has both event and events");
        else if (scan->err.code == ERR_NONE && fields_given_code(&fields))
            err_set_at(&scan->err, ERR_FIELD_CONFLICT,
                       fields_given(&fields, FIELD_CODE) ? "/code" : "/event_name",
                       FIELDS_CONFLICT_TEXT);
        if (scan->err.code == ERR_NONE)
            fields_check_organization(&fields, reader->rules, scan);
        if (scan->err.code != ERR_NONE) {
            broken(reader, reterr);
            return false;
        }
    }
    if (!scan_at_end(scan)) {
        scan_break(scan, "the JSON ends before offset %zu, but there is more", scan->at);
        broken(reader, reterr);
        return false;
    }
    reader->state = STATE_END;
    return true;
}

static enum event_step next_element(struct event_reader *reader, struct event *ret_event,
                                    struct err *reterr)
{
    switch (scan_element(&reader->scan)) {
    case SCAN_BROKEN:
        return broken(reader, reterr);
    case SCAN_CLOSE:
        if (!read_tail(reader, reterr))
            return EVENT_BROKEN;
        if (reader->index > 0)
            return EVENT_END;
        err_set(reterr, ERR_BODY_EMPTY, "the list of events is empty");
        return broken_by(reader, reterr);
    case SCAN_ITEM:
        break;
    }
    if (reader->index == reader->rules->events_max) {
        err_set(reterr, ERR_TOO_MANY_EVENTS, "there are more than %zu events",
                reader->rules->events_max);
        return broken_by(reader, reterr);
    }
    reader->index++;
    return read_event(reader, ret_event, reterr);
}

static enum event_step enter_list(struct event_reader *reader, struct event *ret_event,
                                  struct err *reterr)
{
    if (!scan_open(&reader->scan, SCAN_ARRAY))
        return broken(reader, reterr);
    reader->state = STATE_LIST;
    return next_element(reader, ret_event, reterr);
}

/* A single event: nothing may follow it. */
static enum event_step end_single(struct event_reader *reader, enum event_step step,
                                  struct err *reterr)
{
    struct err tail;
    reader->index = 1;
    if (step == EVENT_BROKEN || read_tail(reader, &tail))
        return step;
    *reterr = tail;
    return EVENT_BROKEN;
}

/* An object at the top: an event, or a wrapper. */
static enum event_step start_object(struct event_reader *reader, struct event *ret_event,
                                    struct err *reterr)
{
    struct scan *scan = &reader->scan;
    struct fields fields;
    fields_init(&fields);
    scan_begin(scan, &reader->outer_keys, reader->rules->event_max);
    size_t start = scan->at;
    if (!scan_open(scan, SCAN_OBJECT))
        return broken(reader, reterr);
    enum fields_step step = fields_read(&fields, scan, true);
    reader->single = step != FIELDS_LIST;
    if (step == FIELDS_BROKEN)
        return broken(reader, reterr);
    if (step == FIELDS_DONE)
        return end_single(reader, judge(reader, &fields, start, ret_event, reterr), reterr);

    reader->wrapped = true;
    if (scan->err.code == ERR_NONE)
        fields_check_organization(&fields, reader->rules, scan);
    if (scan->err.code != ERR_NONE)
        return broken(reader, reterr);
    if (step == FIELDS_LIST)
        return enter_list(reader, ret_event, reterr);
    return end_single(reader, read_event(reader, ret_event, reterr), reterr);
}

static enum event_step start(struct event_reader *reader, struct event *ret_event,
                             struct err *reterr)
{
    struct scan *scan = &reader->scan;
    enum scan_kind kind;
    if (reader->kind == EVENT_BODY_CLOUDEVENT_BINARY) {
        reader->single = true;
        scan_begin(scan, &reader->event_keys, reader->rules->event_max);
        return end_single(reader, read_cloudevent(reader, ret_event, reterr), reterr);
    }
    if (scan_at_end(scan)) {
        err_set(reterr, ERR_BODY_EMPTY, "there is nothing in the body");
        return broken_by(reader, reterr);
    }
    if (!scan_peek(scan, &kind))
        return broken(reader, reterr);
    if (kind == SCAN_OBJECT && reader->kind == EVENT_BODY_JSON)
        return start_object(reader, ret_event, reterr);
    if (kind == SCAN_ARRAY)
        return enter_list(reader, ret_event, reterr);
    reader->single = true;
    return end_single(reader, read_event(reader, ret_event, reterr), reterr);
}

/* ---- NDJSON ---- */

static struct slice take_line(struct slice *rest)
{
    const char *end = memchr(rest->data, '\n', rest->size);
    struct slice line = {rest->data, end ? (size_t)(end - rest->data) : rest->size};
    size_t taken = line.size + (end != NULL);
    rest->data += taken;
    rest->size -= taken;
    return line;
}

/* Reads the event of the line that the cursor was set to. Only memory at its cap ends the body. */
static enum event_step read_line(struct event_reader *reader, struct event *ret_event,
                                 struct err *reterr)
{
    struct scan *scan = &reader->scan;
    enum event_step step = read_event(reader, ret_event, reterr);
    if (step != EVENT_BROKEN && !scan_at_end(scan)) {
        scan_break(scan, "the event ends before offset %zu, but there is more", scan->at);
        step = broken(reader, reterr);
    }
    if (step == EVENT_BROKEN && reterr->code != ERR_BODY_TOO_LARGE) {
        reader->state = STATE_LINES;
        *ret_event = (struct event){.unknown_member = {NULL, 0}};
        err_prefix(reterr, "line %zu", reader->line);
        step = EVENT_REJECTED;
    }
    return step;
}

static enum event_step next_line(struct event_reader *reader, struct event *ret_event,
                                 struct err *reterr)
{
    struct scan *scan = &reader->scan;
    while (reader->rest.size > 0) {
        struct slice line = take_line(&reader->rest);
        reader->line++;
        scan_init(scan, line, &reader->event_keys, scan->arena);
        scan->readable = reader->rest.data + reader->rest.size;
        if (scan_at_end(scan))
            continue; /* blank */
        if (reader->index == reader->rules->events_max) {
            err_set(reterr, ERR_TOO_MANY_EVENTS, "there are more than %zu events",
                    reader->rules->events_max);
            return broken_by(reader, reterr);
        }
        reader->index++;
        return read_line(reader, ret_event, reterr);
    }
    if (reader->index == 0) {
        err_set(reterr, ERR_BODY_EMPTY, "there is no event in the body");
        return broken_by(reader, reterr);
    }
    reader->state = STATE_END;
    return EVENT_END;
}

enum event_step event_reader_next(struct event_reader *reader, struct event *ret_event,
                                  struct err *reterr)
{
    ASSERT(reader->state != STATE_BROKEN);
    switch (reader->state) {
    case STATE_START:
        return start(reader, ret_event, reterr);
    case STATE_LIST:
        return next_element(reader, ret_event, reterr);
    case STATE_LINES:
        return next_line(reader, ret_event, reterr);
    default:
        return EVENT_END;
    }
}
