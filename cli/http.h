/* HTTP requests side by side, on one thread.
 *
 *     struct http *http = http_new();
 *     struct http_request request = {.url = url, .body = body, …};
 *     http_start(http, &request);
 *     struct http_request *done = http_wait(http, 1000, -1);
 *
 * Threads: one. SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H
#include "base/buf.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    HTTP_CONNECT_TIMEOUT_MS = 5000,
    HTTP_ANSWER_SIZE_MAX = 64 * 1024 * 1024,
    HTTP_ERROR_SIZE = 256, /* at least CURL_ERROR_SIZE */
};

struct http;

struct http_request {
    /* Set by the caller; borrowed until the request is finished. */
    const char *url;
    const char *api_key;      /* NULL or "": none */
    const char *content_type; /* NULL: a GET, and body is not used */
    struct slice body;
    int64_t timeout_ms;
    void *context;

    /* What came of it. */
    int status;                  /* HTTP; 0: no answer, `error` says why */
    int64_t retry_after_s;       /* 0: the server did not say */
    struct buf answer;           /* owned: http_request_done */
    char error[HTTP_ERROR_SIZE]; /* one sentence */

    struct http_transfer *transfer; /* while it is under way */
};

void http_request_done(struct http_request *request); /* a zeroed one is fine */

struct http *http_new(void);
void http_free(struct http *http); /* ends what is under way; NULL is fine */
void http_freep(struct http **http);

void http_start(struct http *http, struct http_request *request);

/* Returns a request that is finished, or NULL after timeout_ms, after a signal, or when there is
 * something to read from `input` (-1: none). */
struct http_request *http_wait(struct http *http, int64_t timeout_ms, int input);

/* One GET, waited for. True: there is an answer, of whatever status. */
bool http_get(struct http *http, const char *url, int64_t timeout_ms,
              struct http_request *ret_request);

#endif
