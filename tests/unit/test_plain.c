/* A text is read alike whether it is plain or not. Two spaces behind each comma and colon, which
 * nothing plain has, are all that tells the second text of each pair from the first.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "schemas/event.h"
#include "tests/support/text.h"

enum {
    ROUNDS = 20000,
    TEXT_MAX = 1 << 16,
};

static const struct event_rules rules = {
    .organization_id = {"7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11", 36},
    .received_ms = INT64_C(1795420800000),
    .max_age_ms = INT64_C(86400000),
    .max_future_ms = 1000,
    .event_max = TEXT_MAX,
    .events_max = 100,
};

static unsigned draw(unsigned *seed, unsigned below)
{
    return (unsigned)rand_r(seed) % below;
}

/* ---- Bodies, mostly right ---- */

static void draw_scalar(unsigned *seed, struct buf *out)
{
    static const char *const scalars[] = {
        "\"a\"",
        "\"\"",
        "\"eu-central-1\"",
        "\"a text that is longer than a step, {}[]:,\"",
        "\"ä\"",
        "\"\\n\"",
        "\"\\\\\"",
        "\"\\\"\"",
        "0",
        "-1",
        "12.75",
        "1234567890123456",
        "1e3",
        "0.125",
        "true",
        "false",
        "null",
        "-0.0",
        "\"\x7f\"",
        "12345678901234567890.12345678901234567890",
    };
    buf_append_str(out, scalars[draw(seed, ARRAY_LEN(scalars))]);
}

static void draw_value(unsigned *seed, struct buf *out, int depth)
{
    static const char *const names[] = {
        "a",          "b",      "",       "region",
        "latency_ms", "status", "method", "a name that is longer than sixteen",
        "\\u0061",    "ä"};
    unsigned kind = draw(seed, 4), len = draw(seed, 5);
    if (depth == 0 || kind < 2) {
        draw_scalar(seed, out);
        return;
    }
    buf_append_char(out, kind == 2 ? '{' : '[');
    for (unsigned i = 0; i < len; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        if (kind == 2)
            buf_printf(out, "\"%s%s\":", names[draw(seed, ARRAY_LEN(names))],
                       draw(seed, 4) ? (const char *[]){"0", "1", "2", "3", "4"}[i] : "");
        draw_value(seed, out, depth - 1);
    }
    if (draw(seed, 8) == 0)
        buf_append_char(out, ' ');
    buf_append_char(out, kind == 2 ? '}' : ']');
}

static void draw_event(unsigned *seed, struct buf *out)
{
    static const char *const members[] = {
        "\"transaction_id\":\"t-1\"",
        "\"external_customer_id\":\"customer-42\"",
        "\"code\":\"api_requests\"",
        "\"timestamp\":\"2026-11-23T08:00:00.000Z\"",
        "\"value\":\"12.50\"",
        "\"value\":-3",
        "\"c\\u006fde\":\"api_requests\"",
        "\"event_name\":\"api_requests\"",
        "\"unknown\":[{}]",
        "\"other\":null",
        "\"external_customer_id\":\"\x7f\"",
        "\"events\":1",
    };
    buf_append_char(out, '{');
    for (unsigned i = 0, odd = draw(seed, 3) ? ARRAY_LEN(members) : draw(seed, 4);
         i < 4 || i == odd; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        buf_append_str(out, members[i == odd ? draw(seed, ARRAY_LEN(members)) : i]);
    }
    if (draw(seed, 4)) {
        buf_append_str(out, ",\"properties\":");
        draw_value(seed, out, 4);
    }
    if (draw(seed, 4) == 0)
        buf_printf(out, ",%s", members[draw(seed, ARRAY_LEN(members))]);
    buf_append_char(out, '}');
}

static void draw_body(unsigned *seed, struct buf *out)
{
    static const char bytes[] = "{}[]:,\" \\0a-.e\n\x01\x80";
    buf_append_char(out, '[');
    for (unsigned i = 0, len = 1 + draw(seed, 3); i < len; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        draw_event(seed, out);
    }
    buf_append_char(out, ']');
    if (draw(seed, 2))
        out->data[draw(seed, (unsigned)out->size)] = bytes[draw(seed, sizeof bytes - 1)];
}

/* ---- Reading them ---- */

/* Writes `text` with two spaces behind each comma and colon that is not in a string. */
static void space_out(struct slice text, struct buf *out)
{
    bool inside = false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        buf_append_char(out, c);
        if (c == '"')
            inside = !inside;
        else if (inside && c == '\\' && i + 1 < text.size)
            buf_append_char(out, text.data[++i]);
        else if (!inside && (c == ',' || c == ':'))
            buf_append_str(out, "  ");
    }
}

static void note(struct buf *out, const char *label, struct slice text)
{
    buf_printf(out, " %s=%.*s", label, SLICE_ARG(text));
}

/* What became of each event, as text; properties are spaced out to be compared. */
static void read_body(struct slice body, enum event_body kind, bool spaced, struct buf *out)
{
    struct arena arena;
    struct event_reader reader;
    struct event event;
    struct err err;
    enum event_step step;
    /* Memory of its own, so that a sanitizer sees a byte read behind it. */
    char *exact = xmalloc(body.size);
    memcpy(exact, body.data, body.size);
    arena_init(&arena, 1 << 20);
    event_reader_init(&reader, (struct slice){exact, body.size}, kind, &rules, &arena);
    do {
        step = event_reader_next(&reader, &event, &err);
        buf_printf(out, "%d", (int)step);
        if (step == EVENT_REJECTED || step == EVENT_BROKEN)
            buf_printf(out, " %s at %s", err_code_name(err.code), err.pointer);
        if (step != EVENT_ACCEPTED)
            continue;
        note(out, "transaction_id", event.transaction_id);
        note(out, "customer", event.external_customer_id);
        note(out, "code", event.code);
        note(out, "value", event.value);
        note(out, "unknown", event.unknown_member);
        buf_append_str(out, " properties=");
        if (spaced)
            buf_append_slice(out, event.properties);
        else
            space_out(event.properties, out);
    } while (step == EVENT_ACCEPTED || step == EVENT_REJECTED);
    arena_done(&arena);
    free(exact);
}

static void check_as(enum event_body kind, struct slice body, struct slice spaced)
{
    struct buf one, two;
    buf_init(&one, 4 * TEXT_MAX);
    buf_init(&two, 4 * TEXT_MAX);
    read_body(body, kind, false, &one);
    read_body(spaced, kind, true, &two);
    bool same = slice_equal(buf_slice(&one), buf_slice(&two));
    if (!same)
        fprintf(stderr, "%.*s\n%.*s\n%.*s\n", SLICE_ARG(body), SLICE_ARG(buf_slice(&one)),
                SLICE_ARG(buf_slice(&two)));
    CHECK(same);
    buf_done(&one);
    buf_done(&two);
}

/* As one body; and as two lines, of which the second is behind the first in memory. */
static void check_pair(struct slice body)
{
    struct buf spaced, lines, spaced_lines;
    buf_init(&spaced, 3 * TEXT_MAX);
    buf_init(&lines, 3 * TEXT_MAX);
    buf_init(&spaced_lines, 6 * TEXT_MAX);
    space_out(body, &spaced);
    check_as(EVENT_BODY_JSON, body, buf_slice(&spaced));
    struct slice event = {body.data + 1, body.size - 1};
    space_out(event, &spaced_lines);
    buf_printf(&lines, "%.*s\n%.*s", SLICE_ARG(event), SLICE_ARG(event));
    buf_append_char(&spaced_lines, '\n');
    space_out(event, &spaced_lines);
    if (memchr(event.data, '\0', event.size) == NULL)
        check_as(EVENT_BODY_NDJSON, buf_slice(&lines), buf_slice(&spaced_lines));
    buf_done(&spaced);
    buf_done(&lines);
    buf_done(&spaced_lines);
}

TEST(plain, texts_are_read_as_others_are)
{
    struct buf body;
    unsigned seed = 1;
    buf_init(&body, TEXT_MAX);
    for (int round = 0; round < ROUNDS; round++) {
        buf_reset(&body);
        draw_body(&seed, &body);
        CHECK(!body.overflow);
        check_pair(buf_slice(&body));
    }
    buf_done(&body);
}

/* Behind each length of a text, so that the end comes at every place of a step. */
TEST(plain, texts_may_end_anywhere)
{
    struct buf body;
    unsigned seed = 2;
    buf_init(&body, TEXT_MAX);
    for (int round = 0; round < 20; round++) {
        buf_reset(&body);
        draw_body(&seed, &body);
        for (size_t size = 1; size <= body.size; size++)
            check_pair((struct slice){body.data, size});
    }
    buf_done(&body);
}

/* Levels, elements and members beyond what is kept. */
TEST(plain, texts_may_be_deep_and_long)
{
    struct buf body;
    buf_init(&body, TEXT_MAX);
    for (int depth = 1; depth < 40; depth++) {
        buf_reset(&body);
        buf_append_str(&body, "[{\"properties\":{\"a\":");
        for (int i = 0; i < depth; i++)
            buf_append_str(&body, i % 2 ? "{\"b\":" : "[0,");
        buf_append_char(&body, '1');
        for (int i = depth - 1; i >= 0; i--)
            buf_append_str(&body, i % 2 ? ",\"b\":2}" : "]");
        buf_append_str(&body, "}}]");
        check_pair(buf_slice(&body));
    }
    for (int members = 1; members < 80; members++) {
        buf_reset(&body);
        buf_append_str(&body, "[{\"properties\":{");
        for (int i = 0; i < members; i++)
            buf_printf(&body, "\"name%d\":%d,", i, i);
        buf_printf(&body, "\"name%d\":0}}]", members / 2 + (members % 3 ? members : 0));
        check_pair(buf_slice(&body));
    }
    buf_done(&body);
}
