/* How a body is cut into events, against jansson's view of the same body. What must hold:
 *
 *   - a list ends after as many steps as jansson finds elements, NDJSON after as many as there are
 *     lines that are not blank
 *   - each event that is accepted has the texts and the properties that jansson finds at its place;
 *     properties are bytes of the body, in its order
 *   - the syntax is refused by both or by neither, apart from the known differences
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/assert.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/jansson.h"

/* Where jansson looks for what an event has: each text under one of two names. */
struct names {
    const char *id[2], *code[2], *customer[2], *properties;
};

static const struct names event_names = {
    {"transaction_id", "idempotency_key"},
    {"code", "event_name"},
    {"external_customer_id", "external_subscription_id"},
    "properties",
};

static const struct names cloudevent_names = {
    {"id", "id"}, {"type", "type"}, {"subject", "subject"}, "data"};

static void check_text(const json_t *theirs, const char *const names[2], struct slice ours)
{
    const json_t *member = json_object_get(theirs, names[0]);
    if (member == NULL || json_is_null(member))
        member = json_object_get(theirs, names[1]);
    ASSERT(json_is_string(member));
    ASSERT(
        slice_equal(ours, (struct slice){json_string_value(member), json_string_length(member)}));
}

/* The properties are bytes of the body behind those of the event before. */
static void check_place(struct slice body, struct slice properties, const char **behind)
{
    if (properties.data < body.data || properties.data >= body.data + body.size) {
        ASSERT(slice_equal(properties, SLICE("{}"))); /* not given */
        return;
    }
    ASSERT(properties.data >= *behind);
    *behind = properties.data + properties.size;
    ASSERT(*behind <= body.data + body.size);
}

static void check_event(const struct event *ours, const json_t *theirs, const struct names *names)
{
    json_error_t error;
    ASSERT(json_is_object(theirs));
    check_text(theirs, names->id, ours->transaction_id);
    check_text(theirs, names->code, ours->code);
    check_text(theirs, names->customer, ours->external_customer_id);
    json_t *properties = jansson_read(ours->properties, &error);
    const json_t *member = json_object_get(theirs, names->properties);
    ASSERT(properties != NULL);
    if (member == NULL || json_is_null(member))
        ASSERT(json_object_size(properties) == 0);
    else
        ASSERT(json_equal(properties, (json_t *)member));
    json_decref(properties);
}

/* What is wrong with the text itself, and not with what it says. */
static bool is_syntax(enum err_code code)
{
    return code == ERR_JSON_MALFORMED || code == ERR_UTF8_INVALID || code == ERR_DUPLICATE_KEY;
}

/* ---- One JSON text ---- */

/* The events as jansson finds them: a list, or NULL when the whole is one event. */
static const json_t *list_in(const json_t *theirs, enum event_body kind)
{
    if (json_is_array(theirs))
        return theirs;
    const json_t *events = json_object_get(theirs, "events");
    return kind == EVENT_BODY_JSON && json_is_array(events) ? events : NULL;
}

static const json_t *event_at(const json_t *theirs, enum event_body kind, size_t index)
{
    const json_t *list = list_in(theirs, kind);
    if (list != NULL)
        return json_array_get(list, index);
    const json_t *wrapped = json_object_get(theirs, "event");
    return kind == EVENT_BODY_JSON && json_is_object(wrapped) ? wrapped : theirs;
}

static size_t events_in(const json_t *theirs, enum event_body kind)
{
    const json_t *list = list_in(theirs, kind);
    return list != NULL ? json_array_size(list) : 1;
}

static void read_json(struct slice body, enum event_body kind)
{
    struct arena arena;
    struct event_reader reader;
    struct event event;
    struct err err = {.code = ERR_NONE};
    json_error_t error;
    json_t *theirs = jansson_read(body, &error);
    enum event_step step;
    enum err_code first = ERR_NONE; /* the first thing we found wrong with the text */
    const char *behind = body.data;
    size_t steps = 0, accepted = 0;
    arena_init(&arena, FUZZ_ARENA_MAX);
    event_reader_init(&reader, body, kind, &fuzz_rules, &arena);
    for (; (step = event_reader_next(&reader, &event, &err)) != EVENT_END; steps++) {
        if (step != EVENT_ACCEPTED && first == ERR_NONE && is_syntax(err.code))
            first = err.code;
        if (step == EVENT_BROKEN)
            break;
        if (step == EVENT_REJECTED)
            continue;
        accepted++;
        check_place(body, event.properties, &behind);
        if (theirs != NULL)
            check_event(&event, event_at(theirs, kind, steps),
                        kind == EVENT_BODY_JSON ? &event_names : &cloudevent_names);
    }
    if (theirs != NULL) {
        ASSERT(jansson_agrees(body, first, theirs, &error));
        ASSERT(step == EVENT_BROKEN || steps == events_in(theirs, kind));
    } else if (step == EVENT_END && accepted == steps) {
        ASSERT(jansson_agrees(body, ERR_NONE, NULL, &error));
    }
    json_decref(theirs);
    arena_done(&arena);
}

/* ---- NDJSON ---- */

static bool is_blank(struct slice line)
{
    for (size_t i = 0; i < line.size; i++)
        if (strchr(" \t\r", line.data[i]) == NULL || line.data[i] == '\0')
            return false;
    return true;
}

/* The next line that is not blank; false: there is none. */
static bool next_line(struct slice *rest, struct slice *ret_line)
{
    while (rest->size > 0) {
        *ret_line = fuzz_take(rest, "\n");
        if (!is_blank(*ret_line))
            return true;
    }
    return false;
}

static void check_line(struct slice line, enum event_step step, const struct event *event,
                       const struct err *err)
{
    json_error_t error;
    json_t *theirs = jansson_read(line, &error);
    const char *behind = line.data;
    if (step == EVENT_ACCEPTED) {
        ASSERT(jansson_agrees(line, ERR_NONE, theirs, &error));
        check_place(line, event->properties, &behind);
        if (theirs != NULL)
            check_event(event, theirs, &event_names);
    } else if (is_syntax(err->code)) {
        ASSERT(jansson_agrees(line, err->code, theirs, &error));
    }
    json_decref(theirs);
}

static void read_lines(struct slice body)
{
    struct arena arena;
    struct event_reader reader;
    struct event event;
    struct err err = {.code = ERR_NONE};
    struct slice rest = body, line;
    enum event_step step;
    arena_init(&arena, FUZZ_ARENA_MAX);
    event_reader_init(&reader, body, EVENT_BODY_NDJSON, &fuzz_rules, &arena);
    while ((step = event_reader_next(&reader, &event, &err)) != EVENT_END && step != EVENT_BROKEN) {
        ASSERT(next_line(&rest, &line));
        check_line(line, step, &event, &err);
    }
    if (step == EVENT_END || err.code == ERR_BODY_EMPTY)
        ASSERT(!next_line(&rest, &line));
    else
        ASSERT(err.code == ERR_BODY_TOO_LARGE || err.code == ERR_TOO_MANY_EVENTS);
    arena_done(&arena);
}

void fuzz_body(struct slice input)
{
    read_json(input, EVENT_BODY_JSON);
    read_json(input, EVENT_BODY_CLOUDEVENTS);
    read_lines(input);
}
