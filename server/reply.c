/* Answers, as libmicrohttpd sends them. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/reply.h"

#include "base/metrics.h"
#include "server/refusals.h"
#include "server/pages.h"
#include "server/request.h"
#include "server/server.h"
#include "server/tenants.h"
#include <stdio.h>

static void count(int status)
{
    if (status >= 500)
        metrics_add(METRIC_SERVER_ANSWERS_5XX, 1);
    else if (status >= 400)
        metrics_add(METRIC_SERVER_ANSWERS_4XX, 1);
    else
        metrics_add(METRIC_SERVER_ANSWERS_2XX, 1);
}

static void add_number(struct MHD_Response *response, const char *name, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    MHD_add_response_header(response, name, text);
}

/* For whoever has limits: how much of them is left. */
static void add_quota(struct MHD_Response *response, const struct request *request)
{
    struct quota_view view;
    if (!request->tenant || !quota_look(&request->quota, &request->tenant->usage,
                                        loop_turn_us(request->loop) * 1000, &view))
        return;
    add_number(response, "X-RateLimit-Limit", view.limit);
    add_number(response, "X-RateLimit-Remaining", view.remaining);
    add_number(response, "X-RateLimit-Reset", (uint64_t)view.reset_s);
    MHD_add_response_header(response, "X-RateLimit-Unit", view.unit);
}

/* Whether the connection ends with this answer. What stands behind a request that can be understood
 * in two ways may be a part of it; and libmicrohttpd reads the sizes of chunks more generously than
 * others on the way may, so nothing behind a chunked body is taken for a request. */
static bool closes(const struct request *request)
{
    return atomic_load_explicit(&request->server->stopping, memory_order_relaxed) ||
           request->refusal.code == ERR_REQUEST_AMBIGUOUS || request->headers.transfer_headers > 0;
}

static void add_headers(struct MHD_Response *response, const struct request *request,
                        const struct answer *answer)
{
    if (answer->content_type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
    MHD_add_response_header(response, "X-Request-Id", request->id);
    if (answer->status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (request->allow[0] != '\0')
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, request->allow);
    if (answer->status == MHD_HTTP_SERVICE_UNAVAILABLE ||
        answer->status == MHD_HTTP_TOO_MANY_REQUESTS)
        add_number(response, MHD_HTTP_HEADER_RETRY_AFTER,
                   answer->retry_after_s > 0 ? (uint64_t)answer->retry_after_s : 1);
    add_quota(response, request);
    if (closes(request))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

/* Sends the response, which is let go of. `size`: bytes of memory that its body has. */
static enum MHD_Result queue(struct request *request, struct MHD_Response *response, int status,
                             size_t size)
{
    client_enter(request->client, CLIENT_ANSWER);
    enum MHD_Result result = MHD_queue_response(request->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    atomic_store(&request->state, REQUEST_ANSWERED);
    count(status);
    request_answered(request, size);
    return result;
}

enum MHD_Result reply_send(struct request *request, struct answer *answer)
{
    /* The library frees the body, which xmalloc made, when it is sent. */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        answer->body.size, answer->body.data, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        answer_done(answer);
        return MHD_NO;
    }
    const size_t size = answer->body.capacity;
    answer->body.data = NULL;
    answer->body.size = answer->body.capacity = 0;
    add_headers(response, request, answer);
    return queue(request, response, answer->status, size);
}

enum MHD_Result reply_page(struct request *request)
{
    const struct page *page = request->page;
    const struct answer answer = {.status = MHD_HTTP_OK, .content_type = page->content_type};
    /* The library takes no pointer to const, and writes nothing. */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        page->size, (void *)(uintptr_t)page->data, MHD_RESPMEM_PERSISTENT);
    if (!response)
        return MHD_NO;
    add_headers(response, request, &answer);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    /* A page with a key in it talks to nobody but this server. */
    MHD_add_response_header(response, "Content-Security-Policy",
                            "default-src 'none'; style-src 'unsafe-inline'; "
                            "script-src 'unsafe-inline'; connect-src 'self'; "
                            "form-action 'none'; base-uri 'none'; frame-ancestors 'none'");
    return queue(request, response, answer.status, 0);
}

enum MHD_Result reply_problem(struct request *request, const struct err *err)
{
    struct answer answer;
    problem_answer(err, slice_from(request->id), &answer);
    if (request->retry_after_s > 0)
        answer.retry_after_s = request->retry_after_s;
    refusals_count(err->code);
    return reply_send(request, &answer);
}

enum MHD_Result reply_options(struct request *request)
{
    struct answer answer = {.status = MHD_HTTP_NO_CONTENT};
    return reply_send(request, &answer);
}
