/* CloudEvents as events. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "schemas/cloudevents.h"
#include "tests/support/events.h"
#include "tests/support/text.h"

/* "+ transaction customer code milliseconds properties extension" for an event, the transaction
 * behind an error of one, "one" or "end" for the end; _ for what is empty. */
static void describe(struct buf *out, enum event_step step, const struct event_reader *reader,
                     const struct event *event, const struct err *err)
{
    struct slice id = event->transaction_id.size ? event->transaction_id : SLICE("_");
    struct slice extension = event->unknown_member.size ? event->unknown_member : SLICE("_");
    if (step == EVENT_END) {
        buf_append_str(out, reader->single ? "one" : "end");
    } else if (step == EVENT_ACCEPTED) {
        buf_printf(out, "+ %.*s %.*s %.*s %lld %.*s %.*s", SLICE_ARG(id),
                   SLICE_ARG(event->external_customer_id), SLICE_ARG(event->code),
                   (long long)event->timestamp_ms, SLICE_ARG(event->properties),
                   SLICE_ARG(extension));
    } else {
        events_describe_error(out, step, err);
        if (step == EVENT_REJECTED)
            buf_printf(out, " %.*s", SLICE_ARG(id));
    }
    buf_append_char(out, '\n');
}

#define REST  "'source':'/s','specversion':'1.0','type':'api','subject':'c'"
#define WHOLE "{'id':'i'," REST "}"
#define TAKEN "+ i c api 1795420800000 {} _\n"

struct body_row {
    const char *body, *want;
};

static void check_rows(const struct body_row *rows, size_t len, const struct event_rules *rules)
{
    for (size_t i = 0; i < len; i++)
        events_check_body(i, rows[i].body, EVENT_BODY_CLOUDEVENTS, rules, describe, rows[i].want);
}

TEST(cloudevents, become_events)
{
    static const struct body_row rows[] = {
        {WHOLE, TAKEN "one\n"},
        {"[" WHOLE "," WHOLE "]", TAKEN TAKEN "end\n"},
        {"{'data':{'k': [1]},'time':'2026-11-23T08:59:59.25+01:00','id':'i'," REST "}",
         "+ i c api 1795420799250 {\"k\": [1]} _\none\n"},
        {"{'id':'\\u0069','time':null,'data':null,'dataschema':'http://s'," REST
         ",'datacontenttype':'application/json; charset=utf-8'}",
         TAKEN "one\n"},
        {"{'id':'i','datacontenttype':'application/a+json'," REST "}", TAKEN "one\n"},
        {"{'id':'i','traceparent':'00-1','other':{'a':1}," REST "}",
         "+ i c api 1795420800000 {} traceparent\none\n"},
    };
    check_rows(rows, ARRAY_LEN(rows), &events_rules);
}

TEST(cloudevents, are_rejected_with_the_attribute)
{
    static const struct body_row rows[] = {
        {"[7," WHOLE "]", "- event_not_object _ _\n" TAKEN "end\n"},
        {"{" REST "}", "- field_missing /id _\none\n"},
        {"{'id':7," REST "}", "- field_type /id _\none\n"},
        {"{'id':''," REST "}", "- field_empty /id _\none\n"},
        {"{'id':'\\u0001'," REST "}", "- field_character /id _\none\n"},
        {"{'id':'i','specversion':'1.0','type':'a','subject':'c'}",
         "- field_missing /source _\none\n"},
        {"{'id':'i','source':'/s','type':'a','subject':'c'}",
         "- field_missing /specversion i\none\n"},
        {"{'id':'i','source':'/s','specversion':'0.3','type':'a','subject':'c'}",
         "- attribute_unknown /specversion i\none\n"},
        {"{'id':'i','source':'/s','specversion':'1.0','subject':'c'}",
         "- field_missing /type i\none\n"},
        {"{'id':'i','source':'/s','specversion':'1.0','type':'a'}",
         "- field_missing /subject i\none\n"},
        {"{'id':'i','dataschema':''," REST "}", "- field_empty /dataschema i\none\n"},
        {"{'id':'i','datacontenttype':'text/xml'," REST "}",
         "- attribute_unknown /datacontenttype i\none\n"},
        {"{'id':'i','data_base64':'e30='," REST "}", "- attribute_unknown /data_base64 i\none\n"},
        {"{'id':'i','data':[]," REST "}", "- field_type /data i\none\n"},
        {"{'id':'i','time':'never'," REST "}", "- timestamp_invalid /time i\none\n"},
        {"{'id':'i','time':5," REST "}", "- field_type /time i\none\n"},
        {"{'id':'i','time':'2026-01-01T00:00:00Z'," REST "}", "- timestamp_too_old /time i\none\n"},
        {"{'id':'i','time':'2026-11-24'," REST "}", "- timestamp_in_future /time i\none\n"},
        {"{'id':'i','type':'x'," REST "}", "- duplicate_key /type i\none\n"},
        {"{'id':'i','data':{'a':1,'a':2}," REST "}", "- duplicate_key /data/a i\none\n"},
        {"{'id':'i'", "! json_malformed /id\n"},
        {"[]", "! body_empty _\n"},
        {"", "! body_empty _\n"},
        {"{'events':[" WHOLE "]}", "- field_missing /id _\none\n"},
    };
    check_rows(rows, ARRAY_LEN(rows), &events_rules);
}

TEST(cloudevents, are_named_by_source_and_id_when_asked)
{
    static const struct body_row rows[] = {
        {WHOLE, "+ /s|i c api 1795420800000 {} _\none\n"},
        {"{'id':'i','source':'a|b','specversion':'1.0','type':'a','subject':'c'}",
         "- field_character /source _\none\n"},
    };
    struct event_rules rules = events_rules;
    rules.id_includes_source = true;
    check_rows(rows, ARRAY_LEN(rows), &rules);

    char body[600], x[255];
    memset(x, 'x', sizeof(x));
    for (int size = 252; size <= 253; size++) {
        char want[400];
        snprintf(body, sizeof body, "{'id':'%.*s'," REST "}", size, x);
        if (size == 252)
            snprintf(want, sizeof want, "+ /s|%.*s c api 1795420800000 {} _\none\n", size, x);
        else
            snprintf(want, sizeof want, "- field_too_long /id _\none\n");
        events_check_body((size_t)size, body, EVENT_BODY_CLOUDEVENTS, &rules, describe, want);
    }
}

/* Name and value in turn, ended by NULL. */
static void check_binary(size_t row, const char *const *names, const char *body, const char *want)
{
    struct cloudevents_headers headers = {.given = 0};
    struct event_rules rules = events_rules;
    for (; names[0] != NULL; names += 2)
        cloudevents_add_header(&headers, slice_from(names[0]), slice_from(names[1]));
    CHECK(cloudevents_is_binary(&headers));
    rules.headers = &headers;
    events_check_body(row, body, EVENT_BODY_CLOUDEVENT_BINARY, &rules, describe, want);
}

TEST(cloudevents, in_binary_mode_have_their_attributes_in_headers)
{
    enum { NAMES_MAX = 16 };
#define HEADERS "source", "/s", "SpecVersion", "1.0", "type", "api", "subject"
    static const struct {
        const char *names[NAMES_MAX];
        const char *body, *want;
    } rows[] = {
        {{"ID", "i", HEADERS, "c"}, "{'k':1}", "+ i c api 1795420800000 {\"k\":1} _\none\n"},
        {{"id", "i", HEADERS, "c"}, "", TAKEN "one\n"},
        {{"id", "i", HEADERS, "c", "time", "2026-11-23T07:00:00Z", "trace", "1"},
         " {} ",
         "+ i c api 1795417200000 {} trace\none\n"},
        {{"id", "a%20%C3%a4%25", HEADERS, "\"q \\\" %41\""},
         "{}",
         "+ a ä% q \" A api 1795420800000 {} _\none\n"},
        {{"id", "100%", HEADERS, "c"}, "{}", "- field_character /id _\none\n"},
        {{"id", "%4", HEADERS, "c"}, "{}", "- field_character /id _\none\n"},
        {{"id", "%ff", HEADERS, "c"}, "{}", "- utf8_invalid /id _\none\n"},
        {{"id", "%00", HEADERS, "c"}, "{}", "- field_character /id _\none\n"},
        {{"id", "i"}, "{}", "- field_missing /source _\none\n"},
        {{"id", "i", HEADERS, ""}, "{}", "- field_empty /subject i\none\n"},
        {{"id", "i", HEADERS, "c"}, "[]", "- field_type /data i\none\n"},
        {{"id", "i", HEADERS, "c"}, "{'a':1,'a':1}", "- duplicate_key /data/a i\none\n"},
        {{"id", "i", HEADERS, "c"}, "{", "! json_malformed _\n"},
        {{"id", "i", HEADERS, "c"}, "{} {}", "! json_malformed _\n"},
    };
#undef HEADERS
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_binary(i, rows[i].names, rows[i].body, rows[i].want);
}
