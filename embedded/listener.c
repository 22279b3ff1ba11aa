/* libmicrohttpd with a thread per connection.
 *
 * An answer given before the body is read would close the connection under a client that still
 * sends, so every body is read to its end first. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "embedded/listener.h"
#include "base/assert.h"
#include "base/log.h"
#include "embedded/exception.h"
#include "embedded/reply.h"

#include <microhttpd.h>
#include <netdb.h>
#include <stdarg.h>
#include <unistd.h>

enum {
    /* Of a connection: the URL with its headers, and at the same time what is read at once. */
    CONNECTION_MEMORY = 1 << 20,
    BACKLOG = 128,
};

struct listener {
    struct listener_options options;
    struct MHD_Daemon *daemon;
    int socket;
};

/* One request and its answer; MHD's con_cls. */
struct exchange {
    struct listener *listener;
    struct request *request; /* NULL for what is no statement */
    bool begun;
    unsigned timeout_s;
};

static void log_library(void *context, const char *format, va_list arguments)
{
    char text[256];
    (void)context;
    (void)vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\r\n")] = '\0';
    log_warning(HTTP_LIBRARY, log_str("text", text));
}

static bool open_socket(const char *listen_on, int *ret_socket, struct err *reterr)
{
    const char *colon = strrchr(listen_on, ':');
    if (colon == NULL)
        return err_set(reterr, ERR_SETTINGS_INVALID, "engine.listen = %s: write address:port",
                       listen_on);
    CLEANUP(mem_freep) char *host = xstrndup(listen_on, (size_t)(colon - listen_on));
    size_t size = strlen(host);
    if (size >= 2 && host[0] == '[' && host[size - 1] == ']') {
        memmove(host, host + 1, size - 2);
        host[size - 2] = '\0';
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *address;
    int rc = getaddrinfo(host, colon + 1, &hints, &address);
    if (rc != 0)
        return err_set(reterr, ERR_SETTINGS_INVALID, "engine.listen = %s: %s", listen_on,
                       gai_strerror(rc));
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* Only past connections of ours are ignored by this; a live listener is not. */
    int on = 1;
    bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    if (!good)
        err_set(reterr, ERR_IO, "cannot listen on %s: %m", listen_on);
    freeaddrinfo(address);
    if (good)
        *ret_socket = fd;
    else if (fd >= 0)
        (void)close(fd);
    return good;
}

/* MHD counts idleness only from its own reads and writes: an answer that took longer than the
 * time-out would find its connection closed. Switching it off and on starts the count anew. */
static void restart_timeout(struct MHD_Connection *connection, unsigned timeout_s)
{
    (void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
    (void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, timeout_s);
}

static enum MHD_Result send_response(struct MHD_Connection *connection, unsigned status,
                                     struct MHD_Response *response)
{
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    /* Refused when the value holds a line break, as a query_id may. */
    (void)MHD_add_response_header(response, name, value);
}

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status,
                                 const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    add_header(response, "Content-Type", "text/plain; charset=UTF-8");
    return send_response(connection, status, response);
}

static void free_answer(void *answer)
{
    engine_answer_done(answer);
    mem_freep(&answer);
}

/* The body goes out from the engine's own memory. */
static struct MHD_Response *response_of(struct reply *reply)
{
    if (reply->error != NULL) {
        CLEANUP(mem_freep) char *text = xasprintf("%s\n", reply->error);
        return MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_COPY);
    }
    struct answer *answer = xmalloc(sizeof *answer);
    *answer = reply->answer;
    reply->answer = (struct answer){0};
    return MHD_create_response_from_buffer_with_free_callback_cls(
        answer->body.size, (void *)(uintptr_t)answer->body.data, free_answer, answer);
}

static enum MHD_Result send_reply(struct exchange *exchange, struct MHD_Connection *connection)
{
    struct reply reply;
    request_finish(exchange->request, &reply);
    restart_timeout(connection, exchange->timeout_s);

    char summary[REPLY_SUMMARY_SIZE];
    char format[REPLY_FORMAT_SIZE];
    reply_summary(&reply, summary);
    reply_format(&reply, format);
    int exception = reply.exception;
    struct MHD_Response *response = response_of(&reply);
    add_header(response, "X-ClickHouse-Server-Display-Name",
               exchange->listener->options.display_name);
    add_header(response, "X-ClickHouse-Timezone", exchange->listener->options.timezone);
    add_header(response, "X-ClickHouse-Query-Id", request_query_id(exchange->request));
    add_header(response, "X-ClickHouse-Summary", summary);
    if (exception != 0) {
        char code[16];
        (void)snprintf(code, sizeof code, "%d", exception);
        add_header(response, "X-ClickHouse-Exception-Code", code);
        add_header(response, "Content-Type", "text/plain; charset=UTF-8");
        log_info(QUERY_FAILED, log_str("query_id", request_query_id(exchange->request)),
                 log_i64("code", exception));
    } else {
        add_header(response, "X-ClickHouse-Format", format);
        add_header(response, "Content-Type", reply_content_type(slice_from(format)));
    }
    reply_done(&reply);
    return send_response(connection, exception != 0 ? (unsigned)exception_status(exception) : 200,
                         response);
}

static enum MHD_Result add_argument(void *context, enum MHD_ValueKind kind, const char *key,
                                    size_t key_size, const char *value, size_t value_size)
{
    (void)kind;
    request_argument(context, (struct slice){key, key_size},
                     (struct slice){value != NULL ? value : "", value_size});
    return MHD_YES;
}

static void add_credentials(struct request *request, struct MHD_Connection *connection)
{
    char *password = NULL;
    char *user = MHD_basic_auth_get_username_password(connection, &password);
    /* Another scheme, or a broken one, is nobody: not the default user. */
    if (MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization") != NULL)
        request_argument(request, SLICE("user"), slice_from(user != NULL ? user : ""));
    if (password != NULL)
        request_argument(request, SLICE("password"), slice_from(password));
    MHD_free(user);
    MHD_free(password);
}

static void begin_request(struct exchange *exchange, struct MHD_Connection *connection, bool is_get)
{
    static const struct {
        const char *header;
        struct slice argument;
    } headers[] = {
        {"X-ClickHouse-User", {"user", 4}},
        {"X-ClickHouse-Key", {"password", 8}},
        {"X-ClickHouse-Database", {"database", 8}},
        {"X-ClickHouse-Format", {"default_format", 14}},
    };
    struct request *request = request_new(exchange->listener->options.host, is_get);
    exchange->request = request;
    add_credentials(request, connection);
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        const char *value =
            MHD_lookup_connection_value(connection, MHD_HEADER_KIND, headers[i].header);
        if (value != NULL)
            request_argument(request, headers[i].argument, slice_from(value));
    }
    (void)MHD_get_connection_values_n(connection, MHD_GET_ARGUMENT_KIND, add_argument, request);
    request_encoding(request,
                     MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Encoding"));
    uint64_t asked_s = request_receive_timeout_s(request);
    if (asked_s > 0 && asked_s <= INT32_MAX)
        exchange->timeout_s = (unsigned)asked_s;
    request_begin(request);
    restart_timeout(connection, exchange->timeout_s);
}

/* What is no statement; the body, if any, is already read and dropped. */
static enum MHD_Result answer_other(struct exchange *exchange, struct MHD_Connection *connection,
                                    const char *path)
{
    if (strcmp(path, "/ping") == 0 || strcmp(path, "/replicas_status") == 0 ||
        strcmp(path, "/") == 0)
        return send_text(connection, 200, "Ok.\n");
    if (strcmp(path, "/identity") == 0) {
        CLEANUP(mem_freep) char *text = xasprintf("%s\n", exchange->listener->options.identity);
        return send_text(connection, 200, text);
    }
    return send_text(connection, 404,
                     "There is no handle at this path. Use / or /ping or /replicas_status.\n");
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload_data,
                              size_t *upload_data_size, void **con_cls)
{
    (void)version;
    struct exchange *exchange = *con_cls;
    if (exchange == NULL)
        return MHD_NO; /* on_uri makes one for each request */
    bool is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (!exchange->begun) {
        struct listener *listener = context;
        exchange->begun = true;
        exchange->listener = listener;
        exchange->timeout_s = (unsigned)((listener->options.timeout_ms + 999) / 1000);
        bool has_query =
            MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "query") != NULL;
        if (strcmp(path, "/") == 0 && (has_query || strcmp(method, "POST") == 0))
            begin_request(exchange, connection, is_get);
        return MHD_YES;
    }
    if (*upload_data_size > 0) {
        if (exchange->request != NULL)
            request_body(exchange->request, (struct slice){upload_data, *upload_data_size});
        *upload_data_size = 0;
        restart_timeout(connection, exchange->timeout_s);
        return MHD_YES;
    }
    if (!is_get && strcmp(method, "POST") != 0)
        return send_text(connection, 405, "Use GET or POST.\n");
    return exchange->request != NULL ? send_reply(exchange, connection)
                                     : answer_other(exchange, connection, path);
}

static void *on_uri(void *context, const char *uri, struct MHD_Connection *connection)
{
    (void)context;
    (void)uri;
    (void)connection;
    return xcalloc(1, sizeof(struct exchange));
}

static void on_completed(void *context, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    struct exchange *exchange = *con_cls;
    if (exchange == NULL)
        return;
    request_free(exchange->request); /* cut off: its INSERT is abandoned */
    mem_freep(con_cls);
    *con_cls = NULL;
}

struct listener *listener_start(const struct listener_options *options, struct err *reterr)
{
    CLEANUP(mem_freep) struct listener *listener = xcalloc(1, sizeof *listener);
    listener->options = *options;
    if (!open_socket(options->listen, &listener->socket, reterr))
        return NULL;
    listener->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
            MHD_USE_ITC | MHD_USE_ERROR_LOG,
        /*port*/ 0, /*accept policy*/ NULL, NULL, handle, listener, MHD_OPTION_EXTERNAL_LOGGER,
        log_library, NULL, MHD_OPTION_LISTEN_SOCKET, listener->socket, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)options->connections_max, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)((options->timeout_ms + 999) / 1000), MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_URI_LOG_CALLBACK, on_uri, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
    if (listener->daemon == NULL) {
        (void)close(listener->socket);
        err_set(reterr, ERR_IO, "cannot serve HTTP on %s", options->listen);
        return NULL;
    }
    return TAKE(listener);
}

void listener_quiesce(struct listener *listener)
{
    int fd = MHD_quiesce_daemon(listener->daemon);
    if (fd >= 0)
        (void)close(fd);
}

void listener_stop(struct listener *listener)
{
    if (listener == NULL)
        return;
    MHD_stop_daemon(listener->daemon);
    mem_freep(&listener);
}
