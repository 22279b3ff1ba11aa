/* One connection of the load generator: see link.h.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "bench/link.h"
#include "base/assert.h"
#include "bench/sample.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

void link_init(struct link *link, const struct sockaddr_in *address,
               const struct link_request *request)
{
    bool many = request->events > 1;
    size_t body_size = request->events * (SAMPLE_SIZE + (many ? 1 : 0));
    memset(link, 0, sizeof *link);
    link->fd = -1;
    link->address = *address;
    link->events = request->events;
    struct buf *out = &link->request;
    buf_init(out, LINK_REQUEST_MAX);
    buf_printf(out, "POST %.*s HTTP/1.1\r\nHost: %.*s\r\nAuthorization: Bearer ",
               SLICE_ARG(request->path), SLICE_ARG(request->host));
    link->key_at = out->size;
    buf_printf(out, "%.*s\r\nX-Organization: ", SLICE_ARG(request->key));
    link->organization_at = out->size;
    buf_printf(out, "%.*s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
               SLICE_ARG(request->organization), many ? "application/x-ndjson" : "application/json",
               body_size);
    link->body_at = out->size;
    for (size_t i = 0; i < request->events; i++) {
        char event[SAMPLE_SIZE];
        sample_event(event, 0, 0, request->unix_s);
        buf_append(out, event, sizeof event);
        if (many)
            buf_append_char(out, '\n');
    }
    ASSERT(!out->overflow);
}

static void hang_up(struct link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
}

void link_done(struct link *link)
{
    hang_up(link);
    buf_done(&link->request);
}

bool link_connect(struct link *link)
{
    int on = 1;
    hang_up(link);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    if (connect(fd, (const struct sockaddr *)&link->address, sizeof link->address) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        close(fd);
        return false;
    }
    link->fd = fd;
    return true;
}

void link_caller(struct link *link, struct slice organization, struct slice key)
{
    memcpy(link->request.data + link->organization_at, organization.data, organization.size);
    memcpy(link->request.data + link->key_at, key.data, key.size);
}

void link_begin(struct link *link, uint32_t run, uint64_t number)
{
    char *event = link->request.data + link->body_at;
    for (size_t i = 0; i < link->events; i++, event += SAMPLE_SIZE + 1)
        sample_renumber(event, run, number + i);
    link->sent = 0;
    link->head_size = 0;
    link->body_left = -1;
    link->status = 0;
}

enum link_state link_send(struct link *link, bool *ret_more)
{
    while (link->sent < link->request.size) {
        ssize_t n = send(link->fd, link->request.data + link->sent, link->request.size - link->sent,
                         MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            return LINK_BROKEN;
        link->sent += (size_t)n;
    }
    *ret_more = link->sent < link->request.size;
    return LINK_WAITS;
}

/* Finds the end of the head and what it says. False: it makes no sense. */
static bool read_head(struct link *link)
{
    char *end = memmem(link->head, link->head_size, "\r\n\r\n", 4);
    if (!end)
        return link->head_size < sizeof link->head;
    *end = '\0'; /* in the place of the first \r: the rest is behind it */
    if (strncmp(link->head, "HTTP/1.1 ", 9) != 0)
        return false;
    link->status = (int)strtol(link->head + 9, NULL, 10);
    int64_t length = 0;
    const char *line = link->head;
    while ((line = strstr(line, "\r\n"))) {
        line += 2;
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            length = strtoll(line + 15, NULL, 10);
        if (strncasecmp(line, "Transfer-Encoding:", 18) == 0)
            return false;
    }
    size_t head_only = (size_t)(end - link->head) + 4;
    link->body_left = length - (int64_t)(link->head_size - head_only);
    return link->body_left >= 0;
}

enum link_state link_receive(struct link *link)
{
    char rest[65536]; /* bodies are counted, not kept */
    for (;;) {
        bool in_head = link->body_left < 0;
        char *to = in_head ? link->head + link->head_size : rest;
        size_t space = in_head ? sizeof link->head - link->head_size : sizeof rest;
        ssize_t n = recv(link->fd, to, space, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return LINK_WAITS;
        if (n <= 0 || !link->busy)
            return LINK_BROKEN;
        if (!in_head) {
            link->body_left -= n;
        } else {
            link->head_size += (size_t)n;
            if (!read_head(link))
                return LINK_BROKEN;
        }
        if (link->body_left == 0)
            return LINK_DONE;
        if (link->body_left < -1)
            return LINK_BROKEN;
    }
}
