/* The HTTP listener for events.
 *
 * Threads: on_request and on_completed run on the thread of the loop that has the connection.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/listener.h"

#include "admin/admin.h"
#include "base/log.h"
#include "server/loop.h"
#include "server/request.h"
#include "server/server.h"
#include <fcntl.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    DESCRIPTORS_SPARE = 128, /* beside those of connections */
};

struct listener {
    struct loop_connections connections;
    struct loop **loops; /* owned, and the loops too */
    size_t loops_len;
};

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *http_version,
                                  const char *data, size_t *size, void **closure)
{
    if (!*closure) {
        struct loop *loop = context;
        struct request *request = request_new(loop_context(loop), loop, connection);
        *closure = request;
        return request_headers(request, method, path, http_version);
    }
    struct request *request = request_cast(*closure);
    if (*size > 0) {
        size_t given = *size;
        *size = 0;
        return request_body(request, data, given);
    }
    if (atomic_load(&request->state) == REQUEST_ANSWERING)
        return request_answer(request);
    return request_end(request);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **closure,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    if (!*closure)
        return;
    struct request *request = request_cast(*closure);
    *closure = NULL;
    request_completed(request, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
}

static void on_library_line(void *context, const char *format, va_list args)
{
    (void)context;
    char text[256];
    vsnprintf(text, sizeof(text), format, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug(HTTP_LIBRARY, log_str("text", text));
}

/* A process may open 1,024 files unless it asks for what it is allowed. Returns how many
 * connections there is room for: fewer than wanted when the system does not allow more. */
static unsigned make_room(uint64_t connections)
{
    struct rlimit limit;
    const rlim_t wanted = connections + DESCRIPTORS_SPARE;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return (unsigned)connections;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= wanted)
        return (unsigned)connections;
    const rlim_t room = limit.rlim_cur > 2 * DESCRIPTORS_SPARE ? limit.rlim_cur - DESCRIPTORS_SPARE
                                                               : DESCRIPTORS_SPARE;
    log_warning(CONNECTIONS_FEWER, log_u64("connections", room),
                log_u64("connections_max", connections), log_u64("files", limit.rlim_cur));
    return (unsigned)room;
}

/* Each loop has a descriptor of its own of the listening socket to close; the last one has `fd`. */
static bool start_loops(struct listener *listener, int fd, size_t threads,
                        const struct loop_options *options)
{
    listener->loops = xcalloc(threads, sizeof(struct loop *));
    for (; listener->loops_len < threads; listener->loops_len++) {
        int own_fd = listener->loops_len + 1 < threads ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : fd;
        struct loop *loop = own_fd >= 0 ? loop_start(own_fd, options) : NULL;
        if (!loop) {
            if (own_fd != fd)
                close(fd);
            return false;
        }
        listener->loops[listener->loops_len] = loop;
    }
    return true;
}

struct listener *listener_start(struct server *server, const struct settings *settings,
                                struct err *reterr)
{
    int fd;
    if (!admin_open_socket(settings->server_listen, BACKLOG, &fd, reterr))
        return NULL;
    struct listener *listener = xcalloc(1, sizeof(*listener));
    listener->connections.max = make_room(settings->server_connections_max);
    const struct loop_options options = {
        .on_request = on_request,
        .on_completed = on_completed,
        .on_line = on_library_line,
        .context = server,
        .limits = &server->limits,
        .connections = &listener->connections,
        .idle_timeout_s = (unsigned)(settings->server_client_timeout / 1000),
    };
    if (start_loops(listener, fd, settings->server_threads, &options))
        return listener;
    listener_stop(listener);
    err_set(reterr, ERR_IO, "cannot serve %s: libmicrohttpd refuses", settings->server_listen);
    return NULL;
}

unsigned listener_connections(const struct listener *listener)
{
    return listener ? atomic_load(&listener->connections.open) : 0;
}

void listener_quiesce(struct listener *listener)
{
    for (size_t i = 0; i < listener->loops_len; i++)
        loop_quiesce(listener->loops[i]);
}

void listener_stop(struct listener *listener)
{
    if (!listener)
        return;
    for (size_t i = 0; i < listener->loops_len; i++)
        loop_stop(listener->loops[i]);
    free(listener->loops);
    free(listener);
}
