/* A thread that accepts, reads requests and sends texts. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/support/scripted_server.h"
#include "tests/unit/check.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reads one request; false when the peer closed. */
static bool read_request(int socket, char request[SCRIPTED_REQUEST_MAX])
{
    size_t size = 0, want = SCRIPTED_REQUEST_MAX - 1;
    while (size < want) {
        ssize_t got = recv(socket, request + size, want - size, 0);
        if (got <= 0)
            return false;
        size += (size_t)got;
        request[size] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        const char *length = strstr(request, "Content-Length: ");
        if (end && length)
            want = (size_t)(end - request) + 4 + strtoul(length + 16, NULL, 10);
    }
    return true;
}

static void serve(void *arg)
{
    struct scripted_server *server = arg;
    for (size_t at = 0; at < server->answers_len;) {
        int socket = accept(server->listener, NULL, NULL);
        if (socket < 0)
            return;
        server->connections++;
        /* A connection on which no request came takes no answer away. */
        for (bool keep = true; keep && at < server->answers_len;) {
            const char *answer = server->answers[at];
            keep = answer && read_request(socket, server->last);
            if (answer && !keep)
                break;
            at++;
            if (!keep)
                break;
            server->requests++;
            size_t size = strlen(answer);
            keep = size > 0 && send(socket, answer, size, MSG_NOSIGNAL) == (ssize_t)size;
        }
        close(socket);
    }
}

void scripted_server_start(struct scripted_server *server, const char *const answers[],
                           size_t answers_len)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *server = (struct scripted_server){.answers = answers, .answers_len = answers_len};
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(server->listener, (struct sockaddr *)&address, size) == 0);
    CHECK(listen(server->listener, 8) == 0);
    CHECK(getsockname(server->listener, (struct sockaddr *)&address, &size) == 0);
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u/", ntohs(address.sin_port));
    thread_start(&server->thread, "server", serve, server);
}

void scripted_server_stop(struct scripted_server *server)
{
    shutdown(server->listener, SHUT_RDWR); /* wakes accept */
    thread_join(&server->thread);
    close(server->listener);
}
