/* ClickHouse's HTTP interface: GET and POST / with a query, /ping, /replicas_status; and /identity,
 * which tells the data directory's id, so that whoever waits for this server can tell it from a
 * stranger on the same port.
 *
 * Threads: one per connection, because the engine's calls block.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EMBEDDED_LISTENER_H
#define EMBEDDED_LISTENER_H
#include "base/err.h"
#include "embedded/request.h"
#include <stdbool.h>
#include <stdint.h>

struct listener;

struct listener_options {
    const char *listen;       /* "address:port" */
    uint64_t connections_max; /* further ones wait */
    int64_t timeout_ms;       /* a connection on which nothing arrives is closed after this */
    struct host *host;        /* borrowed; so is the rest */
    const char *identity;     /* answer to /identity */
    const char *display_name; /* X-ClickHouse-Server-Display-Name */
    const char *timezone;     /* X-ClickHouse-Timezone */
};

/* A port that is taken is an error, never shared. Errors: SETTINGS_INVALID, IO. */
struct listener *listener_start(const struct listener_options *options,
                                struct err *reterr) MUST_CHECK;

/* Accepts no further connection. Requests on open ones are still answered. */
void listener_quiesce(struct listener *listener);

/* Closes what is open. Statements that still run hold it up. NULL is fine. */
void listener_stop(struct listener *listener);

#endif
