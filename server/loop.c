/* The event loop of a thread that serves connections.
 *
 * Threads: the daemon is the loop's thread's own. Others leave what they want in `returned`,
 * `quiesce` and `stop`, and wake it. Waking costs a system call, so only a loop that sleeps is
 * woken: it says so in `asleep` and looks at those three again, the others leave what they want and
 * look at `asleep`; all of it sequentially consistent, so that one of them sees the other.
 * SPDX-License-Identifier: Apache-2.0 */
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
    /* Of a connection, for as long as it lives. */
    CONNECTION_MEMORY = LOOP_READ_SIZE,
    WAIT_MAX_MS = 500,
    ACCEPT_MAX = 64,       /* connections before the others have their turn */
    ACCEPT_PAUSE_MS = 100, /* when the system has no descriptor or memory for one more */
    UNASKED_MAX = 8,       /* turns without asking for new connections */
    SHORT_TURN = 8,        /* a turn of less than this part of what requests may wait is short */
};

struct loop {
    /* Set at start, then read-only. */
    struct loop_options options;
    unsigned number;
    struct MHD_Daemon *daemon;
    struct thread thread;
    int epoll_fd; /* the daemon's */
    int wake_fd;  /* an eventfd */

    /* Any thread. */
    _Atomic(struct loop_return *) returned; /* a stack: to be resumed */
    atomic_bool asleep; /* or about to be: who leaves something writes wake_fd */
    atomic_bool quiesce;
    atomic_bool stop;

    /* The loop's thread's own. */
    struct loop_task *put_off, **put_off_end; /* a queue */
    int listen_fd;                            /* -1: closed */
    bool is_called;                           /* somebody wants to connect */
    int unasked;                              /* turns since it was asked whether somebody does */
    int64_t accept_after_ms;
    struct clients clients;
    struct delay delay;
    int64_t turn_us;     /* when this turn began */
    int64_t earliest_us; /* what is read in this turn came after this */
};

static void wake(struct loop *loop)
{
    const uint64_t one = 1;
    if (atomic_load(&loop->asleep) && atomic_exchange(&loop->asleep, false))
        ASSERT(write(loop->wake_fd, &one, sizeof(one)) == sizeof(one));
}

/* Somebody left something. */
static bool has_orders(struct loop *loop)
{
    return atomic_load(&loop->returned) || atomic_load(&loop->stop) ||
           (atomic_load(&loop->quiesce) && loop->listen_fd >= 0);
}

/* Who slept had found nothing that came before; otherwise it may have come since the last turn. */
static void begin_turn(struct loop *loop, bool slept)
{
    const int64_t now_us = clock_mono_us();
    loop->earliest_us = slept ? now_us : loop->turn_us;
    loop->turn_us = now_us;
    loop->clients.now_ms = now_us / 1000;
}

/* At most so long, in milliseconds. Returns how many of the events are there. */
static int sleep_for(struct loop *loop, struct pollfd *events, size_t len, int ms)
{
    atomic_store(&loop->asleep, true);
    int n = poll(events, len, has_orders(loop) ? 0 : ms);
    atomic_store(&loop->asleep, false);
    return n;
}

/* How long there is nothing to do but for what comes, in milliseconds. */
static int idle_ms(struct loop *loop, int most)
{
    MHD_UNSIGNED_LONG_LONG ms;
    bool bounded = MHD_get_timeout(loop->daemon, &ms) == MHD_YES && ms < (unsigned)most;
    return bounded ? (int)ms : most;
}

/* True when this turn took so long that what came meanwhile counts as having waited. That costs a
 * call of the system's, which turns that are short do without. */
static bool is_timed(const struct loop *loop)
{
    const int64_t target_us = atomic_load(&loop->options.limits->queue_delay_us);
    const int64_t limit_us = delay_limit(&loop->delay, target_us, delay_held(target_us, 0));
    return target_us != 0 && clock_mono_us() - loop->turn_us > limit_us / SHORT_TURN;
}

/* Sleeps until there is something to do. */
static void wait_for_work(struct loop *loop)
{
    const bool accepts = loop->turn_us >= loop->accept_after_ms * 1000;
    struct pollfd events[] = {
        {.fd = loop->epoll_fd, .events = POLLIN},
        {.fd = loop->wake_fd, .events = POLLIN},
        {.fd = accepts ? loop->listen_fd : -1, .events = POLLIN},
    };
    const int ms = idle_ms(loop, accepts ? WAIT_MAX_MS : ACCEPT_PAUSE_MS);
    const bool timed = is_timed(loop);
    bool slept = false;
    loop->is_called = false;
    if (ms == 0 && !timed && loop->unasked++ < UNASKED_MAX) {
        begin_turn(loop, false); /* the library asks for its own connections */
        return;
    }
    loop->unasked = 0;
    /* Asked without sleeping first: how long a call took says nothing on a busy machine. */
    int n = timed || ms == 0 ? poll(events, ARRAY_LEN(events), 0) : 0;
    if (n == 0 && ms > 0) {
        n = sleep_for(loop, events, ARRAY_LEN(events), ms);
        slept = true;
    }
    begin_turn(loop, slept);
    if (n <= 0)
        return;
    uint64_t count;
    if (events[1].revents & POLLIN)
        (void)!read(loop->wake_fd, &count, sizeof(count));
    loop->is_called = (events[2].revents & POLLIN) != 0;
}

/* --- What was left and put off ------------------------------------------------------------------
 */

/* First come, first served. */
static void resume_returned(struct loop *loop)
{
    struct loop_return *back =
        atomic_load(&loop->returned) ? atomic_exchange(&loop->returned, NULL) : NULL;
    struct loop_return *first = NULL;
    while (back) {
        struct loop_return *next = back->next;
        back->next = first;
        first = back;
        back = next;
    }
    while (first) {
        struct loop_return *next = first->next;
        MHD_resume_connection(first->connection);
        first = next;
    }
}

void loop_put_off(struct loop *loop, struct loop_task *task)
{
    task->next = NULL;
    *loop->put_off_end = task;
    loop->put_off_end = &task->next;
}

static void do_put_off(struct loop *loop)
{
    struct loop_task *task = loop->put_off;
    loop->put_off = NULL;
    loop->put_off_end = &loop->put_off;
    while (task) {
        struct loop_task *next = task->next; /* it may be gone when it was run */
        task->run(task);
        task = next;
    }
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
        if (loop->is_called)
            accept_clients(loop);
        resume_returned(loop);
        (void)MHD_run(loop->daemon);
        do_put_off(loop);
        clients_look(&loop->clients, loop->clients.now_ms);
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
    static atomic_uint started;
    loop->options = *options;
    loop->number = atomic_fetch_add(&started, 1);
    loop->listen_fd = listen_fd;
    loop->put_off_end = &loop->put_off;
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

unsigned loop_number(const struct loop *loop)
{
    return loop->number;
}

int64_t loop_turn_us(const struct loop *loop)
{
    return loop->turn_us;
}

int64_t loop_waited_us(const struct loop *loop, int64_t now_us)
{
    return now_us - loop->earliest_us;
}

struct delay *loop_delay(struct loop *loop)
{
    return &loop->delay;
}

void loop_resume(struct loop *loop, struct loop_return *back)
{
    back->next = atomic_load(&loop->returned);
    while (!atomic_compare_exchange_weak(&loop->returned, &back->next, back))
        continue;
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
