/* What an answer to POST /v1/events means. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/send_answer.h"
#include "base/mem.h"
#include <jansson.h>
#include <string.h>

static void json_freep(json_t **json)
{
    json_decref(*json);
}

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

static uint64_t count_of(const json_t *object, const char *member)
{
    json_int_t count = json_integer_value(json_object_get(object, member));
    return count > 0 ? (uint64_t)count : 0;
}

/* 4xx that says nothing about the events, and 5xx that says nothing at all, need somebody; the
 * others pass. */
static bool may_pass(int status)
{
    return status == 408 || status == 429 || status == 502 || status == 503 || status == 504;
}

static enum send_verdict refused(int status, const json_t *body, struct err *reterr)
{
    const char *code = text_of(body, "code"), *detail = text_of(body, "detail");
    enum err_code kind = ERR_INTERNAL;
    if (may_pass(status))
        kind = ERR_NOT_READY;
    else if (status == 401)
        kind = ERR_UNAUTHORIZED;
    else if (status == 403)
        kind = ERR_FORBIDDEN;
    else if (status == 404)
        kind = ERR_NOT_FOUND;
    else if (status < 500)
        kind = ERR_USAGE;
    err_set(reterr, kind, "the server answered %d%s%s%s%s", status, code[0] ? " " : "", code,
            detail[0] ? ": " : "", detail);
    return may_pass(status) ? SEND_AGAIN : SEND_STOP;
}

static void tell_rejected(const json_t *body, send_reject_fn *reject, void *context)
{
    size_t i;
    const json_t *result;
    json_array_foreach(json_object_get(body, "results"), i, result)
    {
        const json_t *error = json_object_get(result, "error");
        if (!error)
            continue;
        const struct send_rejection rejection = {
            .index = count_of(result, "index"),
            .code = text_of(error, "code"),
            .pointer = text_of(error, "pointer"),
            .detail = text_of(error, "detail"),
        };
        reject(context, &rejection);
    }
}

/* An answer for several events: their fates must add up to what was sent. */
static enum send_verdict judge_many(const json_t *body, uint64_t events, send_reject_fn *reject,
                                    void *context, struct send_counts *ret_counts,
                                    struct err *reterr)
{
    const struct send_counts counts = {
        .accepted = count_of(body, "ingested"),
        .duplicates = count_of(body, "duplicates"),
        .rejected = count_of(body, "rejected"),
    };
    uint64_t sum = counts.accepted + counts.duplicates + counts.rejected;
    if (sum != events) {
        err_set(reterr, ERR_INTERNAL, "the server's answer accounts for %llu of %llu events",
                (unsigned long long)sum, (unsigned long long)events);
        return SEND_STOP;
    }
    tell_rejected(body, reject, context);
    *ret_counts = counts;
    return SEND_TAKEN;
}

/* An answer in the form for one event. */
static enum send_verdict judge_one(int status, const json_t *body, send_reject_fn *reject,
                                   void *context, struct send_counts *ret_counts)
{
    *ret_counts = (struct send_counts){0};
    if (status == 422) {
        const struct send_rejection rejection = {
            .code = text_of(body, "code"),
            .pointer = text_of(body, "pointer"),
            .detail = text_of(body, "detail"),
        };
        reject(context, &rejection);
        ret_counts->rejected = 1;
    } else if (json_is_true(json_object_get(body, "duplicate"))) {
        ret_counts->duplicates = 1;
    } else {
        ret_counts->accepted = 1;
    }
    return SEND_TAKEN;
}

enum send_verdict send_judge(int status, struct slice answer, const char *problem, uint64_t events,
                             send_reject_fn *reject, void *context, struct send_counts *ret_counts,
                             struct err *reterr)
{
    if (status == 0) {
        err_set(reterr, ERR_NOT_READY, "no answer from the server: %s", problem);
        return SEND_AGAIN;
    }
    CLEANUP(json_freep)
    json_t *body = json_loadb(answer.data ? answer.data : "", answer.size, 0, NULL);
    bool taken = status >= 200 && status < 300;
    if (!taken && status != 422)
        return refused(status, body, reterr);
    if (json_object_get(body, "ingested"))
        return judge_many(body, events, reject, context, ret_counts, reterr);
    if (events == 1 && (json_object_get(body, "id") || status == 422))
        return judge_one(status, body, reject, context, ret_counts);
    err_set(reterr, ERR_INTERNAL,
            "the answer %d is not one of bxb-server's: is the setting url right?", status);
    return SEND_STOP;
}
