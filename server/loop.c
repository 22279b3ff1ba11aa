/* The event loop of a thread that serves connections.
 *
 * Threads: the daemon is the loop's thread's own. Others leave what they want in `quiesce` and
 * `stop`, or with libmicrohttpd (loop_resume), and wake it. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/loop.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/thread.h"
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    CONNECTION_MEMORY = 64 * 1024, /* bytes for headers and the part of a body read at once */
    WAIT_MAX_MS = 1000,
};

struct loop {
    /* Set at start, then read-only. */
    void *context;
    struct MHD_Daemon *daemon;
    struct thread thread;
    int epoll_fd; /* the daemon's */
    int wake_fd;  /* an eventfd */

    /* Any thread. */
    atomic_bool awake; /* wake_fd was written to, and not read since */
    atomic_bool quiesce;
    atomic_bool stop;

    bool quiesced; /* the loop's thread's own */
};

static void wake(struct loop *loop)
{
    const uint64_t one = 1;
    if (!atomic_exchange(&loop->awake, true))
        ASSERT(write(loop->wake_fd, &one, sizeof(one)) == sizeof(one));
}

/* Sleeps until there is something to do. */
static void wait_for_work(struct loop *loop)
{
    struct pollfd events[] = {
        {.fd = loop->epoll_fd, .events = POLLIN},
        {.fd = loop->wake_fd, .events = POLLIN},
    };
    MHD_UNSIGNED_LONG_LONG ms;
    bool bounded = MHD_get_timeout(loop->daemon, &ms) == MHD_YES && ms < WAIT_MAX_MS;
    (void)poll(events, ARRAY_LEN(events), bounded ? (int)ms : WAIT_MAX_MS);
    if (!(events[1].revents & POLLIN))
        return;
    uint64_t count;
    (void)!read(loop->wake_fd, &count, sizeof(count));
    /* Before MHD_run looks for resumed connections: who resumes after this wakes it again. */
    atomic_exchange(&loop->awake, false);
}

static void quiesce(struct loop *loop)
{
    loop->quiesced = true;
    int fd = MHD_quiesce_daemon(loop->daemon);
    if (fd >= 0)
        close(fd);
}

static void run(void *arg)
{
    struct loop *loop = arg;
    while (!atomic_load(&loop->stop)) {
        wait_for_work(loop);
        if (atomic_load(&loop->quiesce) && !loop->quiesced)
            quiesce(loop);
        (void)MHD_run(loop->daemon);
    }
}

struct loop *loop_start(int listen_fd, const struct loop_options *options)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));
    loop->context = options->context;
    loop->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (options->on_line ? MHD_USE_ERROR_LOG : 0),
        0 /* port */, NULL /* accept policy */, NULL, options->on_request, loop,
        MHD_OPTION_EXTERNAL_LOGGER, options->on_line, NULL, MHD_OPTION_LISTEN_SOCKET, listen_fd,
        MHD_OPTION_NOTIFY_COMPLETED, options->on_completed, loop, MHD_OPTION_CONNECTION_LIMIT,
        options->connections_max, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_s, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_END);
    if (!loop->daemon) {
        close(listen_fd);
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
    return loop->context;
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
    MHD_stop_daemon(loop->daemon);
    close(loop->wake_fd);
    free(loop);
}
