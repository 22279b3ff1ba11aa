/* The HTTP listener for events: one socket, served by server.threads loops.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_LISTENER_H
#define SERVER_LISTENER_H
#include "base/err.h"
#include "base/settings.h"
#include <stdint.h>

struct server;
struct listener;

/* Errors: SETTINGS_INVALID, IO (a port that is taken). */
struct listener *listener_start(struct server *server, const struct settings *settings,
                                struct err *reterr) MUST_CHECK;

/* Closes the listening socket: no new connections. Those that exist go on. */
void listener_quiesce(struct listener *listener);

/* How many connections there are; NULL is fine. @thread any */
unsigned listener_connections(const struct listener *listener);

/* Closes every connection and ends the threads. No connection may be suspended. NULL is fine. */
void listener_stop(struct listener *listener);

#endif
