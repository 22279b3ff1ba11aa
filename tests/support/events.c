/* Events in tests. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/support/events.h"
#include "tests/support/text.h"

const struct event_rules events_rules = {
    .organization_id = {"7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11", 36},
    .received_ms = EVENTS_NOW,
    .max_age_ms = INT64_C(35) * 24 * 3600000,
    .max_future_ms = 300000,
    .event_max = 4096,
    .events_max = 1000,
};

void events_describe_error(struct buf *out, enum event_step step, const struct err *err)
{
    CHECK(err->text[0] != '\0');
    buf_printf(out, "%c %s %s", step == EVENT_REJECTED ? '-' : '!', err_code_name(err->code),
               err->pointer[0] ? err->pointer : "_");
}

void events_check_body(size_t row, const char *body, enum event_body kind,
                       const struct event_rules *rules, events_describe *describe, const char *want)
{
    struct event_reader reader;
    struct arena arena;
    struct buf out;
    enum event_step step;
    arena_init(&arena, 1 << 20);
    buf_init(&out, 1 << 20);
    event_reader_init(&reader, json(&arena, body), kind, rules, &arena);
    do {
        struct event event = {.unknown_member = {NULL, 0}};
        struct err err = {.code = ERR_NONE};
        step = event_reader_next(&reader, &event, &err);
        describe(&out, step, &reader, &event, &err);
    } while (step != EVENT_END && step != EVENT_BROKEN);
    struct event event;
    struct err err;
    CHECK(step == EVENT_BROKEN || event_reader_next(&reader, &event, &err) == EVENT_END);
    check_same(row, buf_slice(&out), want);
    buf_done(&out);
    arena_done(&arena);
}

void events_settle(struct events_batch *batch, enum events_status fate)
{
    for (size_t i = 0; i < batch->records_len; i++) {
        struct events_result *result = &batch->results[batch->records[i].result];
        CHECK(result->status == EVENTS_PENDING);
        result->status = fate;
    }
}
