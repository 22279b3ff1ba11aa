/* One request of ClickHouse's HTTP interface, without HTTP: arguments and body in, a reply out.
 *
 *     request = request_new(&host, is_get);
 *     request_argument(request, SLICE("query"), value); …
 *     request_begin(request);
 *     request_body(request, bytes); …
 *     request_finish(request, &reply);
 *     reply_done(&reply);
 *     request_free(request);
 *
 * Nothing here fails at once: what goes wrong is kept and becomes the reply, so that the rest of
 * the body is read first and the client gets to see it. A request that is freed without
 * request_finish was cut off: its INSERT lands nothing.
 *
 * Threads: a request is used by one thread. SPDX-License-Identifier: Apache-2.0 */
#ifndef EMBEDDED_REQUEST_H
#define EMBEDDED_REQUEST_H
#include "base/slice.h"
#include "embedded/engine.h"
#include "embedded/running.h"
#include <stdbool.h>
#include <stdint.h>

struct request;

/* What all requests share; set at start, then read-only, but for `running`. */
struct host {
    struct engine *engine;
    const char *user;     /* the one user there is */
    const char *password; /* "": none is asked for */
    uint64_t query_max;   /* bytes of a statement at most */
    struct running running;
};

struct reply {
    int exception;        /* ClickHouse's code, or 0 */
    char *error;          /* owned; text of the exception, or NULL */
    struct answer answer; /* owned; its body is the reply's when there is no exception */
    struct slice format;  /* of the body; borrowed from the request */
};

/* `is_get`: a GET reads only, as with ClickHouse. The host outlives the request. */
struct request *request_new(struct host *host, bool is_get);
void request_free(struct request *request); /* NULL is fine */

/* An argument of the URL, decoded, or what a header says under the argument's name. Copies. */
void request_argument(struct request *request, struct slice name, struct slice value);

void request_encoding(struct request *request, const char *content_encoding);

/* All arguments are there. */
void request_begin(struct request *request);
void request_body(struct request *request, struct slice bytes);
void request_finish(struct request *request, struct reply *ret_reply);
void reply_done(struct reply *reply);

/* The caller's id, or a made one. Valid as long as the request. */
const char *request_query_id(const struct request *request);

/* Whether there is a statement in the arguments. */
bool request_has_query(const struct request *request);

/* How long the caller lets us wait for more of the body (http_receive_timeout); 0: not said. */
uint64_t request_receive_timeout_s(const struct request *request);

#endif
