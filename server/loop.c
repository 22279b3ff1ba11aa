/* The event loop of a thread that serves connections.
 *
 * Threads: the daemon is the loop's thread's own. Others leave what they want in `quiesce` and
 * `stop`, or with libmicrohttpd (loop_resume), and wake it. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/loop.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "server/block.h"
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* Bytes for headers and the part of a body read at once. The library keeps them for as long as
     * the connection lives. */
    CONNECTION_MEMORY = 32 * 1024,
    WAIT_MAX_MS = 500,
    ACCEPT_MAX = 64,       /* connections before the others have their turn */
    ACCEPT_PAUSE_MS = 100, /* when the system has no descriptor or memory for one more */
};

struct loop {
    /* Set at start, then read-only. */
    struct loop_options options;
    struct MHD_Daemon *daemon;
    struct thread thread;
    int epoll_fd; /* the daemon's */
    int wake_fd;  /* an eventfd */

    /* Any thread. */
    atomic_bool awake; /* wake_fd was written to, and not read since */
    atomic_bool quiesce;
    atomic_bool stop;

    /* The loop's thread's own. */
    int listen_fd; /* -1: closed */
    int64_t accept_after_ms;
    struct clients clients;
    struct delay delay;
    int64_t turn_us;     /* when this turn began */
    int64_t earliest_us; /* what is read in this turn came after this */
};

static void wake(struct loop *loop)
{
    const uint64_t one = 1;
    if (!atomic_exchange(&loop->awake, true))
        ASSERT(write(loop->wake_fd, &one, sizeof(one)) == sizeof(one));
}

/* Who slept had found nothing that came before; otherwise it may have come since the last turn. */
static void begin_turn(struct loop *loop, bool slept)
{
    const int64_t now_us = clock_mono_us();
    loop->earliest_us = slept ? now_us : loop->turn_us;
    loop->turn_us = now_us;
}

/* Sleeps until there is something to do. */
static void wait_for_work(struct loop *loop)
{
    const bool accepts = clock_mono_ms() >= loop->accept_after_ms;
    struct pollfd events[] = {
        {.fd = loop->epoll_fd, .events = POLLIN},
        {.fd = loop->wake_fd, .events = POLLIN},
        {.fd = accepts ? loop->listen_fd : -1, .events = POLLIN},
    };
    const int most = accepts ? WAIT_MAX_MS : ACCEPT_PAUSE_MS;
    MHD_UNSIGNED_LONG_LONG ms;
    bool bounded = MHD_get_timeout(loop->daemon, &ms) == MHD_YES && ms < (unsigned)most;
    const int ms_max = bounded ? (int)ms : most;
    /* Asked without sleeping first: how long a call took says nothing on a busy machine. */
    const bool sleeps = poll(events, ARRAY_LEN(events), 0) == 0 && ms_max > 0;
    if (sleeps)
        (void)poll(events, ARRAY_LEN(events), ms_max);
    begin_turn(loop, sleeps);
    if (!(events[1].revents & POLLIN))
        return;
    uint64_t count;
    (void)!read(loop->wake_fd, &count, sizeof(count));
    /* Before MHD_run looks for resumed connections: who resumes after this wakes it again. */
    atomic_exchange(&loop->awake, false);
}

/* --- Connections --------------------------------------------------------------------------------
 */

/* One too many: told so, where that works without waiting. What it has sent is read, since closing
 * over it would reset the connection and the answer with it. */
static void turn_away(struct loop *loop, int fd)
{
    char dropped[4096];
    struct err err;
    metrics_add(METRIC_SERVER_CLIENTS_CUT_TOO_MANY, 1);
    err_set(&err, ERR_OVERLOADED, "there are %u connections already",
            loop->options.connections->max);
    client_tell(fd, &err);
    (void)shutdown(fd, SHUT_WR);
    (void)!recv(fd, dropped, sizeof(dropped), MSG_DONTWAIT);
    close(fd);
}

static void accept_clients(struct loop *loop)
{
    for (int i = 0; i < ACCEPT_MAX && loop->listen_fd >= 0; i++) {
        struct sockaddr_storage address;
        socklen_t size = sizeof(address);
        int fd = accept4(loop->listen_fd, (struct sockaddr *)&address, &size,
                         SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                loop->accept_after_ms = clock_mono_ms() + ACCEPT_PAUSE_MS;
            return;
        }
        if (atomic_load(&loop->options.connections->open) >= loop->options.connections->max)
            turn_away(loop, fd);
        else
            (void)MHD_add_connection(loop->daemon, fd, (struct sockaddr *)&address, size);
    }
}

static void on_connection(void *context, struct MHD_Connection *connection, void **client,
                          enum MHD_ConnectionNotificationCode code)
{
    struct loop *loop = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        atomic_fetch_add(&loop->options.connections->open, 1);
        *client = client_new(&loop->clients, fd);
    } else {
        client_free(&loop->clients, *client);
        atomic_fetch_sub(&loop->options.connections->open, 1);
    }
}

struct client *loop_client(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* The request line was read, and nothing of it changed yet. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    (void)context;
    loop_client(connection)->target_end = block_target_end(target);
    return NULL;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **closure,
                         enum MHD_RequestTerminationCode code)
{
    struct loop *loop = context;
    client_enter(loop_client(connection), CLIENT_IDLE);
    if (loop->options.on_completed)
        loop->options.on_completed(loop, connection, closure, code);
}

/* Paths and arguments of ours have no character that must be escaped: one that is escaped all the
 * same stays as it is, and is none of ours. So no path has two ways to be written. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* --- The thread ---------------------------------------------------------------------------------
 */

static void quiesce(struct loop *loop)
{
    if (loop->listen_fd >= 0)
        close(loop->listen_fd);
    loop->listen_fd = -1;
}

static void run(void *arg)
{
    struct loop *loop = arg;
    while (!atomic_load(&loop->stop)) {
        wait_for_work(loop);
        if (atomic_load(&loop->quiesce))
            quiesce(loop);
        accept_clients(loop);
        (void)MHD_run(loop->daemon);
        clients_look(&loop->clients, clock_mono_ms());
    }
}

static struct MHD_Daemon *start_daemon(struct loop *loop)
{
    const struct loop_options *options = &loop->options;
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
            (options->on_line ? MHD_USE_ERROR_LOG : 0),
        0 /* port */, NULL /* accept policy */, NULL, options->on_request, loop,
        MHD_OPTION_EXTERNAL_LOGGER, options->on_line, NULL, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, loop, MHD_OPTION_URI_LOG_CALLBACK, on_target, loop,
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, loop, MHD_OPTION_CONNECTION_LIMIT, options->connections->max + ACCEPT_MAX,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_s, MHD_OPTION_END);
}

struct loop *loop_start(int listen_fd, const struct loop_options *options)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));
    loop->options = *options;
    loop->listen_fd = listen_fd;
    loop->clients.limits = options->limits;
    loop->daemon = start_daemon(loop);
    if (!loop->daemon) {
        quiesce(loop);
        free(loop);
        return NULL;
    }
    loop->epoll_fd = MHD_get_daemon_info(loop->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ASSERT(loop->wake_fd >= 0);
    thread_start(&loop->thread, "bxb-http", run, loop);
    return loop;
}

void *loop_context(const struct loop *loop)
{
    return loop->options.context;
}

int64_t loop_waited_us(const struct loop *loop, int64_t now_us)
{
    return now_us - loop->earliest_us;
}

struct delay *loop_delay(struct loop *loop)
{
    return &loop->delay;
}

void loop_resume(struct loop *loop, struct MHD_Connection *connection)
{
    MHD_resume_connection(connection);
    wake(loop);
}

void loop_quiesce(struct loop *loop)
{
    atomic_store(&loop->quiesce, true);
    wake(loop);
}

void loop_stop(struct loop *loop)
{
    if (!loop)
        return;
    atomic_store(&loop->stop, true);
    wake(loop);
    thread_join(&loop->thread);
    quiesce(loop);
    MHD_stop_daemon(loop->daemon);
    close(loop->wake_fd);
    free(loop);
}
