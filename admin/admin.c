/* The admin listener.
 *
 * Threads: libmicrohttpd runs one thread; everything below `on_request` happens on it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "admin/admin.h"

#include "base/metrics.h"
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    BACKLOG = 64,
    CONNECTIONS_MAX = 64,
    TIMEOUT_S = 10,
    ANSWER_MAX = 16 * 1024 * 1024, /* bytes; lag per partition is the longest part */
};

struct admin {
    struct admin_hooks hooks;
    struct MHD_Daemon *daemon;
    uint16_t port;
};

struct page {
    int status;
    const char *content_type;
    struct buf body;
};

static const char text_plain[] = "text/plain; charset=utf-8";

static void livez(struct admin *admin, struct page *page)
{
    (void)admin;
    buf_append_str(&page->body, "ok\n");
}

static void readyz(struct admin *admin, struct page *page)
{
    struct err err;
    if (admin->hooks.ready(admin->hooks.context, &err)) {
        buf_append_str(&page->body, "ready\n");
        return;
    }
    page->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    buf_printf(&page->body, "not ready: %s: %s\n", err_code_name(err.code), err.text);
}

static void metrics(struct admin *admin, struct page *page)
{
    page->content_type = "text/plain; version=0.0.4; charset=utf-8";
    if (admin->hooks.metrics)
        admin->hooks.metrics(admin->hooks.context, &page->body);
    metrics_print(&page->body, admin->hooks.program);
}

static void version(struct admin *admin, struct page *page)
{
    page->content_type = "application/json";
    buf_append_str(&page->body, "{\"program\":");
    buf_append_json(&page->body, slice_from(admin->hooks.program));
    buf_append_str(&page->body, ",\"version\":");
    buf_append_json(&page->body, slice_from(PACKAGE_VERSION));
    buf_append_str(&page->body, "}\n");
}

static const struct {
    const char *path;
    void (*write)(struct admin *admin, struct page *page);
} pages[] = {
    {"/livez", livez},
    {"/readyz", readyz},
    {"/metrics", metrics},
    {"/version", version},
};

static void write_page(struct admin *admin, const char *path, const char *method, struct page *page)
{
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        page->status = MHD_HTTP_METHOD_NOT_ALLOWED;
        buf_append_str(&page->body, "this listener takes GET only\n");
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        if (strcmp(path, pages[i].path) == 0) {
            pages[i].write(admin, page);
            return;
        }
    }
    page->status = MHD_HTTP_NOT_FOUND;
    buf_append_str(&page->body, "here are /livez, /readyz, /metrics and /version\n");
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *http_version,
                                  const char *upload, size_t *upload_size, void **request)
{
    (void)http_version;
    (void)upload;
    static int seen;
    if (!*request) { /* the headers; the answer comes when any body was read */
        *request = &seen;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    struct page page = {.status = MHD_HTTP_OK, .content_type = text_plain};
    buf_init(&page.body, ANSWER_MAX);
    write_page(context, path, method, &page);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(page.body.size, page.body.data, MHD_RESPMEM_MUST_COPY);
    buf_done(&page.body);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, page.content_type);
    if (page.status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, (unsigned)page.status, response);
    MHD_destroy_response(response);
    return result;
}

/* The library's own lines are about single connections; nothing here hangs on them. */
static void on_library_line(void *context, const char *format, va_list args)
{
    (void)context;
    (void)format;
    (void)args;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

struct admin *admin_start(const char *listen_text, const struct admin_hooks *hooks,
                          struct err *reterr)
{
    int fd;
    if (!admin_open_socket(listen_text, BACKLOG, &fd, reterr))
        return NULL;
    struct admin *admin = xcalloc(1, sizeof(*admin));
    admin->hooks = *hooks;
    admin->port = port_of(fd);
    admin->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG, 0 /* port */, NULL /* accept policy */,
        NULL, on_request, admin, MHD_OPTION_EXTERNAL_LOGGER, on_library_line, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_END);
    if (!admin->daemon) {
        close(fd);
        free(admin);
        err_set(reterr, ERR_IO, "cannot serve %s: libmicrohttpd refuses", listen_text);
        return NULL;
    }
    return admin;
}

void admin_stop(struct admin *admin)
{
    if (!admin)
        return;
    MHD_stop_daemon(admin->daemon);
    free(admin);
}

uint16_t admin_port(const struct admin *admin)
{
    return admin->port;
}
