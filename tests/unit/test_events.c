/* What POST /v1/events means: from bodies to records, from fates to answers.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "handlers/events.h"
#include "schemas/property_schema.h"
#include "handlers/problem.h"
#include "schemas/record.h"
#include "tests/support/events.h"
#include "tests/support/text.h"

/* A metric of the code "counted": the value is the property "q\t", and events are transactional. */
#define COUNTED "'external_customer_id':'c','code':'counted','timestamp':1795420799.5"

/* The properties of the code "warned" never fit. */
#define WARNED "'external_customer_id':'c','code':'warned','timestamp':1795420799.5"
static struct event_metric warned = {.schema_warns = true};

static const struct event_metric *find_counted(const void *context, struct slice code)
{
    if (slice_equal(code, SLICE("warned")))
        return &warned;
    return slice_equal(code, SLICE("counted")) ? context : NULL;
}

static const struct event_metric counted = {.field_name = {"q\t", 2}, .transactional = true};
static const struct event_metrics metered = {.find = find_counted, .context = &counted};

/* How they are answered. */
#define ONE_JSON                                                                                   \
    "{'id':'5d5d2932-d89b-5848-91c8-451c5652fa78','transaction_id':'tx-1',"                        \
    "'external_customer_id':'c','code':'api','timestamp':'2026-11-23T07:59:59.500Z',"              \
    "'properties':{},'created_at':'2026-11-23T08:00:00.000Z'"
#define TWO_JSON                                                                                   \
    "{'id':'06225c8f-9a07-50ac-a5c4-06e393dc5c12','transaction_id':'tx-2',"                        \
    "'external_customer_id':'c','code':'api','timestamp':'2026-11-23T07:59:59.500Z',"              \
    "'value':'12.50','properties':{'k': 'ä'},'created_at':'2026-11-23T08:00:00.000Z'"

struct expect {
    const char *body;
    struct events_options options;
    enum events_status fate;
    int status;
    const char *answer; /* with ' for " and without the newline at the end */
};

static void check_answer(size_t row, const struct expect *expect, enum event_body kind)
{
    struct arena arena;
    struct events_batch batch;
    struct err err;
    struct answer answer;
    arena_init(&arena, 1 << 22);
    bool accepted = events_accept(json(&arena, expect->body), kind, &events_rules, &expect->options,
                                  &arena, &batch, &err);
    if (!accepted)
        fprintf(stderr, "row %zu: %s\n", row, err.text);
    CHECK(accepted);
    events_settle(&batch, expect->fate);
    events_answer(&batch, &events_rules, &expect->options, &answer);
    CHECK(answer.body.size > 0 && answer.body.data[answer.body.size - 1] == '\n');
    struct slice want = json(&arena, expect->answer);
    check_same(row, (struct slice){answer.body.data, answer.body.size - 1},
               arena_copy(&arena, want).data);
    bool problem = answer.status == 422 && batch.single;
    CHECK((answer.retry_after_s == 1) == (answer.status == 503));
    CHECK(strcmp(answer.content_type, problem || answer.status == 503 ? "application/problem+json"
                                                                      : "application/json") == 0);
    CHECK(answer.status == expect->status);
    answer_done(&answer);
    arena_done(&arena);
}

TEST(events, are_answered)
{
    static const struct expect rows[] = {
        /* one event */
        {EVENT_ONE, {0}, EVENTS_ACCEPTED, 201, ONE_JSON "}"},
        {EVENT_TWO, {.atomic = true, .results_all = true}, EVENTS_ACCEPTED, 201, TWO_JSON "}"},
        {"{'event':" EVENT_ONE "}", {0}, EVENTS_ACCEPTED, 201, ONE_JSON "}"},
        {"{'transaction_id':'tx-1','a/b~':1,'c':2," EVENT_REST "}",
         {0},
         EVENTS_ACCEPTED,
         201,
         ONE_JSON
         ",'warnings':[{'code':'member_dropped','pointer':'/a~1b~0','detail':'An event has "
         "no such member; it was left out. Put data of your own into properties.'}]}"},
        {"{'transaction_id':'tx-1','external_subscription_id':'s','code':'api',"
         "'timestamp':1795420799.5}",
         {0},
         EVENTS_ACCEPTED,
         201,
         "{'id':'5d5d2932-d89b-5848-91c8-451c5652fa78','transaction_id':'tx-1',"
         "'external_customer_id':'s','external_subscription_id':'s','code':'api',"
         "'timestamp':'2026-11-23T07:59:59.500Z','properties':{},"
         "'created_at':'2026-11-23T08:00:00.000Z'}"},
        {EVENT_WRONG,
         {0},
         EVENTS_ACCEPTED,
         422,
         "{'type':'urn:bxb:error:field_missing','title':'A required field is missing','status':422,"
         "'code':'field_missing','detail':'code is missing','pointer':'/code',"
         "'remedy':'Add the field that the pointer names.','transaction_id':'tx-3'}"},
        {EVENT_ONE,
         {0},
         EVENTS_FAILED,
         503,
         "{'type':'urn:bxb:error:fate_unknown','title':'It is not known whether the event was "
         "stored','status':503,'code':'fate_unknown','detail':'1 of 1 events were not "
         "acknowledged; "
         "sending the same body again is right','remedy':'Send the same again with "
         "the "
         "same transaction_id: it is counted once.','ingested':0,'duplicates':0,'rejected':0,"
         "'failed':1,'results':[{'index':0,'transaction_id':'tx-1','status':'failed'}]}"},
        /* several */
        {"[" EVENT_ONE "," EVENT_TWO "]",
         {0},
         EVENTS_ACCEPTED,
         201,
         "{'ingested':2,'duplicates':0,'rejected':0,'results':[],'events':[" ONE_JSON "}," TWO_JSON
         "}]}"},
        {"[" EVENT_WRONG "," EVENT_ONE ",7]",
         {0},
         EVENTS_ACCEPTED,
         207,
         "{'ingested':1,'duplicates':0,'rejected':2,'results':[{'index':0," EVENT_WRONG_RESULT
         ",{'index':2,'status':'rejected','error':{'code':'event_not_object','pointer':'','detail':"
         "'"
         "an event is an object of members, {…}','remedy':'Send each event as an object.'}}],"
         "'events':[" ONE_JSON "}]}"},
        {"{'events':[" EVENT_WRONG "]}",
         {0},
         EVENTS_ACCEPTED,
         422,
         "{'ingested':0,'duplicates':0,'rejected':1,'results':[{'index':0," EVENT_WRONG_RESULT
         "],'events':[]}"},
        {"[" EVENT_ONE "," EVENT_WRONG "]",
         {.results_all = true},
         EVENTS_ACCEPTED,
         207,
         "{'ingested':1,'duplicates':0,'rejected':1,'results':[{'index':0,'transaction_id':'tx-1',"
         "'status':'accepted'},{'index':1," EVENT_WRONG_RESULT "],'events':[" ONE_JSON "}]}"},
        {"[{'transaction_id':'tx-1','x':1," EVENT_REST "},{'y':1},{}]",
         {0},
         EVENTS_ACCEPTED,
         207,
         "{'ingested':1,'duplicates':0,'rejected':2,'results':[{'index':1,'status':'rejected',"
         "'error':{'code':'field_missing','pointer':'/transaction_id','detail':'transaction_id is "
         "missing','remedy':'Add the field that the pointer names.'}},{'index':2,'status':"
         "'rejected','error':{'code':'field_missing','pointer':'/transaction_id','detail':"
         "'transaction_id is missing','remedy':'Add the field that the pointer names.'}}],"
         "'events':[" ONE_JSON "}],'warnings':[{'code':'member_dropped','index':0,'events':1,"
         "'pointer':'/x','detail':'An event has no such member; it was left out. Put data of your "
         "own into properties.'}]}"},
        /* all or nothing */
        {"[" EVENT_ONE "," EVENT_TWO "]",
         {.atomic = true},
         EVENTS_ACCEPTED,
         201,
         "{'ingested':2,'duplicates':0,'rejected':0,'results':[],'events':[" ONE_JSON "}," TWO_JSON
         "}]}"},
        {"[" EVENT_ONE "," EVENT_WRONG "," EVENT_TWO "]",
         {.atomic = true},
         EVENTS_ACCEPTED,
         422,
         "{'ingested':0,'duplicates':0,'rejected':1,'withheld':2,'results':[{'index':"
         "1," EVENT_WRONG_RESULT "],'events':[]}"},
        {"[" EVENT_WRONG "," EVENT_TWO "]",
         {.atomic = true, .results_all = true},
         EVENTS_ACCEPTED,
         422,
         "{'ingested':0,'duplicates':0,'rejected':1,'withheld':1,'results':[{'index':"
         "0," EVENT_WRONG_RESULT
         ",{'index':1,'transaction_id':'tx-2','status':'withheld'}],'events':[]}"},
        /* one whose fate nobody knows */
        {"[" EVENT_WRONG "," EVENT_ONE "]",
         {.request_id = {"r-1", 3}},
         EVENTS_FAILED,
         503,
         "{'type':'urn:bxb:error:fate_unknown','title':'It is not known whether the event was "
         "stored','status':503,'code':'fate_unknown','detail':'1 of 2 events were not "
         "acknowledged; "
         "sending the same body again is right','remedy':'Send the same again with "
         "the "
         "same transaction_id: it is counted "
         "once.','request_id':'r-1','ingested':0,'duplicates':0,'rejected':1,"
         "'failed':1,'results':[{'index':0," EVENT_WRONG_RESULT
         ",{'index':1,'transaction_id':'tx-1','status':'failed'}]}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_answer(i, &rows[i], EVENT_BODY_JSON);
}

TEST(events, that_are_only_checked_are_answered_200)
{
    static const struct expect rows[] = {
        {EVENT_ONE,
         {.validate = true},
         EVENTS_ACCEPTED,
         200,
         "{'valid':1,'rejected':0,'results':[],'events':[" ONE_JSON "}]}"},
        {EVENT_WRONG,
         {.validate = true},
         EVENTS_ACCEPTED,
         200,
         "{'valid':0,'rejected':1,'results':[{'index':0," EVENT_WRONG_RESULT "],'events':[]}"},
        {"[" EVENT_ONE "," EVENT_WRONG "]",
         {.validate = true, .atomic = true},
         EVENTS_ACCEPTED,
         200,
         "{'valid':1,'rejected':1,'results':[{'index':1," EVENT_WRONG_RESULT "],'events':[" ONE_JSON
         "}]}"},
        {"[" EVENT_ONE "]",
         {.validate = true, .results_all = true},
         EVENTS_ACCEPTED,
         200,
         "{'valid':1,'rejected':0,'results':[{'index':0,'transaction_id':'tx-1','status':'valid'}],"
         "'events':[" ONE_JSON "}]}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_answer(i, &rows[i], EVENT_BODY_JSON);
}

TEST(events, that_are_only_checked_become_no_records)
{
    struct arena arena;
    struct events_batch batch;
    struct err err;
    struct events_options options = {.validate = true};
    arena_init(&arena, 1 << 20);
    CHECK(events_accept(json(&arena, "[" EVENT_ONE "," EVENT_WRONG "," EVENT_TWO "]"),
                        EVENT_BODY_JSON, &events_rules, &options, &arena, &batch, &err));
    CHECK(batch.results_len == 3 && batch.records_len == 0);
    CHECK(batch.results[0].status == EVENTS_VALID && batch.results[2].status == EVENTS_VALID);
    CHECK(batch.results[1].status == EVENTS_REJECTED);
    arena_done(&arena);
}

TEST(events, of_lines_are_answered_as_a_list)
{
    static const struct expect row = {
        EVENT_ONE "\n{\n",
        {0},
        EVENTS_ACCEPTED,
        207,
        "{'ingested':1,'duplicates':0,'rejected':1,'results':[{'index':1,'status':'rejected',"
        "'error':{'code':'json_malformed','pointer':'','detail':'line 2: expected the name of a "
        "member at offset 1, but there the text ends','remedy':'Correct the JSON at the place the "
        "detail names.'}}],'events':[" ONE_JSON "}]}",
    };
    check_answer(0, &row, EVENT_BODY_NDJSON);
}

TEST(events, of_clouds_are_told_which_attribute_was_left_out)
{
    static const struct expect row = {
        "{'specversion':'1.0','id':'tx-1','source':'/s','type':'api','subject':'c',"
        "'time':'2026-11-23T07:59:59.5Z','trace':'1'}",
        {0},
        EVENTS_ACCEPTED,
        201,
        ONE_JSON ",'warnings':[{'code':'member_dropped','pointer':'/trace','detail':'Extension "
                 "attributes of CloudEvents are left out. Put data of your own into data.'}]}",
    };
    check_answer(0, &row, EVENT_BODY_CLOUDEVENTS);
}

/* The server answers before the last report is in: what is open then is unknown. */
TEST(events, that_are_still_pending_have_failed)
{
    struct arena arena;
    struct events_batch batch;
    struct events_options options = {0};
    struct err err;
    struct answer answer;
    arena_init(&arena, 1 << 20);
    CHECK(events_accept(json(&arena, "[" EVENT_ONE "," EVENT_TWO "]"), EVENT_BODY_JSON,
                        &events_rules, &options, &arena, &batch, &err));
    batch.results[1].status = EVENTS_ACCEPTED;
    events_answer(&batch, &events_rules, &options, &answer);
    CHECK(answer.status == 503 && answer.retry_after_s == 1);
    CHECK(strstr(buf_text(&answer.body), "\"ingested\":1,\"duplicates\":0,\"rejected\":0,"
                                         "\"failed\":1,\"results\":[{\"index\":0,") != NULL);
    answer_done(&answer);
    arena_done(&arena);
}

TEST(events, become_records_in_order)
{
    struct arena arena;
    struct events_batch batch;
    struct events_options options = {0};
    struct record record;
    struct err err;
    arena_init(&arena, 1 << 20);
    CHECK(events_accept(json(&arena, "[" EVENT_ONE "," EVENT_WRONG "," EVENT_TWO "]"),
                        EVENT_BODY_JSON, &events_rules, &options, &arena, &batch, &err));
    CHECK(!batch.single && batch.results_len == 3 && batch.records_len == 2);
    CHECK(batch.records[0].result == 0 && batch.records[1].result == 2);
    CHECK(batch.results[1].error->code == ERR_FIELD_MISSING);
    CHECK(slice_equal(batch.results[1].event.transaction_id, SLICE("tx-3")));
    check_same(0, batch.records[0].value,
               "{\"organization_id\":\"7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11\","
               "\"transaction_id\":\"tx-1\",\"external_customer_id\":\"c\",\"code\":\"api\","
               "\"timestamp\":\"2026-11-23T07:59:59.500Z\","
               "\"ingested_at\":\"2026-11-23T08:00:00.000Z\",\"properties\":{}}");
    CHECK(record_decode(batch.records[1].value, &arena, &record, &err));
    CHECK(slice_equal(record.transaction_id, SLICE("tx-2")));
    CHECK(slice_equal(record.value, SLICE("12.50")));
    CHECK(slice_equal(record.properties, SLICE("{\"k\": \"ä\"}")));
    CHECK(record.ingested_ms == EVENTS_NOW && record.timestamp_ms == EVENTS_NOW - 500);
    CHECK(record.external_subscription_id.size == 0 && !record.transactional);
    arena_done(&arena);
}

TEST(events, are_withheld_when_all_must_be_right)
{
    struct arena arena;
    struct events_batch batch;
    struct events_options options = {.atomic = true};
    struct err err;
    arena_init(&arena, 1 << 20);
    CHECK(events_accept(json(&arena, "[" EVENT_ONE "," EVENT_WRONG "]"), EVENT_BODY_JSON,
                        &events_rules, &options, &arena, &batch, &err));
    CHECK(batch.records_len == 0 && batch.results[0].status == EVENTS_WITHHELD);
    arena_done(&arena);
}

static const char *many_events(struct arena *arena, size_t count)
{
    struct buf text;
    buf_init(&text, 1 << 22);
    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%s{'transaction_id':'tx-%zu'," EVENT_REST "}", i ? "," : "[", i);
    buf_append_char(&text, ']');
    const char *copy = arena_copy(arena, buf_slice(&text)).data;
    buf_done(&text);
    CHECK(copy != NULL);
    return copy;
}

TEST(events, come_in_any_number_up_to_the_limit)
{
    struct arena arena;
    struct events_batch batch;
    struct events_options options = {.results_all = true};
    struct err err;
    struct answer answer;
    char id[24];
    arena_init(&arena, 1 << 22);
    struct slice body = json(&arena, many_events(&arena, 1000));
    CHECK(events_accept(body, EVENT_BODY_JSON, &events_rules, &options, &arena, &batch, &err));
    CHECK(batch.results_len == 1000 && batch.records_len == 1000);
    for (size_t i = 0; i < 1000; i++) {
        snprintf(id, sizeof id, "tx-%zu", i);
        CHECK(slice_equal(batch.results[i].event.transaction_id, slice_from(id)));
        CHECK(batch.records[i].result == i);
    }
    events_settle(&batch, EVENTS_ACCEPTED);
    events_answer(&batch, &events_rules, &options, &answer);
    CHECK(answer.status == 201);
    CHECK(strstr(buf_text(&answer.body), "{\"index\":999,\"transaction_id\":\"tx-999\","
                                         "\"status\":\"accepted\"}]}") != NULL);
    answer_done(&answer);

    body = json(&arena, many_events(&arena, 1001));
    CHECK(!events_accept(body, EVENT_BODY_JSON, &events_rules, &options, &arena, &batch, &err));
    CHECK(err.code == ERR_TOO_MANY_EVENTS);
    arena_done(&arena);
}

TEST(events, are_shown_up_to_a_hundred)
{
    for (size_t count = 100; count <= 101; count++) {
        struct arena arena;
        struct events_batch batch;
        struct events_options options = {0};
        struct err err;
        struct answer answer;
        arena_init(&arena, 1 << 22);
        CHECK(events_accept(json(&arena, many_events(&arena, count)), EVENT_BODY_JSON,
                            &events_rules, &options, &arena, &batch, &err));
        events_settle(&batch, EVENTS_ACCEPTED);
        events_answer(&batch, &events_rules, &options, &answer);
        bool shown = strstr(buf_text(&answer.body), "\"events\":[{") != NULL;
        CHECK(shown == (count == 100));
        answer_done(&answer);
        arena_done(&arena);
    }
}

TEST(events, of_a_broken_body_are_refused_as_a_whole)
{
    static const struct {
        const char *body;
        enum event_body kind;
        enum err_code code;
    } rows[] = {
        {"", EVENT_BODY_JSON, ERR_BODY_EMPTY},
        {"[]", EVENT_BODY_JSON, ERR_BODY_EMPTY},
        {"\n", EVENT_BODY_NDJSON, ERR_BODY_EMPTY},
        {"[" EVENT_ONE "," EVENT_TWO, EVENT_BODY_JSON, ERR_JSON_MALFORMED},
        {"{'events':[" EVENT_ONE "],'events':[]}", EVENT_BODY_JSON, ERR_DUPLICATE_KEY},
        {"{'events':[" EVENT_ONE "],'code':'x'}", EVENT_BODY_JSON, ERR_FIELD_CONFLICT},
        {"{'events':[" EVENT_ONE "],'organization_id':'x'}", EVENT_BODY_JSON,
         ERR_ORGANIZATION_MISMATCH},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct events_batch batch;
        struct events_options options = {0};
        struct err err;
        arena_init(&arena, 1 << 20);
        CHECK(!events_accept(json(&arena, rows[i].body), rows[i].kind, &events_rules, &options,
                             &arena, &batch, &err));
        CHECK(err.code == rows[i].code);
        arena_done(&arena);
    }
}

TEST(events, stop_at_the_cap_of_the_arena)
{
    struct arena bodies;
    arena_init(&bodies, 1 << 20);
    struct slice list = json(&bodies, "[" EVENT_WRONG "," EVENT_ONE "," EVENT_TWO "]"),
                 one = json(&bodies, EVENT_ONE);
    struct events_options options = {0};
    size_t refused = 0;
    for (size_t max = 0; max < 20000; max += 64) {
        struct arena arena;
        struct events_batch batch;
        struct err err;
        arena_init(&arena, max);
        if (!events_accept(list, EVENT_BODY_JSON, &events_rules, &options, &arena, &batch, &err)) {
            CHECK(err.code == ERR_BODY_TOO_LARGE);
            refused++;
        }
        arena_done(&arena);
        arena_init(&arena, max);
        if (!events_accept(one, EVENT_BODY_JSON, &events_rules, &options, &arena, &batch, &err)) {
            CHECK(err.code == ERR_EVENT_TOO_LARGE);
            refused++;
        }
        arena_done(&arena);
    }
    CHECK(refused > 10 && refused < 400);
    arena_done(&bodies);
}

/* Bodies that need much memory for their size: a beginning, a repeated middle in which %03x is
 * another number each time, an end. */
struct heavy {
    const char *begin, *middle, *end;
    enum event_body kind;
};

static struct slice make_heavy(const struct heavy *heavy, unsigned times, struct arena *arena)
{
    struct buf text;
    const char *hex = strchr(heavy->middle, '%');
    buf_init(&text, 1 << 20);
    buf_append_str(&text, heavy->begin);
    for (unsigned n = 0; n < times; n++) {
        if (hex == NULL) {
            buf_append_str(&text, heavy->middle);
        } else {
            buf_append(&text, heavy->middle, (size_t)(hex - heavy->middle));
            buf_printf(&text, "%03x", n);
            buf_append_str(&text, hex + 4);
        }
    }
    buf_append_str(&text, heavy->end);
    struct slice body = json(arena, buf_text(&text));
    buf_done(&text);
    return body;
}

TEST(events, never_meet_a_cap_made_for_their_size)
{
    static const struct heavy rows[] = {
        {"[1", ",1", "]", EVENT_BODY_JSON},
        {"[{}", ",{}", "]", EVENT_BODY_JSON},
        {"[{'a':0", ",'a':0},{'a':0", "}]", EVENT_BODY_JSON},
        {"1", "\n1", "", EVENT_BODY_NDJSON},
        {"", "{\n", "", EVENT_BODY_NDJSON},
        {"",
         "{'transaction_id':'\\u0074','code':'\\u0061','external_subscription_id':'\\u0073',"
         "'value':1e1,'timestamp':1795420800}\n",
         "", EVENT_BODY_NDJSON},
        {"[{'transaction_id':'t','properties':{", "'%03x':0,", "'':0}," EVENT_REST "}]",
         EVENT_BODY_JSON},
        {"{'transaction_id':'t','properties':{", "'\\t%03x':0,", "'':0}," EVENT_REST "}",
         EVENT_BODY_JSON},
        {"[{'transaction_id':'t','properties':[", "{'':0},", "0]," EVENT_REST "}]",
         EVENT_BODY_JSON},
        {"{'events':[" EVENT_ONE "],'x':[", "{'\\t':0},", "0]}", EVENT_BODY_JSON},
        {"{'event':" EVENT_ONE ",'x':{", "'%03x':0,", "'':0}}", EVENT_BODY_JSON},
        /* metrics whose value is a property */
        {"{'transaction_id':'t','properties':{", "'\\t%03x':0,", "'q\\t':'\\u0031'}," COUNTED "}",
         EVENT_BODY_JSON},
        {"{'transaction_id':'t','properties':{'q\\t':'\\u0031", "\\u0031", "'}," COUNTED "}",
         EVENT_BODY_JSON},
        {"", "{'transaction_id':'t','properties':{'\\t':0,'q\\u0009':1e1}," COUNTED "}\n", "",
         EVENT_BODY_NDJSON},
        /* warnings of a schema: as many errors as records */
        {"", "{'transaction_id':'t'," WARNED "}\n", "", EVENT_BODY_NDJSON},
    };
    static const size_t limits[] = {1, 10000};
    struct event_rules rules = events_rules;
    struct events_options options = {0};
    struct err err;
    struct property_schema *never = property_schema_compile(SLICE("false"), NULL, &err);
    CHECK(never != NULL);
    warned.schema = never;
    rules.event_max = 64 << 10;
    rules.metrics = metered;
    for (size_t i = 0; i < ARRAY_LEN(rows) * ARRAY_LEN(limits); i++)
        for (unsigned times = 0; times < 4090; times = times * 3 / 2 + 1) {
            struct arena bodies, arena;
            struct events_batch batch;
            rules.events_max = limits[i % ARRAY_LEN(limits)];
            arena_init(&bodies, 1 << 20);
            struct slice body = make_heavy(&rows[i / ARRAY_LEN(limits)], times, &bodies);
            arena_init(&arena, events_arena_max(body.size, &rules));
            bool capped = !events_accept(body, rows[i / ARRAY_LEN(limits)].kind, &rules, &options,
                                         &arena, &batch, &err) &&
                          (err.code == ERR_BODY_TOO_LARGE || err.code == ERR_EVENT_TOO_LARGE);
            if (capped)
                fprintf(stderr, "row %zu, %u times: %s\n", i, times, err.text);
            CHECK(!capped);
            arena_done(&arena);
            arena_done(&bodies);
        }
    property_schema_free(never);
}

TEST(problem, says_what_to_do)
{
    static const struct {
        enum err_code code;
        int status, retry_after_s;
        const char *name;
    } rows[] = {
        {ERR_UNAUTHORIZED, 401, 0, "unauthorized"},
        {ERR_BODY_TOO_LARGE, 413, 0, "body_too_large"},
        {ERR_OVERLOADED, 503, 1, "overloaded"},
        {ERR_BROKER_UNAVAILABLE, 503, 1, "broker_unavailable"},
        {ERR_INTERNAL, 500, 0, "internal"},
        {ERR_KAFKA_REFUSED, 500, 0, "internal"}, /* not for callers */
        {ERR_POSTGRES_UNAVAILABLE, 500, 0, "internal"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err;
        struct answer answer;
        err_set_at(&err, rows[i].code, "/a", "the password is \"secret\"");
        problem_answer(&err, SLICE("req-1"), &answer);
        const char *body = buf_text(&answer.body);
        bool told = strcmp(rows[i].name, err_code_name(rows[i].code)) == 0;
        CHECK(answer.status == rows[i].status && answer.retry_after_s == rows[i].retry_after_s);
        CHECK(strcmp(answer.content_type, "application/problem+json") == 0);
        CHECK(strstr(body, rows[i].name) != NULL);
        CHECK((strstr(body, "the password is \\\"secret\\\"") != NULL) == told);
        CHECK(strstr(body, ",\"request_id\":\"req-1\"}\n") != NULL);
        answer_done(&answer);
    }
}
