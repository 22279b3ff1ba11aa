/* HTTP requests side by side, by libcurl's multi interface. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/http.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include <curl/curl.h>
#include <stdlib.h>

_Static_assert((int)HTTP_ERROR_SIZE >= (int)CURL_ERROR_SIZE, "libcurl's messages must fit");

struct http_transfer {
    struct http_transfer *next, *previous; /* of those under way */
    struct http_request *request;          /* borrowed */
    CURL *easy;
    struct curl_slist *headers;
};

struct http {
    CURLM *multi;
    struct http_transfer *transfers;
};

struct http *http_new(void)
{
    ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    struct http *http = xcalloc(1, sizeof(*http));
    http->multi = curl_multi_init();
    ASSERT(http->multi);
    return http;
}

static void transfer_free(struct http *http, struct http_transfer *transfer)
{
    curl_multi_remove_handle(http->multi, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        http->transfers = transfer->next;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
    transfer->request->transfer = NULL;
    free(transfer);
}

void http_free(struct http *http)
{
    if (!http)
        return;
    while (http->transfers)
        transfer_free(http, http->transfers);
    curl_multi_cleanup(http->multi);
    free(http);
}

void http_freep(struct http **http)
{
    http_free(*http);
}

void http_request_done(struct http_request *request)
{
    buf_done(&request->answer);
}

static size_t take_answer(char *data, size_t size, size_t count, void *context)
{
    struct http_request *request = context;
    buf_append(&request->answer, data, size * count);
    return request->answer.overflow ? 0 : size * count; /* less than all ends the transfer */
}

static void set_headers(struct http_transfer *transfer)
{
    const struct http_request *request = transfer->request;
    if (request->api_key && request->api_key[0]) {
        CLEANUP(mem_freep)
        char *header = xasprintf("Authorization: Bearer %s", request->api_key);
        transfer->headers = curl_slist_append(transfer->headers, header);
    }
    if (request->content_type) {
        CLEANUP(mem_freep) char *header = xasprintf("Content-Type: %s", request->content_type);
        transfer->headers = curl_slist_append(transfer->headers, header);
        /* Asking first would cost a round trip for each large body. */
        transfer->headers = curl_slist_append(transfer->headers, "Expect:");
        curl_easy_setopt(transfer->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDS, request->body.data);
        curl_easy_setopt(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)request->body.size);
    }
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
}

void http_start(struct http *http, struct http_request *request)
{
    ASSERT(!request->transfer);
    struct http_transfer *transfer = xcalloc(1, sizeof(*transfer));
    transfer->request = request;
    transfer->easy = curl_easy_init();
    ASSERT(transfer->easy);
    transfer->next = http->transfers;
    if (transfer->next)
        transfer->next->previous = transfer;
    http->transfers = transfer;

    buf_done(&request->answer);
    buf_init(&request->answer, HTTP_ANSWER_SIZE_MAX);
    request->transfer = transfer;
    request->status = 0;
    request->retry_after_s = 0;
    request->error[0] = '\0';

    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "bxb/" PACKAGE_VERSION);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->error);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    set_headers(transfer);
    ASSERT(curl_multi_add_handle(http->multi, easy) == CURLM_OK);
}

static struct http_request *finish(struct http *http, const CURLMsg *message)
{
    struct http_transfer *transfer = NULL;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
    struct http_request *request = transfer->request;
    if (message->data.result == CURLE_OK) {
        long status = 0;
        curl_off_t retry_after_s = 0;
        curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after_s);
        request->status = (int)status;
        request->retry_after_s = retry_after_s;
    } else if (request->error[0] == '\0') {
        snprintf(request->error, sizeof(request->error), "%s",
                 curl_easy_strerror(message->data.result));
    }
    transfer_free(http, transfer);
    return request;
}

/* A request that libcurl has finished, if there is one. */
static struct http_request *next_finished(struct http *http)
{
    int running, left;
    ASSERT(curl_multi_perform(http->multi, &running) == CURLM_OK);
    for (CURLMsg *message; (message = curl_multi_info_read(http->multi, &left));)
        if (message->msg == CURLMSG_DONE)
            return finish(http, message);
    return NULL;
}

struct http_request *http_wait(struct http *http, int64_t timeout_ms, int input)
{
    struct http_request *request = next_finished(http);
    if (request || timeout_ms <= 0)
        return request;
    struct curl_waitfd extra = {.fd = input, .events = CURL_WAIT_POLLIN};
    int64_t deadline_mono_ms = clock_mono_ms() + timeout_ms;
    for (int64_t left = timeout_ms; !request && left > 0;
         left = deadline_mono_ms - clock_mono_ms()) {
        /* An early end without a finished request is libcurl's own affair, unless it is the input;
         * a signal shows as the call's early return as well. */
        curl_multi_poll(http->multi, input >= 0 ? &extra : NULL, input >= 0, (int)left, NULL);
        request = next_finished(http);
        if (input >= 0 && extra.revents)
            break;
    }
    return request;
}

bool http_get(struct http *http, const char *url, int64_t timeout_ms,
              struct http_request *ret_request)
{
    *ret_request = (struct http_request){.url = url, .timeout_ms = timeout_ms};
    http_start(http, ret_request);
    while (!http_wait(http, timeout_ms + 1000, -1))
        ;
    return ret_request->status != 0;
}
