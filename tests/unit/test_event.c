/* Reading events from bodies. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "schemas/event.h"
#include "schemas/event_id.h"
#include "schemas/identifier.h"
#include "tests/support/events.h"
#include "tests/support/text.h"

#define NOW     INT64_C(1795420800000) /* 2026-11-23T08:00:00Z */
#define HOUR_MS INT64_C(3600000)

static const struct event_rules usual = {
    .organization_id = {"7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11", 36},
    .received_ms = NOW,
    .max_age_ms = 35 * 24 * HOUR_MS,
    .max_future_ms = 300000,
    .event_max = 4096,
    .events_max = 5,
};

/* For an event
 *     + transaction customer subscription code milliseconds value properties unknown
 * and the transaction behind an error of one, "one" or "end" for the end; _ for what is empty. */
static void describe(struct buf *out, enum event_step step, const struct event_reader *reader,
                     const struct event *event, const struct err *err)
{
    if (step == EVENT_ACCEPTED) {
        char ms[32];
        snprintf(ms, sizeof ms, "%lld", (long long)event->timestamp_ms);
        const struct slice parts[] = {
            event->transaction_id,
            event->external_customer_id,
            event->external_subscription_id,
            event->code,
            slice_from(ms),
            event->value,
            event->properties,
            event->unknown_member,
        };
        buf_append_char(out, '+');
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
            buf_append_char(out, ' ');
            buf_append_slice(out, parts[i].size ? parts[i] : SLICE("_"));
        }
    } else if (step == EVENT_END) {
        buf_append_str(out, reader->single ? "one" : "end");
    } else {
        events_describe_error(out, step, err);
        if (step == EVENT_REJECTED)
            buf_printf(out, " %.*s",
                       SLICE_ARG(event->transaction_id.size ? event->transaction_id : SLICE("_")));
    }
    buf_append_char(out, '\n');
}

static void check_body(size_t row, const char *body, enum event_body kind,
                       const struct event_rules *rules, const char *want)
{
    events_check_body(row, body, kind, rules, describe, want);
}

struct body_row {
    const char *body, *want;
};

static void check_rows(const struct body_row *rows, size_t len, enum event_body kind)
{
    for (size_t i = 0; i < len; i++)
        check_body(i, rows[i].body, kind, &usual, rows[i].want);
}

/* Members of an event that is right. */
#define TIME  "'timestamp':'2026-11-23T08:00:00Z'"
#define REST  "'external_customer_id':'c','code':'api'," TIME
#define EVENT "{'transaction_id':'t'," REST "}"
#define TAKEN "+ t c _ api 1795420800000 _ {} _\n"

TEST(event, reads_a_body_of_any_shape)
{
    static const struct body_row rows[] = {
        {EVENT, TAKEN "one\n"},
        {" \n" EVENT " \r\n\t", TAKEN "one\n"},
        {"[" EVENT "]", TAKEN "end\n"},
        {"[" EVENT " , " EVENT "]", TAKEN TAKEN "end\n"},
        {"{'events':[" EVENT "," EVENT "]}", TAKEN TAKEN "end\n"},
        {"{ 'events' : [ " EVENT " ] } ", TAKEN "end\n"},
        {"{'event':" EVENT "}", TAKEN "one\n"},
        {"{'\\u0065vent':" EVENT "}", TAKEN "one\n"},
        /* what else stands in a wrapper is ignored, wherever it stands */
        {"{'sent_at':{'a':[1]},'events':[" EVENT "],'timestamp':5,'x':null}", TAKEN "end\n"},
        {"{'source':'sdk','event':" EVENT ",'transaction_id':'batch'}", TAKEN "one\n"},
        {"{'organization_id':'7D9F2E7C-1b0a-4c53-9a63-0d6f6a4f2b11','events':[" EVENT "]}",
         TAKEN "end\n"},
        /* not wrappers */
        {"{'transaction_id':'t','event':'api','events':3," REST "}",
         "+ t c _ api 1795420800000 _ {} event\none\n"},
        {"[{'events':[" EVENT "]}]", "- field_missing /transaction_id _\nend\n"},
        {"{'event':{'event':" EVENT "}}", "- field_missing /transaction_id _\none\n"},
        /* wrong elements */
        {"[" EVENT ",1,'x',null,[" EVENT "]]",
         TAKEN "- event_not_object _ _\n- event_not_object _ _\n- event_not_object _ _\n"
               "- event_not_object _ _\nend\n"},
        {"5", "- event_not_object _ _\none\n"},
        {"null", "- event_not_object _ _\none\n"},
        {"{}", "- field_missing /transaction_id _\none\n"},
        {"{'events':{}}", "- field_missing /transaction_id _\none\n"},
    };
    check_rows(rows, ARRAY_LEN(rows), EVENT_BODY_JSON);
}

TEST(event, breaks_off_when_the_body_cannot_be_trusted)
{
    static const struct body_row rows[] = {
        {"", "! body_empty _\n"},
        {" \r\n\t ", "! body_empty _\n"},
        {"[]", "! body_empty _\n"},
        {"{'events':[]}", "! body_empty _\n"},
        {"[" EVENT, TAKEN "! json_malformed /0\n"},
        {"[" EVENT ",]", TAKEN "! json_malformed /1\n"},
        {"[" EVENT ",{'transaction_id':tru}]", TAKEN "! json_malformed /1/transaction_id\n"},
        {"{'events':[" EVENT ",{'properties':{'a':[01]}}]}",
         TAKEN "! json_malformed /events/1/properties/a/0\n"},
        {"{'events':[" EVENT "]", TAKEN "! json_malformed /events\n"},
        {"{'event':" EVENT, "! json_malformed /event\n"},
        {EVENT "x", "! json_malformed _\n"},
        {EVENT EVENT, "! json_malformed _\n"},
        {EVENT "\n" EVENT, "! json_malformed _\n"},
        {"[" EVENT "] []", TAKEN "! json_malformed _\n"},
        {"{'events':[" EVENT "]}}", TAKEN "! json_malformed _\n"},
        {"5 5", "! json_malformed _\n"},
        {"abc", "! json_malformed _\n"},
        {"[" EVENT "," EVENT "," EVENT "," EVENT "," EVENT "]",
         TAKEN TAKEN TAKEN TAKEN TAKEN "end\n"},
        {"[" EVENT "," EVENT "," EVENT "," EVENT "," EVENT ",1]",
         TAKEN TAKEN TAKEN TAKEN TAKEN "! too_many_events _\n"},
        /* wrappers */
        {"{'a':1,'a':1,'events':[" EVENT "]}", "! duplicate_key /a\n"},
        {"{'events':[" EVENT "],'a':1,'a':1}", TAKEN "! duplicate_key /a\n"},
        {"{'a':1,'events':[" EVENT "],'a':1}", TAKEN "! duplicate_key /a\n"},
        {"{'events':[" EVENT "],'events':[]}", TAKEN "! duplicate_key /events\n"},
        {"{'event':" EVENT ",'event':{}}", "! duplicate_key /event\n"},
        {"{'a':'\xFF','events':[" EVENT "]}", "! utf8_invalid /a\n"},
        {"{'events':[" EVENT "],'event':" EVENT "}", TAKEN "! field_conflict /event\n"},
        {"{'events':[" EVENT "],'code':'api'}", TAKEN "! field_conflict /code\n"},
        {"{'organization_id':'other','events':[" EVENT "]}",
         "! organization_mismatch /organization_id\n"},
        {"{'events':[" EVENT "],'organization_id':'other'}",
         TAKEN "! organization_mismatch /organization_id\n"},
        {"{'events':[" EVENT "],'organization_id':7}", TAKEN "! field_type /organization_id\n"},
    };
    check_rows(rows, ARRAY_LEN(rows), EVENT_BODY_JSON);
}

/* The order of members never decides what is meant. */
TEST(event, refuses_an_event_that_is_also_a_wrapper)
{
    static const struct body_row rows[] = {
        {"{'transaction_id':'t'," REST ",'events':[" EVENT "]}",
         "- field_conflict /events t\none\n"},
        {"{'event':" EVENT ",'transaction_id':'t'," REST "}", "! field_conflict /code\n"},
        {"{'event':" EVENT ",'event_name':'x'}", "! field_conflict /event_name\n"},
        {"{'event_name':'a','event':" EVENT "}", "- field_conflict /event _\none\n"},
    };
    check_rows(rows, ARRAY_LEN(rows), EVENT_BODY_JSON);
}

TEST(event, checks_its_fields)
{
    static const struct body_row rows[] = {
        /* transaction_id */
        {"{" REST "}", "- field_missing /transaction_id _\n"},
        {"{'transaction_id':null," REST "}", "- field_missing /transaction_id _\n"},
        {"{'transaction_id':5," REST "}", "- field_type /transaction_id _\n"},
        {"{'transaction_id':''," REST "}", "- field_empty /transaction_id _\n"},
        {"{'transaction_id':'a\\u0000'," REST "}", "- field_character /transaction_id _\n"},
        {"{'transaction_id':'a\\nb'," REST "}", "- field_character /transaction_id _\n"},
        {"{'transaction_id':'\x7F'," REST "}", "- field_character /transaction_id _\n"},
        {"{'transaction_id':'\\u0085'," REST "}", "- field_character /transaction_id _\n"},
        {"{'transaction_id':'\xFF'," REST "}", "- utf8_invalid /transaction_id _\n"},
        {"{'transaction_id':'\\ud800'," REST "}", "- utf8_invalid /transaction_id _\n"},
        {"{'transaction_id':'\\u0074\\/€'," REST "}", "+ t/€ c _ api 1795420800000 _ {} _\n"},
        {"{'\\u0074ransaction_id':'t'," REST "}", TAKEN},
        {"{'idempotency_key':'t'," REST "}", TAKEN},
        {"{'idempotency_key':'t','transaction_id':'t'," REST "}", TAKEN},
        {"{'idempotency_key':null,'transaction_id':'t'," REST "}", TAKEN},
        {"{'idempotency_key':'u','transaction_id':'t'," REST "}",
         "- field_conflict /idempotency_key _\n"},
        {"{'idempotency_key':''," REST "}", "- field_empty /idempotency_key _\n"},
        {"{'idempotency_key':7,'transaction_id':'t'," REST "}",
         "- field_type /idempotency_key _\n"},
        {"{'transaction_id':'t','transaction_id':'t'," REST "}",
         "- duplicate_key /transaction_id t\n"},
        /* customer and subscription */
        {"{'transaction_id':'t','external_subscription_id':'s','code':'api'," TIME "}",
         "+ t s s api 1795420800000 _ {} _\n"},
        {"{'external_subscription_id':'s','transaction_id':'t'," REST "}",
         "+ t c s api 1795420800000 _ {} _\n"},
        {"{'external_subscription_id':null,'transaction_id':'t'," REST "}", TAKEN},
        {"{'transaction_id':'t','code':'api'," TIME "}",
         "- field_missing /external_customer_id t\n"},
        {"{'transaction_id':'t','external_customer_id':[],'code':'api'," TIME "}",
         "- field_type /external_customer_id t\n"},
        {"{'external_subscription_id':'','transaction_id':'t'," REST "}",
         "- field_empty /external_subscription_id t\n"},
        /* code */
        {"{'transaction_id':'t','external_customer_id':'c'," TIME "}", "- field_missing /code t\n"},
        {"{'transaction_id':'t','external_customer_id':'c','event_name':'api'," TIME "}", TAKEN},
        {"{'transaction_id':'t','event_name':'b'," REST "}", "- field_conflict /event_name t\n"},
        {"{'transaction_id':'t','code':true,'external_customer_id':'c'," TIME "}",
         "- field_type /code t\n"},
        /* properties */
        {"{'transaction_id':'t','properties':{ 'a' : [1.0, 'x\\u0041'] }," REST "}",
         "+ t c _ api 1795420800000 _ { \"a\" : [1.0, \"x\\u0041\"] } _\n"},
        {"{'transaction_id':'t','properties':null," REST "}", TAKEN},
        {"{'transaction_id':'t','properties':[]," REST "}", "- field_type /properties t\n"},
        {"{'transaction_id':'t','properties':'{}'," REST "}", "- field_type /properties t\n"},
        {"{'transaction_id':'t','properties':{'a':{'b':1,'b':2}}," REST "}",
         "- duplicate_key /properties/a/b t\n"},
        {"{'transaction_id':'t','properties':{'a/b':['\\udc00']}," REST "}",
         "- utf8_invalid /properties/a~1b/0 t\n"},
        {"{'transaction_id':'t','properties':{'a':'\\u0000'}," REST "}",
         "+ t c _ api 1795420800000 _ {\"a\":\"\\u0000\"} _\n"},
        /* organization_id */
        {"{'organization_id':'7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11','transaction_id':'t'," REST "}",
         TAKEN},
        {"{'organization_id':null,'transaction_id':'t'," REST "}", TAKEN},
        {"{'organization_id':'7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b12','transaction_id':'t'," REST "}",
         "- organization_mismatch /organization_id t\n"},
        {"{'organization_id':'','transaction_id':'t'," REST "}",
         "- organization_mismatch /organization_id t\n"},
        {"{'organization_id':1,'transaction_id':'t'," REST "}",
         "- field_type /organization_id t\n"},
        /* members that no event has */
        {"{'transaction_id':'t','Code':'x','precise':{'a':1}," REST "}",
         "+ t c _ api 1795420800000 _ {} Code\n"},
        {"{'transaction_id':'t','':'x','n\\u00e4me':null," REST "}",
         "+ t c _ api 1795420800000 _ {} näme\n"},
    };
    char want[300];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(want, sizeof want, "%sone\n", rows[i].want);
        check_body(i, rows[i].body, EVENT_BODY_JSON, &usual, want);
    }
}

TEST(event, reads_timestamps_and_values)
{
    static const struct {
        const char *member, *want; /* milliseconds and value, or an error */
    } rows[] = {
        {"'timestamp':'2026-11-23T08:00:00Z'", "1795420800000 _"},
        {"'timestamp':'2026-11-23'", "1795392000000 _"},
        {"'timestamp':1795420800", "1795420800000 _"},
        {"'timestamp':1795420800.1239", "1795420800123 _"},
        {"'timestamp':'1795420800.1239'", "1795420800123 _"},
        {"'timestamp':1795420800123", "1795420800123 _"},
        {"'timestamp':'\\u0031795420800'", "1795420800000 _"},
        {"'timestamp':'soon'", "timestamp_invalid /timestamp"},
        {"'timestamp':''", "timestamp_invalid /timestamp"},
        {"'timestamp':1e300", "timestamp_invalid /timestamp"},
        {"'timestamp':null", "field_missing /timestamp"},
        {"'Timestamp':1", "field_missing /timestamp"},
        {"'timestamp':true", "field_type /timestamp"},
        {"'timestamp':{}", "field_type /timestamp"},
        /* the window: 35 days back, 5 minutes ahead, both ends included */
        {"'timestamp':1792396800000", "1792396800000 _"},
        {"'timestamp':1792396799999", "timestamp_too_old /timestamp"},
        {"'timestamp':1795421100000", "1795421100000 _"},
        {"'timestamp':1795421100001", "timestamp_in_future /timestamp"},
        {"'timestamp':'1969-12-31T23:59:59Z'", "timestamp_too_old /timestamp"},
        {"'timestamp':'0001-01-01'", "timestamp_too_old /timestamp"},
        {"'timestamp':-999999999999999", "timestamp_too_old /timestamp"},
        {"'timestamp':'2149-06-07'", "timestamp_in_future /timestamp"},
        {"'timestamp':999999999999999", "timestamp_in_future /timestamp"},
        /* values */
        {TIME ",'value':null", "1795420800000 _"},
        {TIME ",'value':12.50", "1795420800000 12.50"},
        {TIME ",'value':'12.50'", "1795420800000 12.50"},
        {TIME ",'value':'\\u0031.5'", "1795420800000 1.5"},
        {TIME ",'value':-1.5e3", "1795420800000 -1500"},
        {TIME ",'value':12345678901234567890.123456789012345678",
         "1795420800000 12345678901234567890.123456789012345678"},
        {TIME ",'value':123456789012345678901", "value_out_of_range /value"},
        {TIME ",'value':'0.1234567890123456789'", "value_out_of_range /value"},
        {TIME ",'value':1e999999999", "value_out_of_range /value"},
        {TIME ",'value':''", "value_invalid /value"},
        {TIME ",'value':'1,5'", "value_invalid /value"},
        {TIME ",'value':'NaN'", "value_invalid /value"},
        {TIME ",'value':false", "field_type /value"},
        {TIME ",'value':[1]", "field_type /value"},
    };
    char body[400], want[400];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(body, sizeof body,
                 "[{'transaction_id':'t','external_customer_id':'c','code':'api',%s}]",
                 rows[i].member);
        bool taken = rows[i].want[0] >= '0' && rows[i].want[0] <= '9';
        snprintf(want, sizeof want, taken ? "+ t c _ api %s {} _\nend\n" : "- %s t\nend\n",
                 rows[i].want);
        check_body(i, body, EVENT_BODY_JSON, &usual, want);
    }
}

TEST(event, keeps_to_what_the_stores_can_order)
{
    struct event_rules wide = usual;
    wide.max_age_ms = INT64_MAX;
    wide.max_future_ms = INT64_MAX;
    static const struct {
        const char *timestamp, *want;
    } rows[] = {
        {"0", "+ t c _ a 0 _ {} _\none\n"},
        {"-0.001", "- timestamp_too_old /timestamp t\none\n"},
        {"'2149-06-06T23:59:59.999Z'", "+ t c _ a 5662310399999 _ {} _\none\n"},
        {"'2149-06-07T00:00:00Z'", "- timestamp_in_future /timestamp t\none\n"},
    };
    char body[200];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(body, sizeof body,
                 "{'transaction_id':'t','external_customer_id':'c','code':'a','timestamp':%s}",
                 rows[i].timestamp);
        check_body(i, body, EVENT_BODY_JSON, &wide, rows[i].want);
    }
}

/* A flaw of one event does not touch the others. */
TEST(event, goes_on_behind_a_rejected_event)
{
    static const struct body_row rows[] = {
        {"[{'transaction_id':'u','a':{'b':1,'b':1}}," EVENT "]",
         "- duplicate_key /a/b u\n" TAKEN "end\n"},
        {"[{'a':'\xC3'}," EVENT "]", "- utf8_invalid /a _\n" TAKEN "end\n"},
        {"[{'a':1,'\\u0061':1,'transaction_id':'u'}," EVENT "]",
         "- duplicate_key /a u\n" TAKEN "end\n"},
        {"[{'a':[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}," EVENT "]",
         "- nesting_too_deep /a/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0 "
         "_\n" TAKEN "end\n"},
        /* the level of the event counts from the event, not from the body */
        {"{'events':[{'transaction_id':'t','properties':{'a':[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
         "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}," REST "}]}",
         "+ t c _ api 1795420800000 _ {\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
         "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]} _\nend\n"},
    };
    check_rows(rows, ARRAY_LEN(rows), EVENT_BODY_JSON);
}

TEST(event, reads_lines)
{
    static const struct body_row rows[] = {
        {EVENT, TAKEN "end\n"},
        {EVENT "\n", TAKEN "end\n"},
        {EVENT "\n" EVENT, TAKEN TAKEN "end\n"},
        {"\n\r\n  \n" EVENT "\r\n\r\n" EVENT "\r\n\n", TAKEN TAKEN "end\n"},
        {"{'transaction_id':\n" EVENT, "- json_malformed /transaction_id _\n" TAKEN "end\n"},
        {EVENT EVENT "\n" EVENT, "- json_malformed _ _\n" TAKEN "end\n"},
        {EVENT ",\n" EVENT, "- json_malformed _ _\n" TAKEN "end\n"},
        {"[" EVENT "]\n" EVENT, "- event_not_object _ _\n" TAKEN "end\n"},
        {"x\n{\n}\n" EVENT,
         "- json_malformed _ _\n- json_malformed _ _\n- json_malformed _ _\n" TAKEN "end\n"},
        {"{'event':" EVENT "}", "- field_missing /transaction_id _\nend\n"},
        {"{'a':1,'a':2}\n" EVENT, "- duplicate_key /a _\n" TAKEN "end\n"},
        {"", "! body_empty _\n"},
        {"\n \r\n", "! body_empty _\n"},
        {EVENT "\n" EVENT "\n" EVENT "\n" EVENT "\n" EVENT "\n\n",
         TAKEN TAKEN TAKEN TAKEN TAKEN "end\n"},
        {EVENT "\n" EVENT "\n" EVENT "\n" EVENT "\n" EVENT "\n" EVENT,
         TAKEN TAKEN TAKEN TAKEN TAKEN "! too_many_events _\n"},
    };
    check_rows(rows, ARRAY_LEN(rows), EVENT_BODY_NDJSON);
}

TEST(event, names_the_line_of_a_broken_one)
{
    struct arena arena;
    struct event_reader reader;
    struct event event;
    struct err err;
    arena_init(&arena, 1 << 16);
    event_reader_init(&reader, json(&arena, "\n" EVENT "\n{'a' 1}\n"), EVENT_BODY_NDJSON, &usual,
                      &arena);
    CHECK(event_reader_next(&reader, &event, &err) == EVENT_ACCEPTED);
    CHECK(event_reader_next(&reader, &event, &err) == EVENT_REJECTED);
    check_same(0, slice_from(err.text), "line 3: expected ':' at offset 5, but there is '1'");
    arena_done(&arena);
}

TEST(event, takes_the_header_for_a_single_event_that_has_no_id)
{
    struct event_rules rules = usual;
    rules.idempotency_key = SLICE("key");
#define KEYED "+ key c _ api 1795420800000 _ {} _\n"
    check_body(0, "{" REST "}", EVENT_BODY_JSON, &rules, KEYED "one\n");
    check_body(1, "{'event':{" REST "}}", EVENT_BODY_JSON, &rules, KEYED "one\n");
    check_body(2, EVENT, EVENT_BODY_JSON, &rules, TAKEN "one\n");
    check_body(3, "{'idempotency_key':'t'," REST "}", EVENT_BODY_JSON, &rules, TAKEN "one\n");
    check_body(4, "[{" REST "}]", EVENT_BODY_JSON, &rules,
               "- field_missing /transaction_id _\nend\n");
    check_body(5, "{" REST "}", EVENT_BODY_NDJSON, &rules,
               "- field_missing /transaction_id _\nend\n");
    rules.idempotency_key = SLICE("\xFF");
    check_body(6, "{" REST "}", EVENT_BODY_JSON, &rules, "- utf8_invalid /transaction_id _\none\n");
    rules.idempotency_key = SLICE("a\tb");
    check_body(7, "{" REST "}", EVENT_BODY_JSON, &rules,
               "- field_character /transaction_id _\none\n");
}

/* Text of `len` times `unit` between `before` and `after`. */
static const char *stretched(struct arena *arena, const char *before, const char *unit, size_t len,
                             const char *after)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_append_str(&text, before);
    for (size_t i = 0; i < len; i++)
        buf_append_str(&text, unit);
    buf_append_str(&text, after);
    const char *copy = arena_copy(arena, buf_slice(&text)).data;
    buf_done(&text);
    CHECK(copy != NULL);
    return copy;
}

TEST(event, measures_identifiers_in_characters)
{
    static const struct {
        const char *unit;
        size_t len;
        bool fits;
    } rows[] = {
        {"x", 255, true},
        {"x", 256, false},
        {"€", 255, true},
        {"😀", 255, true},
        {"😀", 256, false},
        {"\\u20ac", 255, true},
        {"\\ud83d\\ude00", 255, true},
        {"\\ud83d\\ude00", 256, false},
        {"x", 3800, false},
    };
    struct arena arena;
    arena_init(&arena, 1 << 20);
    struct event_rules rules = usual;
    rules.event_max = 1 << 16;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct event_reader reader;
        struct event event;
        struct err err;
        const char *text =
            stretched(&arena, "{'transaction_id':'", rows[i].unit, rows[i].len, "'," REST "}");
        event_reader_init(&reader, json(&arena, text), EVENT_BODY_JSON, &rules, &arena);
        enum event_step step = event_reader_next(&reader, &event, &err);
        CHECK(step == (rows[i].fits ? EVENT_ACCEPTED : EVENT_REJECTED));
        CHECK(rows[i].fits || err.code == ERR_FIELD_TOO_LONG);
        CHECK(rows[i].fits || strcmp(err.pointer, "/transaction_id") == 0);
    }
    arena_done(&arena);
}

TEST(event, limits_the_size_of_each)
{
    struct arena arena;
    arena_init(&arena, 8 << 20);
    struct event_rules rules = usual;
    rules.event_max = strlen(EVENT);
    check_body(0, EVENT, EVENT_BODY_JSON, &rules, TAKEN "one\n");
    check_body(1, "[" EVENT ",  " EVENT "]", EVENT_BODY_JSON, &rules, TAKEN TAKEN "end\n");
    check_body(2, EVENT "\n" EVENT, EVENT_BODY_NDJSON, &rules, TAKEN TAKEN "end\n");
    rules.event_max--;
    check_body(3, EVENT, EVENT_BODY_JSON, &rules, "- event_too_large _ t\none\n");
    check_body(4, "[" EVENT ",{}]", EVENT_BODY_JSON, &rules,
               "- event_too_large _ t\n- field_missing /transaction_id _\nend\n");
    /* far beyond, in one text and in many members: read to its end without memory */
    rules.event_max = 4096;
    const char *text = stretched(&arena, "[{'transaction_id':'t','properties':{'a':'", "x", 200000,
                                 "'}," REST "}," EVENT "]");
    check_body(5, text, EVENT_BODY_JSON, &rules, "- event_too_large _ t\n" TAKEN "end\n");
    text = stretched(&arena, "[{'transaction_id':'t','properties':{'a':[", "{'b':1},", 50000,
                     "0]}," REST "}," EVENT "]");
    check_body(6, text, EVENT_BODY_JSON, &rules, "- event_too_large _ t\n" TAKEN "end\n");
    text = stretched(&arena, "{'meta':[", "0,", 5000, "0],'events':[" EVENT "]}");
    check_body(7, text, EVENT_BODY_JSON, &rules, "! event_too_large _\n");
    arena_done(&arena);
}

TEST(event, survives_any_depth)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    const char *text = stretched(&arena, "[{'a':", "[", 100000, "");
    struct event_reader reader;
    struct event event;
    struct err err;
    event_reader_init(&reader, json(&arena, text), EVENT_BODY_JSON, &usual, &arena);
    CHECK(event_reader_next(&reader, &event, &err) == EVENT_BROKEN);
    CHECK(err.code == ERR_NESTING_TOO_DEEP);
    /* a line of that kind costs only itself */
    text = stretched(&arena, "{'a':", "[", 100000, "\n" EVENT);
    event_reader_init(&reader, json(&arena, text), EVENT_BODY_NDJSON, &usual, &arena);
    CHECK(event_reader_next(&reader, &event, &err) == EVENT_REJECTED);
    CHECK(err.code == ERR_NESTING_TOO_DEEP);
    CHECK(event_reader_next(&reader, &event, &err) == EVENT_ACCEPTED);
    arena_done(&arena);
}

TEST(event, stops_at_the_cap_of_its_arena)
{
    struct arena bodies;
    arena_init(&bodies, 1 << 20);
    struct slice escaped = json(&bodies, "{'transaction_id':'\\u0074'," REST "}");
    struct slice list = json(&bodies, "[{'transaction_id':'\\u0074'," REST "}]");
    for (size_t max = 0; max < 6000; max += 16) {
        struct arena arena;
        struct event_reader reader;
        struct event event;
        struct err err;
        arena_init(&arena, max);
        event_reader_init(&reader, escaped, EVENT_BODY_JSON, &usual, &arena);
        enum event_step step = event_reader_next(&reader, &event, &err);
        CHECK(step == EVENT_ACCEPTED || (step == EVENT_BROKEN && err.code == ERR_EVENT_TOO_LARGE));
        CHECK((max == 0) <= (step == EVENT_BROKEN) && (max < 5900 || step == EVENT_ACCEPTED));
        arena_reset(&arena);
        event_reader_init(&reader, list, EVENT_BODY_JSON, &usual, &arena);
        step = event_reader_next(&reader, &event, &err);
        CHECK(step == EVENT_ACCEPTED || (step == EVENT_BROKEN && err.code == ERR_BODY_TOO_LARGE));
        arena_done(&arena);
    }
    arena_done(&bodies);
}

TEST(event, has_an_id_of_its_pair)
{
    static const struct {
        const char *organization, *transaction, *want; /* made with Python's hashlib and uuid */
    } rows[] = {
        {"7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11", "tx-1", "5d5d2932-d89b-5848-91c8-451c5652fa78"},
        {"7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11", "tx-2", "06225c8f-9a07-50ac-a5c4-06e393dc5c12"},
        {"7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11", "ä€😀", "e80ced17-e698-56d5-82f0-4d0a1e21a3fc"},
        {"", "", "cbd27730-4149-54e7-ae91-dd74e063c44d"},
        {"a", "bc", "8a54c603-c48c-5580-971d-f3af35ce4c3b"},
        {"ab", "c", "ceef67d5-049d-59ea-b394-35fc24378225"},
    };
    char text[EVENT_ID_TEXT_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct event_ids ids;
        event_ids_init(&ids, slice_from(rows[i].organization));
        event_ids_format(&ids, SLICE("another"), text);
        event_ids_format(&ids, slice_from(rows[i].transaction), text);
        check_same(i, slice_from(text), rows[i].want);
    }
}
