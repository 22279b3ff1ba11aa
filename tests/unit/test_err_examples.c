/* The examples of docs/ERRORS.md: those that handlers can judge without a server.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/err_examples.h"
#include "base/buf.h"
#include "handlers/events.h"
#include "tests/unit/check.h"

#include <stdlib.h>

static const struct event_rules rules = {
    .organization_id = {"7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11", 36},
    .received_ms = INT64_C(1795420800000), /* 2026-11-23T08:00:00Z */
    .max_age_ms = INT64_C(35) * 24 * 3600000,
    .max_future_ms = 300000,
    .event_max = 256 << 10,
    .events_max = 10000,
};

TEST(err_examples, are_there_for_every_error_that_a_caller_sees)
{
    for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
        bool seen = err_code_status((enum err_code)code) != 0;
        bool there = err_example_of((enum err_code)code) != NULL;
        if (seen != there)
            fprintf(stderr, "%s: %s\n", err_code_name((enum err_code)code),
                    seen ? "has no row in base/err_examples.def"
                         : "has no HTTP status, so it needs no example");
        CHECK(seen == there);
    }
}

/* Writes ⟨text⟩×N as N times the text. */
static void expand(struct buf *out, const char *text)
{
    static const char open[] = "⟨", close[] = "⟩×";
    const char *start;
    while ((start = strstr(text, open)) != NULL) {
        buf_append(out, text, (size_t)(start - text));
        start += strlen(open);
        const char *end = strstr(start, close);
        CHECK(end != NULL);
        char *behind;
        for (unsigned long n = strtoul(end + strlen(close), &behind, 10); n > 0; n--)
            buf_append(out, start, (size_t)(end - start));
        text = behind;
    }
    buf_append_str(out, text);
}

struct kind {
    const char *head;
    enum event_body body;
};

/* How the request's body is read; NULL: it takes a server. */
static const struct kind *kind_of(const char *request)
{
    static const struct kind kinds[] = {
        {"POST /v1/events\nContent-Type: application/json\n\n", EVENT_BODY_JSON},
        {"POST /v1/events\nContent-Type: application/x-ndjson\n\n", EVENT_BODY_NDJSON},
        {"POST /v1/events\nContent-Type: application/cloudevents+json\n\n", EVENT_BODY_CLOUDEVENTS},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strncmp(request, kinds[i].head, strlen(kinds[i].head)) == 0)
            return &kinds[i];
    return NULL;
}

/* The status, code and pointer that the body is answered with. */
static void answer(struct slice body, enum event_body kind, struct err *ret_err)
{
    struct arena arena;
    struct events_batch batch;
    const struct events_options options = {.atomic = false};
    arena_init(&arena, events_arena_max(body.size, &rules));
    if (events_accept(body, kind, &rules, &options, &arena, &batch, ret_err)) {
        CHECK(batch.single && batch.results[0].status == EVENTS_REJECTED);
        *ret_err = *batch.results[0].error;
    }
    arena_done(&arena);
}

TEST(err_examples, are_answered_as_they_say)
{
    size_t sent = 0;
    for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
        const struct err_example *example = err_example_of((enum err_code)code);
        const struct kind *kind =
            example && example->request && !example->given ? kind_of(example->request) : NULL;
        if (kind == NULL)
            continue;
        struct buf body, pointer;
        struct err err;
        buf_init(&body, 1 << 20);
        buf_init(&pointer, 1 << 10);
        expand(&body, example->request + strlen(kind->head));
        expand(&pointer, example->pointer);
        answer(buf_slice(&body), kind->body, &err);
        if ((int)err.code != code || strcmp(err.pointer, buf_text(&pointer)) != 0)
            fprintf(stderr, "%s: got %s at '%s'\n", err_code_name((enum err_code)code),
                    err_code_name(err.code), err.pointer);
        CHECK((int)err.code == code);
        CHECK(strcmp(err.pointer, buf_text(&pointer)) == 0);
        buf_done(&body);
        buf_done(&pointer);
        sent++;
    }
    CHECK(sent >= 20);
}
