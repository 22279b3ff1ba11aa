/* bxb-server's parts, put together: catalog, producer, the listeners, and what they share.
 *
 *     struct server server;
 *     if (!server_start(&server, &settings, &err)) …
 *     server_watch(&server);            // about once a second
 *     server_stop(&server, &settings);  // SIGTERM
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H
#include "admin/admin.h"
#include "base/err.h"
#include "base/settings.h"
#include "catalog/catalog.h"
#include "kafka/producer.h"
#include "server/deadline.h"
#include "server/delay.h"
#include "server/limits.h"
#include "server/tenants.h"
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct listener;

enum {
    SERVER_ID_PREFIX_SIZE = 16,
    SERVER_ID_SIZE = SERVER_ID_PREFIX_SIZE + 1 + 16,
};

struct server {
    /* Set at start, then read-only. */
    struct catalog *catalog;
    struct producer *producer;
    struct admin *admin;
    struct listener *listener;
    char id_prefix[SERVER_ID_PREFIX_SIZE + 1]; /* of request ids that we make */
    const char *topic;                         /* borrowed */

    /* Any thread. */
    struct limits limits;
    struct tenants tenants;
    struct deadlines deadlines;
    alignas(64) struct delay_seen
        acknowledged;              /* from the whole body to the broker's acknowledgement */
    atomic_bool stopping;          /* new requests are refused */
    atomic_uint_fast64_t requests; /* that exist */
    atomic_uint_fast64_t next_id;

    /* The main thread's own, of server_watch. */
    bool was_ready;
    bool reported;
    uint64_t recreations, losses;
    uint32_t risks; /* of the topic, bits of kafka/topic_check.h */
};

/* Starts everything; does not wait for PostgreSQL or the broker. `settings` is borrowed until
 * server_stop. Errors: SETTINGS_INVALID, IO. */
bool server_start(struct server *server, const struct settings *settings,
                  struct err *reterr) MUST_CHECK;

/* Stops accepting, lets what is in flight finish for `grace_ms`, answers the rest 503, frees. Every
 * event that was acknowledged to a caller is in the log. */
void server_stop(struct server *server, int64_t grace_ms);

/* Takes over reloaded settings. */
void server_reload(struct server *server, const struct settings *settings);

/* Logs what changed since the last call: readiness, a producer made anew, trouble of the catalog.
 */
void server_watch(struct server *server);

/* Whether all it needs is there. Errors: SHUTTING_DOWN, NOT_READY, BROKER_UNAVAILABLE. */
bool server_takes(struct server *server, struct err *reterr) MUST_CHECK;

/* A request begins and ends to exist. */
void server_enter(struct server *server);
void server_leave(struct server *server);

/* A request id that no other request of any process has: SERVER_ID_SIZE characters and a NUL. */
void server_make_id(struct server *server, char *ret_id);

#endif
