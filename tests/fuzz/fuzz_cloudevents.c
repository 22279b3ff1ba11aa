/* A CloudEvent in binary mode: lines "name: value" as the headers ce-name, a blank line, the data.
 * What must hold:
 *
 *   - whatever the headers, the event is accepted, or rejected with a code for callers
 *   - an event that is accepted is accepted in the JSON format too, where its attributes stand as
 *     members, and is the same event
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/assert.h"
#include "base/buf.h"
#include "schemas/cloudevents.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/same.h"

static const char *const names[] = {
#define ATTRIBUTE(name, text) [CLOUDEVENTS_##name] = text,
    CLOUDEVENTS(ATTRIBUTE)
#undef ATTRIBUTE
};

static void read_headers(struct slice head, struct cloudevents_headers *ret_headers)
{
    *ret_headers = (struct cloudevents_headers){.given = 0};
    while (head.size > 0) {
        struct slice value = fuzz_take(&head, "\n");
        struct slice name = fuzz_take(&value, ": ");
        cloudevents_add_header(ret_headers, name, value);
    }
}

/* Whether the value stands for itself: the HTTP binding undoes quotes and %XX, and JSON has no
 * bytes that are not UTF-8. */
static bool is_plain(struct slice value)
{
    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] < ' ' || value.data[i] == '%' || value.data[i] == '"' ||
            value.data[i] == '\\')
            return false;
    return true;
}

/* The same event in the JSON format; false when it cannot be written down plainly. */
static bool structured(const struct cloudevents_headers *headers, struct slice data,
                       struct buf *out)
{
    const char *before = "{\"";
    for (int i = 0; i < CLOUDEVENTS_LEN; i++) {
        if ((headers->given & 1u << i) == 0)
            continue;
        if (!is_plain(headers->values[i]))
            return false;
        buf_append_str(out, before);
        buf_append_str(out, names[i]);
        buf_append_str(out, "\":");
        buf_append_json(out, headers->values[i]);
        before = ",\"";
    }
    buf_append_str(out, before);
    buf_append_str(out, "data\":");
    buf_append_slice(out, data);
    buf_append_char(out, '}');
    return !out->overflow;
}

static void check_structured(const struct cloudevents_headers *headers, const struct event *event,
                             const struct event_rules *rules)
{
    struct arena arena;
    struct buf body;
    struct event_reader reader;
    struct event other;
    struct err err;
    arena_init(&arena, FUZZ_ARENA_MAX);
    buf_init(&body, FUZZ_ARENA_MAX);
    if (structured(headers, event->properties, &body)) {
        event_reader_init(&reader, buf_slice(&body), EVENT_BODY_CLOUDEVENTS, rules, &arena);
        enum event_step step = event_reader_next(&reader, &other, &err);
        if (step == EVENT_ACCEPTED) {
            struct record ours = record_of(event, rules), theirs = record_of(&other, rules);
            ASSERT(same_record(&ours, &theirs));
        } else {
            /* The data is one level deeper and counts with its attributes. */
            ASSERT(err.code == ERR_NESTING_TOO_DEEP || err.code == ERR_EVENT_TOO_LARGE);
        }
    }
    buf_done(&body);
    arena_done(&arena);
}

void fuzz_cloudevents(struct slice input)
{
    struct slice data = input;
    struct cloudevents_headers headers;
    read_headers(fuzz_take(&data, "\n\n"), &headers);
    struct event_rules rules = fuzz_rules;
    rules.headers = &headers;
    rules.id_includes_source = input.size % 2;

    struct arena arena;
    struct event_reader reader;
    struct event event;
    struct err err = {.code = ERR_NONE};
    arena_init(&arena, FUZZ_ARENA_MAX);
    event_reader_init(&reader, data, EVENT_BODY_CLOUDEVENT_BINARY, &rules, &arena);
    enum event_step step = event_reader_next(&reader, &event, &err);
    ASSERT(step != EVENT_END);
    if (step == EVENT_ACCEPTED)
        check_structured(&headers, &event, &rules);
    else
        ASSERT(err.code != ERR_NONE && err_code_status(err.code) != 0);
    if (step != EVENT_BROKEN)
        ASSERT(event_reader_next(&reader, &event, &err) == EVENT_END);
    arena_done(&arena);
}
