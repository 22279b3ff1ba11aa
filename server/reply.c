/* Answers, as libmicrohttpd sends them. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/reply.h"

#include "base/metrics.h"
#include "server/request.h"
#include "server/server.h"
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
    if (answer->status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        char seconds[16];
        snprintf(seconds, sizeof(seconds), "%d",
                 answer->retry_after_s > 0 ? answer->retry_after_s : 1);
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    if (atomic_load_explicit(&request->server->stopping, memory_order_relaxed))
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
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
    answer->body.data = NULL;
    answer->body.size = answer->body.capacity = 0;
    add_headers(response, request, answer);
    enum MHD_Result result =
        MHD_queue_response(request->connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    atomic_store(&request->state, REQUEST_ANSWERED);
    count(answer->status);
    return result;
}

enum MHD_Result reply_problem(struct request *request, const struct err *err)
{
    struct answer answer;
    problem_answer(err, slice_from(request->id), &answer);
    return reply_send(request, &answer);
}

enum MHD_Result reply_options(struct request *request)
{
    struct answer answer = {.status = MHD_HTTP_NO_CONTENT};
    return reply_send(request, &answer);
}
