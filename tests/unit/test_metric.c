/* Events under metrics: where their value comes from, which codes are taken, what is stamped.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "handlers/events.h"
#include "schemas/property.h"
#include "tests/support/events.h"
#include "tests/support/text.h"

#define TIME "'timestamp':'2026-11-23T08:00:00Z'"

/* "+ code value properties" for an event, with _ for what is empty; nothing for the end. */
static void describe(struct buf *out, enum event_step step, const struct event_reader *reader,
                     const struct event *event, const struct err *err)
{
    (void)reader;
    if (step == EVENT_END)
        return;
    if (step == EVENT_ACCEPTED)
        buf_printf(out, "+ %.*s %.*s %.*s", SLICE_ARG(event->code),
                   SLICE_ARG(event->value.size ? event->value : SLICE("_")),
                   SLICE_ARG(event->properties));
    else
        events_describe_error(out, step, err);
    buf_append_char(out, '\n');
}

static void check_body(size_t row, const char *body, const struct event_rules *rules,
                       const char *want)
{
    events_check_body(row, body, EVENT_BODY_JSON, rules, describe, want);
}

struct body_row {
    const char *body, *want;
};

/* One metric for each code that begins with "m"; its value is the property named behind it. */
static const struct event_metric *find_metric(const void *context, struct slice code)
{
    static struct event_metric metric;
    CHECK(context == &events_rules);
    if (code.size == 0 || code.data[0] != 'm')
        return NULL;
    metric.field_name = (struct slice){code.data + 1, code.size - 1};
    return &metric;
}

TEST(metric, takes_its_value_from_the_property_that_the_metric_names)
{
#define METRIC(code, properties)                                                                   \
    "{'transaction_id':'t','external_customer_id':'c','value':'no',"                               \
    "'code':'" code "','properties':" properties "," TIME "}"
#define HAS(code, value, properties) "+ " code " " value " " properties "\n"
    static const struct body_row rows[] = {
        {METRIC("mq", "{'q':12.50}"), HAS("mq", "12.50", "{\"q\":12.50}")},
        {METRIC("mq", "{'a':{'q':1},'q' : '-1.5e1' }"),
         HAS("mq", "-15", "{\"a\":{\"q\":1},\"q\" : \"-1.5e1\" }")},
        {METRIC("mq", "{'\\u0071':'\\u0031'}"), HAS("mq", "1", "{\"\\u0071\":\"\\u0031\"}")},
        {METRIC("mq", "{'q':99999999999999999999.999999999999999999}"),
         HAS("mq", "99999999999999999999.999999999999999999",
             "{\"q\":99999999999999999999.999999999999999999}")},
        /* none */
        {METRIC("mq", "{}"), HAS("mq", "_", "{}")},
        {METRIC("mq", "{'qq':1,'Q':2}"), HAS("mq", "_", "{\"qq\":1,\"Q\":2}")},
        {METRIC("mq", "{'q':null}"), HAS("mq", "_", "{\"q\":null}")},
        {METRIC("mq", "{'q':true}"), HAS("mq", "_", "{\"q\":true}")},
        {METRIC("mq", "{'q':[1]}"), HAS("mq", "_", "{\"q\":[1]}")},
        {METRIC("mq", "{'q':{'q':1}}"), HAS("mq", "_", "{\"q\":{\"q\":1}}")},
        {METRIC("mq", "{'q':'1 GB'}"), HAS("mq", "_", "{\"q\":\"1 GB\"}")},
        {METRIC("mq", "{'q':''}"), HAS("mq", "_", "{\"q\":\"\"}")},
        {METRIC("mq", "null"), HAS("mq", "_", "{}")},
        /* wrong */
        {METRIC("mq", "{'q':100000000000000000000}"), "- value_out_of_range /properties/q\n"},
        {METRIC("ma/b~c", "{'a/b~c':'1e-19'}"), "- value_out_of_range /properties/a~1b~0c\n"},
        {METRIC("mq", "[1]"), "- field_type /properties\n"},
        {METRIC("mq", "{'q':1,'q':1}"), "- duplicate_key /properties/q\n"},
        /* without a property it is the event's own value */
        {METRIC("m", "{'q':1}"), "- value_invalid /value\n"},
        {METRIC("x", "{'q':1}"), "- value_invalid /value\n"},
        /* around, and after one another: names of one event are not those of the next */
        {"[" METRIC("mq", "{'q':1,'code':2}") "," METRIC("mq", "{'code':2,'q':3}") "]",
         "+ mq 1 {\"q\":1,\"code\":2}\n"
         "+ mq 3 {\"code\":2,\"q\":3}\n"},
        {"{'event':" METRIC("mq", "{'q':1}") ",'x':1}", HAS("mq", "1", "{\"q\":1}")},
        {"{'event':" METRIC("mq", "{'q':1}") ",'x':1,'x':2}", "! duplicate_key /x\n"},
    };
    struct event_rules rules = events_rules;
    rules.metrics = (struct event_metrics){.find = find_metric, .context = &events_rules};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_body(i, rows[i].body, &rules, rows[i].want);
}

TEST(metric, of_an_unknown_code_is_rejected_where_only_known_ones_count)
{
    static const struct body_row rows[] = {
        {"{'transaction_id':'t','external_customer_id':'c','code':'x'," TIME "}",
         "- unknown_code /code\n"},
        {"{'transaction_id':'t','external_customer_id':'c','event_name':'x'," TIME "}",
         "- unknown_code /event_name\n"},
        {"{'transaction_id':'t','external_customer_id':'c'," TIME "}", "- field_missing /code\n"},
        {"{'transaction_id':'t','external_customer_id':'c','code':'m'," TIME "}", "+ m _ {}\n"},
    };
    struct event_rules rules = events_rules;
    rules.metrics =
        (struct event_metrics){.find = find_metric, .context = &events_rules, .known_only = true};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_body(i, rows[i].body, &rules, rows[i].want);
    rules.metrics.find = NULL; /* there are no metrics at all */
    check_body(0, rows[0].body, &rules, rows[0].want);
}

TEST(metric, has_a_pointer_that_is_cut_when_it_is_long)
{
    char pointer[ERR_POINTER_SIZE], name[600];
    for (size_t i = 0; i < sizeof name; i += 2)
        memcpy(name + i, "ä", 2);
    property_pointer("/properties", (struct slice){name, sizeof name}, pointer);
    CHECK(strlen(pointer) == ERR_POINTER_SIZE - 2); /* half a character is left out */
    memset(name, '/', sizeof name);
    property_pointer("/properties", (struct slice){name, sizeof name}, pointer);
    CHECK(strlen(pointer) == ERR_POINTER_SIZE - 1 - (ERR_POINTER_SIZE - 13) % 2);
    CHECK(strcmp(pointer + strlen(pointer) - 2, "~1") == 0);
}

/* A metric of the code "counted": the value is the property "q\t", and events are transactional. */
#define COUNTED "'external_customer_id':'c','code':'counted','timestamp':1795420800"

static const struct event_metric *find_counted(const void *context, struct slice code)
{
    return slice_equal(code, SLICE("counted")) ? context : NULL;
}

static const struct event_metric counted = {.field_name = {"q\t", 2}, .transactional = true};

TEST(metric, stamps_its_events_and_their_answer_shows_the_value)
{
    static const struct {
        const char *body, *record, *answer; /* the last two by their ends */
    } rows[] = {
        {"{'transaction_id':'t','properties':{'q':1,'q\\t':12.50,'z':2}," COUNTED "}",
         ",'value':'12.50','transactional':true,'properties':{'q':1,'q\\t':12.50,'z':2}}",
         ",'value':'12.50','properties':{'q':1,'q\\t':12.50,'z':2},"
         "'created_at':'2026-11-23T08:00:00.000Z'}"},
        {"{'transaction_id':'t','value':'no number','properties':{'q\\u0009':'1e2'}," COUNTED "}",
         ",'value':'100','transactional':true,'properties':{'q\\u0009':'1e2'}}",
         ",'warnings':[{'code':'value_ignored','pointer':'/value','detail':'The metric of this "
         "code takes the value from a property; its value member was left out.'}]}"},
        {"{'transaction_id':'t','x':1,'value':7," COUNTED "}",
         ",'transactional':true,'properties':{}}",
         ",'warnings':[{'code':'member_dropped','pointer':'/x','detail':'An event has no such "
         "member; it was left out. Put data of your own into properties.'},{'code':'value_ignored',"
         "'pointer':'/value','detail':'The metric of this code takes the value from a property; "
         "its value member was left out.'}]}"},
        {"{'transaction_id':'t','external_customer_id':'c','code':'other','value':3," TIME "}",
         ",'value':'3','properties':{}}",
         ",'value':'3','properties':{},'created_at':'2026-11-23T08:00:00.000Z'}"},
    };
    struct event_rules rules = events_rules;
    const struct events_options options = {.atomic = false};
    rules.metrics = (struct event_metrics){.find = find_counted, .context = &counted};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct events_batch batch;
        struct answer answer;
        struct err err;
        arena_init(&arena, 1 << 20);
        CHECK(events_accept(json(&arena, rows[i].body), EVENT_BODY_JSON, &rules, &options, &arena,
                            &batch, &err));
        CHECK(batch.records_len == 1);
        struct slice record = batch.records[0].value, want = json(&arena, rows[i].record);
        CHECK(record.size > want.size);
        record.data += record.size - want.size;
        record.size = want.size;
        check_same(i, record, arena_copy(&arena, want).data);
        batch.results[0].status = EVENTS_ACCEPTED;
        events_answer(&batch, &rules, &options, &answer);
        CHECK(answer.status == 201);
        struct slice body = buf_slice(&answer.body), end = json(&arena, rows[i].answer);
        CHECK(body.size > end.size + 1);
        check_same(i, (struct slice){body.data + body.size - 1 - end.size, end.size},
                   arena_copy(&arena, end).data);
        answer_done(&answer);
        arena_done(&arena);
    }
}
