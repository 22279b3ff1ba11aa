/* Listening addresses and sockets. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "admin/admin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum { HOST_SIZE = 64 };

static bool parse_port(const char *text, uint16_t *ret_port)
{
    unsigned port = 0;
    if (*text == '\0' || strlen(text) > 5)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        port = port * 10 + (unsigned)(*text - '0');
    }
    if (port > 65535)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* The part before the last colon, without brackets. */
static bool parse_host(const char *listen, const char *colon, char host[HOST_SIZE])
{
    size_t size = (size_t)(colon - listen);
    if (size >= 2 && listen[0] == '[' && colon[-1] == ']') {
        listen++;
        size -= 2;
    } else if (memchr(listen, ':', size)) {
        return false;
    }
    if (size == 0 || size >= HOST_SIZE)
        return false;
    memcpy(host, listen, size);
    host[size] = '\0';
    return true;
}

bool admin_parse_listen(const char *listen, struct sockaddr_storage *ret_address,
                        struct err *reterr)
{
    char host[HOST_SIZE];
    uint16_t port;
    const char *colon = strrchr(listen, ':');
    if (!colon || !parse_port(colon + 1, &port) || !parse_host(listen, colon, host))
        return err_set(reterr, ERR_SETTINGS_INVALID,
                       "'%s' is not address:port, as in 127.0.0.1:8080 or [::1]:8080", listen);
    struct sockaddr_storage address = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
    } else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
    } else {
        return err_set(reterr, ERR_SETTINGS_INVALID,
                       "'%s': the address must be a number, as 127.0.0.1, 0.0.0.0 or [::]", listen);
    }
    *ret_address = address;
    return true;
}

static bool socket_error(struct err *reterr, const char *listen, int fd)
{
    int code = errno;
    char text[128];
    if (fd >= 0)
        close(fd);
    if (code == EADDRINUSE)
        return err_set(reterr, ERR_IO, "cannot listen on %s: the port is taken", listen);
    return err_set(reterr, ERR_IO, "cannot listen on %s: %s", listen,
                   strerror_r(code, text, sizeof(text)));
}

bool admin_open_socket(const char *listen_text, int backlog, int *ret_fd, struct err *reterr)
{
    struct sockaddr_storage address;
    if (!admin_parse_listen(listen_text, &address, reterr))
        return false;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return socket_error(reterr, listen_text, fd);
    /* Lets a restart take its port back at once; a port that somebody listens on stays theirs. */
    int on = 1;
    socklen_t size =
        address.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, backlog) != 0)
        return socket_error(reterr, listen_text, fd);
    *ret_fd = fd;
    return true;
}
