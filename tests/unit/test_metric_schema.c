/* Events whose metric has a property schema: rejected or warned of, in every shape.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "handlers/events.h"
#include "schemas/cloudevents.h"
#include "schemas/property_schema.h"
#include "tests/support/events.h"
#include "tests/support/text.h"

/* The metrics "strict" and "gentle" have one schema; other codes have none. */
struct metrics {
    struct event_metric strict, gentle;
};

static const struct event_metric *find_metric(const void *context, struct slice code)
{
    const struct metrics *metrics = context;
    if (slice_equal(code, SLICE("strict")))
        return &metrics->strict;
    return slice_equal(code, SLICE("gentle")) ? &metrics->gentle : NULL;
}

static void metrics_init(struct metrics *metrics)
{
    static const char document[] =
        "{\"type\":\"object\",\"required\":[\"q\"],\"properties\":{\"q\":{\"multipleOf\":0.1},"
        "\"a/b\":{\"items\":{\"type\":\"string\"}}}}";
    struct err err;
    struct property_schema *schema = property_schema_compile(slice_from(document), NULL, &err);
    CHECK(schema != NULL);
    *metrics = (struct metrics){
        .strict = {.field_name = SLICE("q"), .schema = schema},
        .gentle = {.schema = schema, .schema_warns = true},
    };
}

static void metrics_done(struct metrics *metrics)
{
    property_schema_free((struct property_schema *)metrics->strict.schema);
}

#define EVENT(code, properties)                                                                    \
    "{'transaction_id':'t','external_customer_id':'c','code':'" code "','timestamp':1795420800,"   \
    "'properties':" properties "}"

/* What a body is answered with once every record of it was acknowledged. */
struct expect {
    const char *body;
    int status;
    const char *part; /* of the answer */
    size_t rejected, warned;
    struct events_options options;
    enum event_body kind;
};

static void check_answer(size_t row, const struct expect *expect,
                         const struct cloudevents_headers *headers)
{
    struct arena arena;
    struct events_batch batch;
    struct answer answer;
    struct err err;
    struct metrics metrics;
    struct event_rules rules = events_rules;
    metrics_init(&metrics);
    rules.metrics = (struct event_metrics){.find = find_metric, .context = &metrics};
    rules.headers = headers;
    arena_init(&arena, 1 << 20);
    CHECK(events_accept(json(&arena, expect->body), expect->kind, &rules, &expect->options, &arena,
                        &batch, &err));
    metrics_done(&metrics); /* an answer needs nothing of the catalog */
    events_settle(&batch, EVENTS_ACCEPTED);
    events_answer(&batch, &rules, &expect->options, &answer);
    struct slice part = json(&arena, expect->part);
    part = arena_copy(&arena, part);
    const char *body = buf_text(&answer.body);
    bool found =
        part.size == 0 ? strstr(body, "warnings") == NULL : strstr(body, part.data) != NULL;
    if (!found || answer.status != expect->status)
        fprintf(stderr, "row %zu: %d %s\n", row, answer.status, body);
    CHECK(found && answer.status == expect->status);
    CHECK(batch.schema_rejected == expect->rejected && batch.schema_warned == expect->warned);
    answer_done(&answer);
    arena_done(&arena);
}

/* As it stands in a list or a warning, and in a problem. */
#define NO_MULTIPLE    "multipleOf: The number must be a multiple of 0.1."
#define AT(where)      "'pointer':'" where "','detail':'" NO_MULTIPLE "'"
#define PROBLEM(where) "'property_schema','detail':'" NO_MULTIPLE "','pointer':'" where "'"
#define WARNING(where) "'warnings':[{'code':'property_schema'," AT(where) "}]"

TEST(metric_schema, rejects_and_warns_with_keyword_and_place)
{
    static const struct expect rows[] = {
        {EVENT("strict", "{'q':0.30}"), 201, "", 0, 0, {0}, 0},
        {EVENT("strict", "{'q':0.35}"), 422, PROBLEM("/properties/q"), 1, 0, {0}, 0},
        {EVENT("strict", "{'q':1,'a/b':['x',2]}"),
         422,
         "'code':'property_schema','detail':'type: The value must be of type string.',"
         "'pointer':'/properties/a~1b/1'",
         1,
         0,
         {0},
         0},
        {EVENT("strict", "{}"),
         422,
         "required: The member \\'q\\' is missing.','pointer':'/properties'",
         1,
         0,
         {0},
         0},
        {EVENT("strict", "null"), 422, "'pointer':'/properties'", 1, 0, {0}, 0},
        {EVENT("gentle", "{'q':1}"), 201, "", 0, 0, {0}, 0},
        {EVENT("gentle", "{'q':0.35}"), 201, WARNING("/properties/q"), 0, 1, {0}, 0},
        {EVENT("other", "{'q':0.35}"), 201, "", 0, 0, {0}, 0},
        /* several */
        {"[" EVENT("strict", "{'q':1}") "," EVENT("strict", "{'q':0.35}") "]",
         207,
         "'results':[{'index':1,'transaction_id':'t','status':'rejected','error':{'code':"
         "'property_schema',"
         "'pointer':'/properties/q','detail':'multipleOf: ",
         1,
         0,
         {0},
         0},
        {"[" EVENT("gentle", "{'q':1}") "," EVENT("gentle", "{'q':0.35}") "," EVENT("gentle",
                                                                                    "{}") "]",
         201,
         "'warnings':[{'code':'property_schema','index':1,'events':2,'pointer':'/properties/q',",
         0,
         2,
         {0},
         0},
        {EVENT("gentle", "{'q':1}") "\n" EVENT("strict", "{'q':0.35}"),
         207,
         "'pointer':'/properties/q','detail':'multipleOf: ",
         1,
         0,
         {0},
         EVENT_BODY_NDJSON},
        /* only checked */
        {EVENT("strict", "{'q':0.35}"),
         200,
         "{'valid':0,'rejected':1,",
         1,
         0,
         {.validate = true},
         0},
        {EVENT("gentle", "{'q':0.35}"), 200, WARNING("/properties/q"), 0, 1, {.validate = true}, 0},
        /* for clients of others */
        {EVENT("strict", "{'q':0.35}"),
         422,
         "'error_details':{'properties':['property_schema']}",
         1,
         0,
         {.form = EVENTS_FORM_LAGO},
         0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_answer(i, &rows[i], NULL);
}

#define CLOUDEVENT(code, data)                                                                     \
    "{'id':'i','source':'/s','specversion':'1.0','subject':'c','type':'" code "','data':" data "}"

TEST(metric_schema, is_that_of_a_cloudevent_too)
{
    static const struct expect rows[] = {
        {CLOUDEVENT("strict", "{'q':0.3}"),
         201,
         "'value':'0.3'",
         0,
         0,
         {0},
         EVENT_BODY_CLOUDEVENTS},
        {CLOUDEVENT("strict", "{'q':'x'}"), 201, "", 0, 0, {0}, EVENT_BODY_CLOUDEVENTS},
        {CLOUDEVENT("strict", "{'q':1e20}"),
         422,
         "'code':'value_out_of_range','detail':'it has more than 20 digits before or 18 behind the "
         "point','pointer':'/data/q'",
         0,
         0,
         {0},
         EVENT_BODY_CLOUDEVENTS},
        {CLOUDEVENT("strict", "{'q':0.35}"),
         422,
         PROBLEM("/data/q"),
         1,
         0,
         {0},
         EVENT_BODY_CLOUDEVENTS},
        {CLOUDEVENT("strict", "null"), 422, "'pointer':'/data'", 1, 0, {0}, EVENT_BODY_CLOUDEVENTS},
        {CLOUDEVENT("gentle", "{'q':0.35}"),
         201,
         WARNING("/data/q"),
         0,
         1,
         {0},
         EVENT_BODY_CLOUDEVENTS},
        {"[" CLOUDEVENT("other", "{}") "," CLOUDEVENT("strict", "{'q':0.35}") "]",
         207,
         "'pointer':'/data/q','detail':'multipleOf: ",
         1,
         0,
         {0},
         EVENT_BODY_CLOUDEVENTS},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_answer(i, &rows[i], NULL);
}

TEST(metric_schema, is_that_of_a_cloudevent_in_binary_mode)
{
    static const char *const names[] = {"id",  "i",    "source", "/s",      "specversion",
                                        "1.0", "type", "strict", "subject", "c"};
    struct cloudevents_headers headers = {.given = 0};
    for (size_t i = 0; i < ARRAY_LEN(names); i += 2)
        cloudevents_add_header(&headers, slice_from(names[i]), slice_from(names[i + 1]));
    static const struct expect rows[] = {
        {"{'q':0.3}", 201, "'value':'0.3'", 0, 0, {0}, EVENT_BODY_CLOUDEVENT_BINARY},
        {"{'q':0.35}", 422, PROBLEM("/data/q"), 1, 0, {0}, EVENT_BODY_CLOUDEVENT_BINARY},
        {"", 422, "'pointer':'/data'", 1, 0, {0}, EVENT_BODY_CLOUDEVENT_BINARY},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_answer(i, &rows[i], &headers);
}

TEST(metric_schema, of_an_unknown_type_of_cloudevent_is_none)
{
    struct event_rules rules = events_rules;
    struct events_batch batch;
    struct events_options options = {0};
    struct arena arena;
    struct err err;
    rules.metrics.known_only = true;
    arena_init(&arena, 1 << 20);
    CHECK(events_accept(json(&arena, CLOUDEVENT("other", "{}")), EVENT_BODY_CLOUDEVENTS, &rules,
                        &options, &arena, &batch, &err));
    CHECK(batch.results[0].error->code == ERR_UNKNOWN_CODE);
    CHECK(strcmp(batch.results[0].error->pointer, "/type") == 0);
    arena_done(&arena);
}

/* A long name is cut, between two characters. */
TEST(metric_schema, has_pointers_that_fit)
{
    struct err err;
    char pointer[ERR_POINTER_SIZE];
    memset(pointer, 'x', sizeof pointer);
    memcpy(pointer + sizeof pointer - 3, "ä", 3);
    err_set_at(&err, ERR_PROPERTY_SCHEMA, pointer, "x");
    err_prefix_pointer(&err, "/data/");
    CHECK(strncmp(err.pointer, "/data/xxx", 9) == 0 && strlen(err.pointer) == sizeof pointer - 1);
    err_set_at(&err, ERR_PROPERTY_SCHEMA, pointer, "x");
    err_prefix_pointer(&err, "/");
    CHECK(strlen(err.pointer) == sizeof pointer - 2);
    err_prefix_pointer(NULL, "/");
}
