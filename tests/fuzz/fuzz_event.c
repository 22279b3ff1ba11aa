/* Any bytes as JSON, and as bodies of each kind. What must hold:
 *
 *   - nothing crashes, and no more than the arena's cap is used
 *   - the cursor takes exactly the texts that jansson takes, apart from the known differences
 *   - an event that is accepted becomes a record that reads back equal
 *   - what is refused is refused with a code for callers
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/assert.h"
#include "base/buf.h"
#include "schemas/scan.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/jansson.h"
#include "tests/support/same.h"

/* ---- The cursor, against jansson ---- */

static void compare_with_jansson(struct slice text)
{
    struct arena arena;
    struct keys keys;
    struct scan scan;
    struct scan_value value;
    arena_init(&arena, FUZZ_ARENA_MAX);
    keys_init(&keys, &arena);
    scan_init(&scan, text, &keys, &arena);
    enum err_code ours = ERR_NONE;
    if (!scan_read(&scan, &value) || scan.err.code != ERR_NONE)
        ours = scan.err.code;
    else if (!scan_at_end(&scan))
        ours = ERR_JSON_MALFORMED;
    arena_done(&arena);

    json_error_t error;
    json_t *theirs = jansson_read(text, &error);
    ASSERT(jansson_agrees(text, ours, theirs, &error));
    json_decref(theirs);
}

/* ---- Bodies ---- */

static void check_event(const struct event *event)
{
    ASSERT(event->transaction_id.size > 0 && event->external_customer_id.size > 0 &&
           event->code.size > 0 && event->properties.size >= 2);
    struct record record = record_of(event, &fuzz_rules), back;
    struct arena arena;
    struct buf out;
    struct err err;
    arena_init(&arena, FUZZ_ARENA_MAX);
    buf_init(&out, FUZZ_ARENA_MAX);
    record_encode(&record, &out);
    ASSERT(!out.overflow);
    ASSERT(record_decode(buf_slice(&out), &arena, &back, &err));
    ASSERT(same_record(&record, &back));
    buf_done(&out);
    arena_done(&arena);
}

static void read_as_body(struct slice body, enum event_body kind)
{
    struct arena arena;
    struct event_reader reader;
    struct event event;
    struct err err = {.code = ERR_NONE};
    enum event_step step;
    size_t steps = 0;
    arena_init(&arena, FUZZ_ARENA_MAX);
    event_reader_init(&reader, body, kind, &fuzz_rules, &arena);
    while ((step = event_reader_next(&reader, &event, &err)) != EVENT_END) {
        if (step == EVENT_ACCEPTED)
            check_event(&event);
        else
            ASSERT(err.code != ERR_NONE && err_code_status(err.code) != 0);
        ASSERT(++steps <= fuzz_rules.events_max + 1);
        if (step == EVENT_BROKEN)
            break;
    }
    ASSERT(arena.used <= FUZZ_ARENA_MAX);
    arena_done(&arena);
}

void fuzz_event(struct slice input)
{
    compare_with_jansson(input);
    read_as_body(input, EVENT_BODY_JSON);
    read_as_body(input, EVENT_BODY_NDJSON);
    read_as_body(input, EVENT_BODY_CLOUDEVENTS);
}
