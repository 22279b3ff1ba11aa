/* Errors in the form of RFC 9457. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "handlers/problem.h"
#include "handlers/events.h"

enum {
    PROBLEM_SIZE_MAX = 16384, /* far above what struct err and a request id can hold */
    RETRY_AFTER_S = 1,
};

const char problem_content_type[] = "application/problem+json";

/* What a caller is told. An error without an HTTP status is about our own parts: it says nothing to
 * a caller and may say too much. */
static struct err for_caller(const struct err *err)
{
    if (err_code_status(err->code) != 0)
        return *err;
    struct err internal;
    err_set(&internal, ERR_INTERNAL, "the request could not be served");
    return internal;
}

int problem_status(const struct err *err)
{
    return err_code_status(for_caller(err).code);
}

static void add(struct buf *out, const char *label, const char *text)
{
    buf_append_str(out, label);
    buf_append_json(out, slice_from(text));
}

void problem_begin(struct buf *out, const struct err *err, struct slice request_id)
{
    struct err shown = for_caller(err);
    buf_append_str(out, "{\"type\":\"urn:bxb:error:");
    buf_append_str(out, err_code_name(shown.code));
    add(out, "\",\"title\":", err_code_title(shown.code));
    buf_append_str(out, ",\"status\":");
    buf_append_i64(out, err_code_status(shown.code));
    add(out, ",\"code\":", err_code_name(shown.code));
    add(out, ",\"detail\":", shown.text);
    if (shown.pointer[0] != '\0')
        add(out, ",\"pointer\":", shown.pointer);
    add(out, ",\"remedy\":", err_code_remedy(shown.code));
    if (request_id.size > 0) {
        buf_append_str(out, ",\"request_id\":");
        buf_append_json(out, request_id);
    }
}

void problem_append_error(struct buf *out, const struct err *err)
{
    struct err shown = for_caller(err);
    add(out, "{\"code\":", err_code_name(shown.code));
    add(out, ",\"pointer\":", shown.pointer);
    add(out, ",\"detail\":", shown.text);
    add(out, ",\"remedy\":", err_code_remedy(shown.code));
    buf_append_char(out, '}');
}

void problem_answer(const struct err *err, struct slice request_id, struct answer *ret_answer)
{
    struct answer answer = {
        .status = problem_status(err),
        .content_type = problem_content_type,
    };
    if (err_code_class(err->code) == ERR_CLASS_RETRY && answer.status == 503)
        answer.retry_after_s = RETRY_AFTER_S;
    buf_init(&answer.body, PROBLEM_SIZE_MAX);
    problem_begin(&answer.body, err, request_id);
    buf_append_str(&answer.body, "}\n");
    *ret_answer = answer;
}

void answer_done(struct answer *answer)
{
    buf_done(&answer->body);
}
