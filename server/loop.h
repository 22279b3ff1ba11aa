/* One thread that serves connections: a daemon of libmicrohttpd and the loop that drives it.
 *
 * The library's own threads are not used, because they can sleep on work: where epoll gives them
 * exactly as many events as they can take at once (128 in 0.9.75) and no further one comes, they
 * wait again before they handle those, up to the idle timeout. Here the loop waits for the
 * library's epoll descriptor and lets it run; that never waits. The loop accepts connections itself
 * too, so that one too many is told so, and cuts clients that are too slow (server/client.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H
#include "server/client.h"
#include "server/delay.h"
#include "server/limits.h"
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>

struct loop;

/* Of all loops that share it. */
struct loop_connections {
    unsigned max;
    atomic_uint open;
};

/* Bytes for headers, and for what of a body is read in one turn. */
enum { LOOP_READ_SIZE = 16 * 1024 };

struct loop_options {
    MHD_AccessHandlerCallback on_request;      /* its first argument is the struct loop * */
    MHD_RequestCompletedCallback on_completed; /* the same */
    MHD_LogCallback on_line;                   /* what the library says; NULL: nothing */
    void *context;                             /* see loop_context; borrowed */
    const struct limits *limits;               /* deadlines of clients, all zero: none; borrowed */
    struct loop_connections *connections;      /* borrowed */
    unsigned idle_timeout_s;                   /* 0: none */
};

/* Serves connections to `listen_fd`, a listening socket that does not block; it is taken, also on
 * failure. NULL: the library refuses. */
struct loop *loop_start(int listen_fd, const struct loop_options *options);

void *loop_context(const struct loop *loop);

/* Loops that are started one after the other have numbers that follow. */
unsigned loop_number(const struct loop *loop);

/* The client of a connection. @thread of the loop */
struct client *loop_client(struct MHD_Connection *connection);

/* A suspended connection on its way back to its loop: storage of the caller's, which stays at least
 * as long as the connection's request. */
struct loop_return {
    struct loop_return *next;
    struct MHD_Connection *connection;
};

/* Lets a suspended connection of this loop go on, soon. Once for each suspension. The connection
 * may be gone when it returns. @thread any */
void loop_resume(struct loop *loop, struct loop_return *back);

/* What is to be done when the loop has gone through all that it found ready: what many requests
 * have in common then costs once. Storage of the caller's, until `run` is called. */
struct loop_task {
    struct loop_task *next;
    void (*run)(struct loop_task *task);
};

/* In this turn, in the order of the calls. @thread of the loop */
void loop_put_off(struct loop *loop, struct loop_task *task);

/* When this turn began, by clock_mono_us: near enough to now for whatever is counted in
 * milliseconds. @thread of the loop */
int64_t loop_turn_us(const struct loop *loop);

/* How long a request that is read now may have waited for its turn, at most, in microseconds, but
 * for an eighth of what requests may wait (server/delay.h); nothing is known while
 * limits->queue_delay_us is 0. @thread of the loop */
int64_t loop_waited_us(const struct loop *loop, int64_t now_us);

/* Of the loop's requests. @thread of the loop */
struct delay *loop_delay(struct loop *loop);

/* Closes the listening socket, soon: no new connections. Those that exist go on. @thread any */
void loop_quiesce(struct loop *loop);

/* Closes every connection and ends the thread. No connection may be suspended. NULL is fine. */
void loop_stop(struct loop *loop);

#endif
