/* Answers as client libraries of Lago and OpenMeter expect them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "handlers/events.h"
#include "tests/support/text.h"

#define NOW INT64_C(1795420800000) /* 2026-11-23T08:00:00Z */

static const struct event_rules usual = {
    .organization_id = {"7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11", 36},
    .received_ms = NOW,
    .max_age_ms = INT64_C(35) * 24 * 3600000,
    .max_future_ms = 300000,
    .event_max = 4096,
    .events_max = 1000,
};

#define REST  "'external_customer_id':'c','code':'api','timestamp':1795420799.5"
#define ONE   "{'transaction_id':'tx-1'," REST "}"
#define TWO   "{'transaction_id':'tx-2','value':'12.50','properties':{'k': 'ä'}," REST "}"
#define WRONG "{'transaction_id':'tx-3','external_customer_id':'c','timestamp':1795420799.5}"

#define WRONG_RESULT                                                                               \
    "'transaction_id':'tx-3','status':'rejected','error':{'code':'field_missing',"                 \
    "'pointer':'/code','detail':'code is missing',"                                                \
    "'remedy':'Add the field that the pointer names.'}}"

/* Gives every pending record the same fate. */
static void settle(struct events_batch *batch, enum events_status fate)
{
    for (size_t i = 0; i < batch->records_len; i++) {
        struct events_result *result = &batch->results[batch->records[i].result];
        CHECK(result->status == EVENTS_PENDING);
        result->status = fate;
    }
}

#define LAGO_JSON                                                                                  \
    "{'lago_id':'5d5d2932-d89b-5848-91c8-451c5652fa78','transaction_id':'tx-1',"                   \
    "'lago_customer_id':null,'lago_subscription_id':null,'external_customer_id':'c',"              \
    "'external_subscription_id':null,'code':'api','timestamp':'2026-11-23T07:59:59.500Z',"         \
    "'precise_total_amount_cents':null,'properties':{},"                                           \
    "'created_at':'2026-11-23T08:00:00.000Z'}"
#define LAGO_WRONG "{'status':422,'error':'Unprocessable Entity','code':'validation_errors',"

TEST(compatible, answers_as_lago_does)
{
    static const struct {
        const char *body, *answer;
        int status;
    } rows[] = {
        {"{'event':" ONE "}", "{'event':" LAGO_JSON "}\n", 200},
        {"{'events':[" ONE "]}", "{'events':[" LAGO_JSON "]}\n", 200},
        {"{'event':" WRONG "}",
         LAGO_WRONG "'error_details':{'code':['field_missing']},'results':[{'index':0," WRONG_RESULT
                    "]}\n",
         422},
        {"{'events':[" ONE "," WRONG "]}",
         LAGO_WRONG
         "'error_details':{'1':{'code':['field_missing']}},'results':[{'index':1," WRONG_RESULT
         "]}\n",
         422},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct events_options options = {.form = EVENTS_FORM_LAGO, .atomic = true};
        struct arena arena;
        struct events_batch batch;
        struct answer answer;
        arena_init(&arena, 1 << 20);
        CHECK(events_accept(json(&arena, rows[i].body), EVENT_BODY_JSON, &usual, &options, &arena,
                            &batch, NULL));
        CHECK(rows[i].status == 200 || batch.records_len == 0);
        settle(&batch, EVENTS_ACCEPTED);
        events_answer(&batch, &usual, &options, &answer);
        CHECK(answer.status == rows[i].status);
        struct slice want = json(&arena, rows[i].answer);
        check_same(i, buf_slice(&answer.body), arena_copy(&arena, want).data);
        answer_done(&answer);
        arena_done(&arena);
    }
}

TEST(compatible, answers_as_openmeter_does)
{
    static const struct {
        const char *body;
        enum events_status fate;
        int status;
    } rows[] = {
        {ONE, EVENTS_ACCEPTED, 204},
        {"[" ONE "," TWO "]", EVENTS_ACCEPTED, 204},
        {WRONG, EVENTS_ACCEPTED, 422},
        {"[" ONE "," WRONG "]", EVENTS_ACCEPTED, 422},
        {"[" ONE "," WRONG "]", EVENTS_FAILED, 503},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct events_options options = {.form = EVENTS_FORM_OPENMETER};
        struct arena arena;
        struct events_batch batch;
        struct answer answer;
        arena_init(&arena, 1 << 20);
        CHECK(events_accept(json(&arena, rows[i].body), EVENT_BODY_JSON, &usual, &options, &arena,
                            &batch, NULL));
        settle(&batch, rows[i].fate);
        events_answer(&batch, &usual, &options, &answer);
        CHECK(answer.status == rows[i].status);
        CHECK((answer.body.size == 0) == (answer.status == 204));
        answer_done(&answer);
        arena_done(&arena);
    }
}
