/* From results and fates to the answer. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "handlers/events.h"
#include "handlers/problem.h"
#include "schemas/event_id.h"
#include "schemas/put.h"
#include "schemas/utf8.h"

enum {
    ANSWER_SIZE_MAX = 32 << 20, /* a hundred of the largest events, ten thousand errors */
    EVENTS_SHOWN_MAX = 100,     /* larger batches are answered without their events */
    MEMBER_SHOWN_MAX = 64,      /* bytes of a member name in a warning */
    RETRY_AFTER_S = 1,
};

static const char json_content_type[] = "application/json";

/* What is being answered. */
struct reply {
    const struct events_batch *batch;
    const struct event_rules *rules;
    enum events_form form;
    bool results_all, validate;
    const struct event_ids *ids;    /* borrowed */
    char received[CLOCK_TEXT_SIZE]; /* when the request was */
    struct slice request_id;
    size_t accepted, rejected, failed, withheld, valid;
};

static void count(struct reply *reply)
{
    for (size_t i = 0; i < reply->batch->results_len; i++)
        switch (reply->batch->results[i].status) {
        case EVENTS_ACCEPTED:
            reply->accepted++;
            break;
        case EVENTS_REJECTED:
            reply->rejected++;
            break;
        case EVENTS_WITHHELD:
            reply->withheld++;
            break;
        case EVENTS_VALID:
            reply->valid++;
            break;
        case EVENTS_PENDING:
        case EVENTS_FAILED:
            reply->failed++;
            break;
        }
}

/* ---- Parts ---- */

static void add_text(struct buf *out, const char *label, struct slice text)
{
    buf_append_str(out, label);
    buf_append_json(out, text);
}

static void add_count(struct buf *out, const char *label, size_t number)
{
    buf_append_str(out, label);
    buf_append_u64(out, number);
}

/* What add_event and add_lago_event write at most. */
static size_t event_size_max(const struct event *event)
{
    enum { FIXED_MAX = 400 }; /* names, id and times */
    return FIXED_MAX + PUT_SLACK + put_text_max(event->transaction_id) +
           put_text_max(event->external_customer_id) +
           put_text_max(event->external_subscription_id) + put_text_max(event->code) +
           put_text_max(event->value) + event->properties.size;
}

/* The public id of the event, with its quotes. */
static char *put_id(char *to, const struct reply *reply, const struct event *event)
{
    *to++ = '"';
    event_ids_format(reply->ids, event->transaction_id, to);
    to += EVENT_ID_TEXT_SIZE - 1;
    *to++ = '"';
    return to;
}

/* The members that every form of an event ends with. */
static char *put_end(char *to, const struct reply *reply, const struct event *event)
{
    to = put_slice(PUT(to, ",\"properties\":"), event->properties);
    to = PUT(to, ",\"created_at\":");
    return put_time(to, slice_from(reply->received), reply->rules->received_ms);
}

/* The event as it was taken, its object left open. */
static void begin_event(struct buf *out, const struct reply *reply, const struct event *event)
{
    char *start = buf_reserve(out, event_size_max(event));
    if (start == NULL)
        return;
    char *to = put_id(PUT(start, "{\"id\":"), reply, event);
    to = put_text(PUT(to, ",\"transaction_id\":"), event->transaction_id);
    to = put_text(PUT(to, ",\"external_customer_id\":"), event->external_customer_id);
    if (event->external_subscription_id.size > 0)
        to = put_text(PUT(to, ",\"external_subscription_id\":"), event->external_subscription_id);
    to = put_text(PUT(to, ",\"code\":"), event->code);
    to = put_time(PUT(to, ",\"timestamp\":"), event->timestamp_text, event->timestamp_ms);
    if (event->value.size > 0)
        to = put_text(PUT(to, ",\"value\":"), event->value);
    to = put_end(to, reply, event);
    out->size += (size_t)(to - start);
}

/* The name of a member as far as a warning shows it, at most MEMBER_SHOWN_MAX bytes. */
static struct slice shown_name(struct slice name)
{
    size_t size = 0, next;
    uint32_t point;
    while (size < name.size &&
           (next = utf8_decode(name.data + size, name.size - size, &point)) > 0 &&
           size + next <= MEMBER_SHOWN_MAX)
        size += next;
    return (struct slice){name.data, size};
}

static bool dropped_member(const struct event *event)
{
    return event->unknown_member.size > 0;
}

static void add_dropped_member(struct buf *out, const struct event *event)
{
    struct slice name = shown_name(event->unknown_member);
    char pointer[1 + 2 * MEMBER_SHOWN_MAX];
    size_t size = 0;
    pointer[size++] = '/';
    for (size_t i = 0; i < name.size; i++) {
        bool special = name.data[i] == '~' || name.data[i] == '/';
        pointer[size++] = special ? '~' : name.data[i];
        if (special)
            pointer[size++] = name.data[i] == '~' ? '0' : '1';
    }
    add_text(out, ",\"pointer\":", (struct slice){pointer, size});
    add_text(out, ",\"detail\":",
             event->cloudevent ? SLICE("Extension attributes of CloudEvents are left out. Put data "
                                       "of your own into data.")
                               : SLICE("An event has no such member; it was left out. Put data of "
                                       "your own into properties."));
}

static bool ignored_value(const struct event *event)
{
    return event->value_ignored;
}

static void add_ignored_value(struct buf *out, const struct event *event)
{
    (void)event;
    buf_append_str(out, ",\"pointer\":\"/value\",\"detail\":\"The metric of this code takes the "
                        "value from a property; its value member was left out.\"");
}

static bool unfit_properties(const struct event *event)
{
    return event->schema_warning != NULL;
}

static void add_unfit_properties(struct buf *out, const struct event *event)
{
    add_text(out, ",\"pointer\":", slice_from(event->schema_warning->pointer));
    add_text(out, ",\"detail\":", slice_from(event->schema_warning->text));
}

/* What an answer can warn of, in this order. */
static const struct warning {
    const char *code;
    bool (*concerns)(const struct event *event);
    void (*describe)(struct buf *out, const struct event *event); /* pointer and detail */
} warnings[] = {
    {"member_dropped", dropped_member, add_dropped_member},
    {"value_ignored", ignored_value, add_ignored_value},
    {"property_schema", unfit_properties, add_unfit_properties},
};

/* Adds a warning if it concerns any event: it is given once, with the first of them. Returns
 * whether it was. */
static bool add_warning(struct buf *out, const struct reply *reply, const char *before,
                        const struct warning *warning)
{
    const struct events_batch *batch = reply->batch;
    size_t first = batch->results_len, events = 0;
    for (size_t i = 0; i < batch->results_len; i++) {
        if (!warning->concerns(&batch->results[i].event))
            continue;
        if (first == batch->results_len)
            first = i;
        events++;
    }
    if (events == 0)
        return false;
    buf_append_str(out, before);
    add_text(out, "{\"code\":", slice_from(warning->code));
    if (!batch->single) {
        add_count(out, ",\"index\":", first);
        add_count(out, ",\"events\":", events);
    }
    warning->describe(out, &batch->results[first].event);
    buf_append_char(out, '}');
    return true;
}

static void add_warnings(struct buf *out, const struct reply *reply)
{
    static const char start[] = ",\"warnings\":[";
    const char *before = start;
    for (size_t i = 0; i < ARRAY_LEN(warnings) && reply->batch->warns; i++)
        if (add_warning(out, reply, before, &warnings[i]))
            before = ",";
    if (before != start)
        buf_append_char(out, ']');
}

static const char *status_name(enum events_status status)
{
    switch (status) {
    case EVENTS_ACCEPTED:
        return "accepted";
    case EVENTS_REJECTED:
        return "rejected";
    case EVENTS_WITHHELD:
        return "withheld";
    case EVENTS_VALID:
        return "valid";
    case EVENTS_PENDING:
    case EVENTS_FAILED:
        break;
    }
    return "failed";
}

static void add_result(struct buf *out, const struct reply *reply, size_t index)
{
    const struct events_result *result = &reply->batch->results[index];
    add_count(out, "{\"index\":", index);
    if (result->event.transaction_id.size > 0)
        add_text(out, ",\"transaction_id\":", result->event.transaction_id);
    add_text(out, ",\"status\":", slice_from(status_name(result->status)));
    if (result->error != NULL) {
        buf_append_str(out, ",\"error\":");
        problem_append_error(out, result->error);
    }
    buf_append_char(out, '}');
}

/* Whether there is nothing to say about it: taken, or right and not produced. */
static bool is_plain(enum events_status status)
{
    return status == EVENTS_ACCEPTED || status == EVENTS_WITHHELD || status == EVENTS_VALID;
}

/* Events that are plainly right are listed only on demand. */
static void add_results(struct buf *out, const struct reply *reply)
{
    const char *before = "";
    const bool any = reply->results_all || reply->rejected + reply->failed > 0;
    buf_append_str(out, ",\"results\":[");
    for (size_t i = 0; i < reply->batch->results_len && any; i++) {
        if (!reply->results_all && is_plain(reply->batch->results[i].status))
            continue;
        buf_append_str(out, before);
        add_result(out, reply, i);
        before = ",";
    }
    buf_append_char(out, ']');
}

/* Room for that many more texts of a size at once: step by step a buffer copies what it has, again
 * and again. Where there is not so much room, those that come may be smaller. */
static void expect(struct buf *out, size_t texts, size_t size)
{
    size_t most = out->max - out->size;
    (void)buf_reserve(out, texts * size < most ? texts * size : most);
}

static void add_events(struct buf *out, const struct reply *reply)
{
    const char *before = "";
    const size_t len = reply->batch->results_len;
    buf_append_str(out, ",\"events\":[");
    for (size_t i = 0; i < len; i++) {
        enum events_status status = reply->batch->results[i].status;
        if (status != EVENTS_ACCEPTED && status != EVENTS_VALID)
            continue;
        const size_t start = out->size;
        buf_append_str(out, before);
        begin_event(out, reply, &reply->batch->results[i].event);
        buf_append_char(out, '}');
        if (before[0] == '\0')
            expect(out, len - i, out->size - start + 1);
        before = ",";
    }
    buf_append_char(out, ']');
}

static void add_counts(struct buf *out, const struct reply *reply, const char *before)
{
    buf_append_str(out, before);
    add_count(out, "\"ingested\":", reply->accepted);
    buf_append_str(out, ",\"duplicates\":0");
    add_count(out, ",\"rejected\":", reply->rejected);
    if (reply->failed > 0)
        add_count(out, ",\"failed\":", reply->failed);
    if (reply->withheld > 0)
        add_count(out, ",\"withheld\":", reply->withheld);
}

/* ---- Answers ---- */

static void answer_one(const struct reply *reply, struct answer *answer)
{
    const struct events_result *result = &reply->batch->results[0];
    if (result->error != NULL) {
        answer->status = problem_status(result->error);
        answer->content_type = problem_content_type;
        problem_begin(&answer->body, result->error, reply->request_id);
        if (result->event.transaction_id.size > 0)
            add_text(&answer->body, ",\"transaction_id\":", result->event.transaction_id);
    } else {
        answer->status = 201;
        begin_event(&answer->body, reply, &result->event);
        add_warnings(&answer->body, reply);
    }
    buf_append_str(&answer->body, "}\n");
}

/* What follows the counts of a list. */
static void end_summary(struct buf *out, const struct reply *reply, bool lists)
{
    if (lists) {
        add_results(out, reply);
        if (reply->batch->results_len <= EVENTS_SHOWN_MAX)
            add_events(out, reply);
    }
    add_warnings(out, reply);
    buf_append_str(out, "}\n");
}

static void answer_many(const struct reply *reply, bool lists, struct answer *answer)
{
    size_t taken = reply->accepted, all = reply->batch->results_len;
    answer->status = taken == all ? 201 : taken > 0 ? 207 : 422;
    add_counts(&answer->body, reply, "{");
    end_summary(&answer->body, reply, lists);
}

/* That events are wrong is no failure of the request. */
static void answer_validated(const struct reply *reply, bool lists, struct answer *answer)
{
    answer->status = 200;
    add_count(&answer->body, "{\"valid\":", reply->valid);
    add_count(&answer->body, ",\"rejected\":", reply->rejected);
    end_summary(&answer->body, reply, lists);
}

/* ---- Answers for clients of others ---- */

static void add_lago_event(struct buf *out, const struct reply *reply, const struct event *event)
{
    char *start = buf_reserve(out, event_size_max(event));
    if (start == NULL)
        return;
    char *to = put_id(PUT(start, "{\"lago_id\":"), reply, event);
    to = put_text(PUT(to, ",\"transaction_id\":"), event->transaction_id);
    to = PUT(to, ",\"lago_customer_id\":null,\"lago_subscription_id\":null");
    to = put_text(PUT(to, ",\"external_customer_id\":"), event->external_customer_id);
    to = PUT(to, ",\"external_subscription_id\":");
    if (event->external_subscription_id.size > 0)
        to = put_text(to, event->external_subscription_id);
    else
        to = PUT(to, "null");
    to = put_text(PUT(to, ",\"code\":"), event->code);
    to = put_time(PUT(to, ",\"timestamp\":"), event->timestamp_text, event->timestamp_ms);
    to = PUT(to, ",\"precise_total_amount_cents\":null");
    to = PUT(put_end(to, reply, event), "}");
    out->size += (size_t)(to - start);
}

/* {"code":["field_missing"]}: the first name of the pointer, or "base" where it is the whole. */
static void add_lago_error(struct buf *out, const struct err *err)
{
    const char *name = err->pointer[0] ? err->pointer + 1 : "base";
    add_text(out, "{", (struct slice){name, strcspn(name, "/")});
    add_text(out, ":[", slice_from(err_code_name(err->code)));
    buf_append_str(out, "]}");
}

static void add_lago_details(struct buf *out, const struct reply *reply)
{
    const struct events_batch *batch = reply->batch;
    const char *before = "{\"";
    for (size_t i = 0; i < batch->results_len && !batch->single; i++) {
        if (batch->results[i].error == NULL)
            continue;
        add_count(out, before, i);
        buf_append_str(out, "\":");
        add_lago_error(out, batch->results[i].error);
        before = ",\"";
    }
    if (batch->single)
        add_lago_error(out, batch->results[0].error);
    else
        buf_append_char(out, '}');
}

static void answer_lago(const struct reply *reply, bool lists, struct answer *answer)
{
    const struct events_batch *batch = reply->batch;
    struct buf *out = &answer->body;
    if (reply->rejected > 0) {
        answer->status = 422;
        buf_append_str(out, "{\"status\":422,\"error\":\"Unprocessable Entity\","
                            "\"code\":\"validation_errors\"");
        if (lists) {
            buf_append_str(out, ",\"error_details\":");
            add_lago_details(out, reply);
            add_results(out, reply);
        }
        buf_append_str(out, "}\n");
        return;
    }
    answer->status = 200;
    buf_append_str(out, batch->single ? "{\"event\":" : "{\"events\":[");
    for (size_t i = 0; lists && i < batch->results_len; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        add_lago_event(out, reply, &batch->results[i].event);
    }
    buf_append_str(out, batch->single ? "}\n" : "]}\n");
}

static void answer_openmeter(const struct reply *reply, bool lists, struct answer *answer)
{
    if (reply->rejected == 0) {
        answer->status = 204;
        answer->content_type = NULL;
    } else if (reply->batch->single) {
        answer_one(reply, answer);
    } else {
        answer_many(reply, lists, answer);
        answer->status = 422;
    }
}

static void answer_failed(const struct reply *reply, bool lists, struct answer *answer)
{
    struct err err;
    err_set(&err, ERR_FATE_UNKNOWN,
            "%zu of %zu events were not acknowledged; sending the same body again is right",
            reply->failed, reply->batch->results_len);
    answer->status = 503;
    answer->content_type = problem_content_type;
    answer->retry_after_s = RETRY_AFTER_S;
    problem_begin(&answer->body, &err, reply->request_id);
    add_counts(&answer->body, reply, ",");
    if (lists)
        add_results(&answer->body, reply);
    buf_append_str(&answer->body, "}\n");
}

static void answer_with(const struct reply *reply, bool lists, struct answer *answer)
{
    if (reply->failed > 0)
        answer_failed(reply, lists, answer);
    else if (reply->form == EVENTS_FORM_LAGO)
        answer_lago(reply, lists, answer);
    else if (reply->form == EVENTS_FORM_OPENMETER)
        answer_openmeter(reply, lists, answer);
    else if (reply->validate)
        answer_validated(reply, lists, answer);
    else if (reply->batch->single)
        answer_one(reply, answer);
    else
        answer_many(reply, lists, answer);
}

void events_answer(const struct events_batch *batch, const struct event_rules *rules,
                   const struct events_options *options, struct answer *ret_answer)
{
    struct event_ids ids;
    struct reply reply = {
        .batch = batch,
        .rules = rules,
        .form = options->form,
        .results_all = options->results_all,
        .validate = options->validate,
        .ids = &ids,
        .request_id = options->request_id,
    };
    event_ids_init(&ids, rules->organization_id);
    clock_format(rules->received_ms, reply.received);
    struct answer answer = {.content_type = json_content_type};
    count(&reply);
    buf_init(&answer.body, ANSWER_SIZE_MAX);
    answer_with(&reply, true, &answer);
    if (answer.body.overflow) {
        buf_reset(&answer.body);
        answer_with(&reply, false, &answer);
    }
    *ret_answer = answer;
}
