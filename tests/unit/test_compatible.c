/* Answers as client libraries of Lago and OpenMeter expect them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/support/events.h"
#include "tests/support/text.h"

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
        {"{'event':" EVENT_ONE "}", "{'event':" LAGO_JSON "}\n", 200},
        {"{'events':[" EVENT_ONE "]}", "{'events':[" LAGO_JSON "]}\n", 200},
        {"{'event':" EVENT_WRONG "}",
         LAGO_WRONG
         "'error_details':{'code':['field_missing']},'results':[{'index':0," EVENT_WRONG_RESULT
         "]}\n",
         422},
        {"{'events':[" EVENT_ONE "," EVENT_WRONG "]}",
         LAGO_WRONG "'error_details':{'1':{'code':['field_missing']}},'results':[{'index':"
                    "1," EVENT_WRONG_RESULT "]}\n",
         422},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct events_options options = {.form = EVENTS_FORM_LAGO, .atomic = true};
        struct arena arena;
        struct events_batch batch;
        struct answer answer;
        arena_init(&arena, 1 << 20);
        CHECK(events_accept(json(&arena, rows[i].body), EVENT_BODY_JSON, &events_rules, &options,
                            &arena, &batch, NULL));
        CHECK(rows[i].status == 200 || batch.records_len == 0);
        events_settle(&batch, EVENTS_ACCEPTED);
        events_answer(&batch, &events_rules, &options, &answer);
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
        {EVENT_ONE, EVENTS_ACCEPTED, 204},
        {"[" EVENT_ONE "," EVENT_TWO "]", EVENTS_ACCEPTED, 204},
        {EVENT_WRONG, EVENTS_ACCEPTED, 422},
        {"[" EVENT_ONE "," EVENT_WRONG "]", EVENTS_ACCEPTED, 422},
        {"[" EVENT_ONE "," EVENT_WRONG "]", EVENTS_FAILED, 503},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct events_options options = {.form = EVENTS_FORM_OPENMETER};
        struct arena arena;
        struct events_batch batch;
        struct answer answer;
        arena_init(&arena, 1 << 20);
        CHECK(events_accept(json(&arena, rows[i].body), EVENT_BODY_JSON, &events_rules, &options,
                            &arena, &batch, NULL));
        events_settle(&batch, rows[i].fate);
        events_answer(&batch, &events_rules, &options, &answer);
        CHECK(answer.status == rows[i].status);
        CHECK((answer.body.size == 0) == (answer.status == 204));
        answer_done(&answer);
        arena_done(&arena);
    }
}
