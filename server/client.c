/* The clients of one loop. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/client.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "handlers/events.h"
#include <linux/tcp.h> /* struct tcp_info has more there than in netinet/tcp.h */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    LOOK_EVERY_MS = 500,
    STATE_CLOSE_WAIT = 8, /* TCP_CLOSE_WAIT of the system: the other side has closed */
};

struct client *client_new(struct clients *clients, int fd)
{
    struct client *client = xcalloc(1, sizeof(*client));
    client->fd = fd;
    client->clients = clients;
    client->next = clients->first;
    if (clients->first)
        clients->first->previous = client;
    clients->first = client;
    client_enter(client, CLIENT_HEADERS);
    return client;
}

void client_free(struct clients *clients, struct client *client)
{
    if (client->previous)
        client->previous->next = client->next;
    else
        clients->first = client->next;
    if (client->next)
        client->next->previous = client->previous;
    free(client);
}

void client_enter(struct client *client, enum client_phase phase)
{
    if (client->phase == CLIENT_CUT)
        return;
    client->phase = phase;
    client->since_ms = client->clients->now_ms;
    client->moved = client->seen = 0;
    client->looked_ms = 0;
}

void client_move(struct client *client, uint64_t bytes)
{
    client->moved += bytes;
}

/* --- Deadlines ----------------------------------------------------------------------------------
 */

static struct tcp_info ask_system(const struct client *client)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    (void)getsockopt(client->fd, IPPROTO_TCP, TCP_INFO, &info, &size);
    return info;
}

/* Closes the connection: the system tells libmicrohttpd that it is at its end. */
static void end(struct client *client)
{
    client->phase = CLIENT_CUT;
    (void)shutdown(client->fd, SHUT_RDWR);
}

static void cut_late_request(struct client *client, enum metric metric, const char *what)
{
    struct err err;
    metrics_add(metric, 1);
    err_set(&err, ERR_REQUEST_TIMEOUT, "the %s did not come in time", what);
    client_tell(client->fd, &err);
    end(client);
}

/* What it left behind in the system's buffers goes at once. */
static void cut_slow_reader(struct client *client)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    metrics_add(METRIC_SERVER_CLIENTS_CUT_ANSWER, 1);
    (void)setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    end(client);
}

static void look_at_headers(struct client *client, int64_t now_ms, int64_t timeout_ms)
{
    if (now_ms - client->since_ms > timeout_ms)
        cut_late_request(client, METRIC_SERVER_CLIENTS_CUT_HEADERS, "headers");
}

/* A second more for each `rate` bytes that came. */
static void look_at_body(struct client *client, int64_t now_ms, int64_t timeout_ms, uint64_t rate)
{
    const int64_t more_ms = (int64_t)(client->moved / rate * 1000);
    if (now_ms - client->since_ms > timeout_ms + more_ms)
        cut_late_request(client, METRIC_SERVER_CLIENTS_CUT_BODY, "body");
}

/* An answer that is not with the system yet waits for the client to take what is. */
static void look_at_answer(struct client *client, int64_t now_ms, int64_t timeout_ms, uint64_t rate)
{
    const int64_t waited_ms = now_ms - client->looked_ms;
    const bool first = client->looked_ms == 0;
    if (!first && waited_ms < timeout_ms)
        return;
    const uint64_t taken = ask_system(client).tcpi_bytes_acked;
    if (!first && taken - client->seen < rate * (uint64_t)waited_ms / 1000) {
        cut_slow_reader(client);
        return;
    }
    client->looked_ms = now_ms;
    client->seen = taken;
}

/* An idle client that sends byte by byte has begun a request that libmicrohttpd says nothing of;
 * and one that closed right behind its request was not heard by it (0.9.75). Asking the system is
 * the dear part, so each is asked twice in the time that headers have. */
static void look_at_idle(struct client *client, int64_t now_ms, int64_t header_ms)
{
    if (now_ms - client->since_ms < header_ms / 2 || now_ms - client->looked_ms < header_ms / 2)
        return;
    const struct tcp_info info = ask_system(client);
    const bool began = client->looked_ms != 0 && client->seen != info.tcpi_bytes_received;
    client->looked_ms = now_ms;
    client->seen = info.tcpi_bytes_received;
    if (info.tcpi_state == STATE_CLOSE_WAIT)
        end(client);
    else if (began)
        client_enter(client, CLIENT_HEADERS);
}

void clients_look(struct clients *clients, int64_t now_ms)
{
    const struct limits *limits = clients->limits;
    const int64_t header_ms = atomic_load(&limits->header_timeout_ms);
    const int64_t body_ms = atomic_load(&limits->body_timeout_ms);
    const int64_t answer_ms = atomic_load(&limits->answer_timeout_ms);
    const uint64_t rate = atomic_load(&limits->rate_min);
    if (now_ms - clients->looked_ms < LOOK_EVERY_MS || header_ms == 0)
        return;
    clients->looked_ms = now_ms;
    for (struct client *client = clients->first; client; client = client->next) {
        switch (client->phase) {
        case CLIENT_HEADERS:
            look_at_headers(client, now_ms, header_ms);
            break;
        case CLIENT_BODY:
            look_at_body(client, now_ms, body_ms, rate);
            break;
        case CLIENT_ANSWER:
            look_at_answer(client, now_ms, answer_ms, rate);
            break;
        case CLIENT_IDLE:
            look_at_idle(client, now_ms, header_ms);
            break;
        case CLIENT_SERVED:
        case CLIENT_CUT:
            break;
        }
    }
}

/* --- Answers without libmicrohttpd --------------------------------------------------------------
 */

void client_tell(int fd, const struct err *err)
{
    struct answer answer;
    char head[256], wait[32] = "";
    problem_answer(err, SLICE(""), &answer);
    if (answer.retry_after_s > 0)
        snprintf(wait, sizeof(wait), "Retry-After: %d\r\n", answer.retry_after_s);
    int size = snprintf(head, sizeof(head),
                        "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%sConnection: close\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        answer.status, answer.status == 408 ? "Request Timeout" : "Unavailable",
                        answer.content_type, wait, answer.body.size);
    struct iovec parts[] = {{head, (size_t)size}, {answer.body.data, answer.body.size}};
    const struct msghdr message = {.msg_iov = parts, .msg_iovlen = ARRAY_LEN(parts)};
    (void)!sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    answer_done(&answer);
}
