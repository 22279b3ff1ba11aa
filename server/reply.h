/* Answers, as libmicrohttpd sends them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_REPLY_H
#define SERVER_REPLY_H
#include "base/err.h"
#include "handlers/events.h"
#include <microhttpd.h>

struct request;

/* Queues the answer on the request's connection, with X-Request-Id and what else the status calls
 * for, and counts it. Takes the answer's body. @thread of the connection */
enum MHD_Result reply_send(struct request *request, struct answer *answer);

/* The same for a request that is refused as a whole. */
enum MHD_Result reply_problem(struct request *request, const struct err *err);

/* 200 with request->page. */
enum MHD_Result reply_page(struct request *request);

/* 204 with Allow, for OPTIONS. */
enum MHD_Result reply_options(struct request *request);

#endif
