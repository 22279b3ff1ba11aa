/* Any bytes as a body and as a record. What must hold:
 *
 *   - nothing crashes, and no more than the arena's cap is used
 *   - the cursor takes exactly the texts that jansson takes, apart from its limits
 *   - an event that is accepted becomes a record that reads back equal
 *   - a record that is read, written again and read again is the same
 *
 * Linked with libFuzzer it searches, with tests/fuzz/replay.c it runs the corpus.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/assert.h"
#include "base/buf.h"
#include "schemas/event.h"
#include "schemas/record.h"
#include "schemas/scan.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA_MAX = 1 << 20 };

static const struct event_rules rules = {
    .organization_id = {"7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11", 36},
    .received_ms = INT64_C(1795420800000),
    .max_age_ms = INT64_MAX,
    .max_future_ms = INT64_MAX,
    .event_max = 4096,
    .events_max = 100,
};

/* ---- The cursor, against jansson ---- */

static void compare_with_jansson(struct slice text)
{
    struct arena arena;
    struct keys keys;
    struct scan scan;
    struct scan_value value;
    arena_init(&arena, ARENA_MAX);
    keys_init(&keys, &arena);
    scan_init(&scan, text, &keys, &arena);
    bool ours = scan_read(&scan, &value) && scan_at_end(&scan) && scan.err.code == ERR_NONE;
    bool limit = scan.err.code == ERR_NESTING_TOO_DEEP || scan.err.code == ERR_BODY_TOO_LARGE;
    arena_done(&arena);
    if (text.size > 0 && memchr(text.data, '\0', text.size) != NULL) {
        ASSERT(!ours); /* jansson overlooks some */
        return;
    }

    json_error_t error;
    json_t *theirs = json_loadb(text.size ? text.data : "", text.size,
                                JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (theirs == NULL)
        limit |= json_error_code(&error) == json_error_numeric_overflow ||
                 json_error_code(&error) == json_error_null_byte_in_key;
    ASSERT(limit || ours == (theirs != NULL));
    json_decref(theirs);
}

/* ---- Records ---- */

static bool same_record(const struct record *a, const struct record *b)
{
    return slice_equal(a->organization_id, b->organization_id) &&
           slice_equal(a->transaction_id, b->transaction_id) &&
           slice_equal(a->external_customer_id, b->external_customer_id) &&
           slice_equal(a->code, b->code) &&
           slice_equal(a->external_subscription_id, b->external_subscription_id) &&
           slice_equal(a->value, b->value) && slice_equal(a->properties, b->properties) &&
           a->timestamp_ms == b->timestamp_ms && a->ingested_ms == b->ingested_ms &&
           a->transactional == b->transactional;
}

static void check_round_trip(const struct record *record)
{
    struct arena arena;
    struct buf out;
    struct record back;
    struct err err;
    arena_init(&arena, ARENA_MAX);
    buf_init(&out, ARENA_MAX);
    record_encode(record, &out);
    ASSERT(!out.overflow);
    ASSERT(record_decode(buf_slice(&out), &arena, &back, &err));
    ASSERT(same_record(record, &back));
    buf_done(&out);
    arena_done(&arena);
}

static void read_as_record(struct slice bytes)
{
    struct arena arena;
    struct record record;
    struct err err = {.code = ERR_NONE};
    arena_init(&arena, ARENA_MAX);
    if (record_decode(bytes, &arena, &record, &err))
        check_round_trip(&record);
    else
        ASSERT(err.code == ERR_RECORD_INVALID);
    arena_done(&arena);
}

/* ---- Bodies ---- */

static void check_event(const struct event *event)
{
    ASSERT(event->transaction_id.size > 0 && event->external_customer_id.size > 0 &&
           event->code.size > 0 && event->properties.size >= 2);
    check_round_trip(&(struct record){
        .organization_id = rules.organization_id,
        .transaction_id = event->transaction_id,
        .external_customer_id = event->external_customer_id,
        .code = event->code,
        .external_subscription_id = event->external_subscription_id,
        .value = event->value,
        .properties = event->properties,
        .timestamp_ms = event->timestamp_ms,
        .ingested_ms = rules.received_ms,
    });
}

static void read_as_body(struct slice body, enum event_body kind)
{
    struct arena arena;
    struct event_reader reader;
    struct event event;
    struct err err = {.code = ERR_NONE};
    enum event_step step;
    size_t steps = 0;
    arena_init(&arena, ARENA_MAX);
    event_reader_init(&reader, body, kind, &rules, &arena);
    while ((step = event_reader_next(&reader, &event, &err)) != EVENT_END) {
        if (step == EVENT_ACCEPTED)
            check_event(&event);
        else
            ASSERT(err.code != ERR_NONE && err_code_status(err.code) != 0);
        ASSERT(++steps <= rules.events_max + 1);
        if (step == EVENT_BROKEN)
            break;
    }
    ASSERT(arena.used <= ARENA_MAX);
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};
    compare_with_jansson(bytes);
    read_as_record(bytes);
    read_as_body(bytes, EVENT_BODY_JSON);
    read_as_body(bytes, EVENT_BODY_NDJSON);
    read_as_body(bytes, EVENT_BODY_CLOUDEVENTS);
    return 0;
}
