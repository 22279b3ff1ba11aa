/* The admin listener that bxb-server and bxb-writer share: /livez, /readyz, /metrics, /version.
 *
 *     admin = admin_start(settings.server_admin_listen, &hooks, &err);
 *     …
 *     admin_stop(admin);
 *
 * Plain HTTP for orchestrators and Prometheus; bind it where strangers cannot reach it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H
#include "base/buf.h"
#include "base/err.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct admin;

/* Called on the listener's thread, one at a time. */
struct admin_hooks {
    const char *program;                              /* "bxb-server" */
    bool (*ready)(void *context, struct err *reterr); /* false: /readyz is 503 and says why */
    /* Called before the table is printed: sets gauges, and appends lines beyond the table. May be
     * NULL. */
    void (*metrics)(void *context, struct buf *out);
    void *context;
};

/* Starts the listener and its thread. `listen` is "address:port"; port 0 takes any that is free.
 * The hooks are copied. Errors: SETTINGS_INVALID, IO (a port that is taken is never shared). */
struct admin *admin_start(const char *listen, const struct admin_hooks *hooks,
                          struct err *reterr) MUST_CHECK;
void admin_stop(struct admin *admin); /* NULL is fine */
uint16_t admin_port(const struct admin *admin);

/* Splits "address:port" ("[::1]:80" too; the address must be numeric). Errors: SETTINGS_INVALID. */
bool admin_parse_listen(const char *listen, struct sockaddr_storage *ret_address,
                        struct err *reterr) MUST_CHECK;

/* Opens a listening socket, non-blocking, closed on exec; shared with nobody.
 * Errors: SETTINGS_INVALID, IO. */
bool admin_open_socket(const char *listen, int backlog, int *ret_fd, struct err *reterr) MUST_CHECK;

#endif
