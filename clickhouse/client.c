/* ClickHouse's HTTP interface over libcurl's easy interface.
 *
 * Threads: all of a client is owned by the thread that uses it, but for `cancelled`, which any
 * thread may set.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/client.h"
#include "base/clock.h"
#include "clickhouse/verdict.h"
#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    ANSWER_MAX = 64 * 1024, /* of an INSERT: an error message, or nothing */
    URL_MAX = 64 * 1024,
    KEEP_ALIVE_S = 3, /* what a server keeps that does not say; ClickHouse's older default */
    KEEP_ALIVE_MARGIN_MS = 1000,
    MESSAGE_MAX = 300, /* of an error's text */
};

struct ch_client {
    struct ch_options options;
    CURL *curl;
    struct curl_slist *headers;
    int64_t idle_since_ms; /* when the connection was last used; 0: there is none */
    int64_t keep_alive_ms; /* as the server said */
    atomic_bool cancelled;
    char error[CURL_ERROR_SIZE];
};

/* One request and its answer. */
struct exchange {
    struct ch_client *client;
    struct buf *answer;
    struct ch_answer result; /* its body is a view of `answer` */
    size_t answer_at;        /* where this answer begins in `answer` */
    bool (*may_send)(void *context);
    void *context;
    unsigned times_sent;
};

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    buf_append(exchange->answer, data, size * count);
    return exchange->answer->overflow ? 0 : size * count;
}

static size_t on_header(char *data, size_t size, size_t count, void *context)
{
    struct exchange *exchange = context;
    struct slice line = {data, size * count};
    verdict_read_header(&exchange->result, line);
    long keep_alive_s = verdict_keep_alive_s(line);
    if (keep_alive_s >= 0)
        exchange->client->keep_alive_ms = keep_alive_s * 1000;
    return size * count;
}

/* Called when the connection stands and the request is about to leave. libcurl repeats a request by
 * itself when a connection it used before turns out to be dead; the repetition would come here a
 * second time, and is refused. */
static int on_ready_to_send(void *context, char *remote_ip, char *local_ip, int remote_port,
                            int local_port)
{
    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    struct exchange *exchange = context;
    if (exchange->times_sent > 0)
        return CURL_PREREQFUNC_ABORT;
    if (exchange->may_send && !exchange->may_send(exchange->context))
        return CURL_PREREQFUNC_ABORT;
    exchange->times_sent++;
    exchange->result.sent = true;
    return CURL_PREREQFUNC_OK;
}

static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up)
{
    (void)down_total, (void)down, (void)up_total, (void)up;
    return atomic_load(&((struct ch_client *)context)->cancelled);
}

static int on_socket(void *context, curl_socket_t socket, curlsocktype purpose)
{
    (void)context, (void)purpose;
    unsigned timeout_ms = CH_USER_TIMEOUT_MS;
    if (setsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof timeout_ms) != 0)
        return CURL_SOCKOPT_ERROR;
    return CURL_SOCKOPT_OK;
}

struct ch_client *ch_new(const struct ch_options *options)
{
    struct ch_client *client = xcalloc(1, sizeof *client);
    client->options = *options;
    client->keep_alive_ms = KEEP_ALIVE_S * 1000;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    /* Credentials travel in headers: a URL ends up in logs. */
    CLEANUP(mem_freep) char *user = xasprintf("X-ClickHouse-User: %s", options->user);
    CLEANUP(mem_freep) char *key = xasprintf("X-ClickHouse-Key: %s", options->password);
    client->headers = curl_slist_append(NULL, "Expect:");
    client->headers = curl_slist_append(client->headers, "Content-Type: application/octet-stream");
    client->headers = curl_slist_append(client->headers, user);
    if (options->password[0] != '\0')
        client->headers = curl_slist_append(client->headers, key);
    return client;
}

void ch_free(struct ch_client *client)
{
    if (!client)
        return;
    ch_hang_up(client);
    curl_slist_free_all(client->headers);
    curl_global_cleanup();
    mem_freep(&client);
}

void ch_hang_up(struct ch_client *client)
{
    curl_easy_cleanup(client->curl); /* closes its connections, too */
    client->curl = NULL;
    client->idle_since_ms = 0;
}

void ch_cancel(struct ch_client *client)
{
    atomic_store(&client->cancelled, true);
}

/* A handle for the next request, with the connection of the one before if the server surely still
 * keeps it: a request on a connection that is being closed is a doubt for nothing. */
static CURL *handle(struct ch_client *client)
{
    int64_t idle_ms = clock_mono_ms() - client->idle_since_ms;
    if (client->curl && idle_ms >= client->keep_alive_ms - KEEP_ALIVE_MARGIN_MS)
        ch_hang_up(client);
    if (!client->curl)
        client->curl = curl_easy_init();
    if (client->curl)
        curl_easy_reset(client->curl);
    return client->curl;
}

static void url_begin(struct ch_client *client, struct buf *url)
{
    buf_init(url, URL_MAX);
    struct slice base = slice_from(client->options.url);
    while (base.size > 0 && base.data[base.size - 1] == '/')
        base.size--;
    buf_append_slice(url, base);
    buf_append_str(url, "/?wait_end_of_query=1");
}

/* Appends &prefixname=value, percent-encoded. */
static void url_add(struct buf *url, const char *prefix, const char *name, const char *value)
{
    buf_printf(url, "&%s%s=", prefix, name);
    for (const char *at = value; *at; at++) {
        bool plain = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') ||
                     (*at >= '0' && *at <= '9') || *at == '-' || *at == '_' || *at == '.';
        if (plain)
            buf_append_char(url, *at);
        else
            buf_printf(url, "%%%02X", (unsigned char)*at);
    }
}

/* "timed out", or ClickHouse's message on one line. */
static bool describe(const struct exchange *exchange, enum err_code code, CURLcode rc,
                     struct err *reterr)
{
    const struct ch_answer *result = &exchange->result;
    if (result->status == 0 || rc != CURLE_OK) {
        const char *detail = exchange->client->error;
        return err_set(reterr, code, "%s%s", detail[0] ? detail : curl_easy_strerror(rc),
                       result->sent ? "" : " (nothing was sent)");
    }
    char message[MESSAGE_MAX + 1];
    size_t size = result->body.size < MESSAGE_MAX ? result->body.size : MESSAGE_MAX;
    for (size_t i = 0; i < size; i++)
        message[i] = result->body.data[i] == '\n' ? ' ' : result->body.data[i];
    message[size] = '\0';
    if (result->exception == 0)
        return err_set(reterr, code, "HTTP status %ld: %s", result->status, message);
    return err_set(reterr, code, "HTTP status %ld, code %d %s: %s", result->status,
                   result->exception, verdict_code_name(result->exception), message);
}

/* Posts `body` once and fills exchange->result. */
static CURLcode post(struct exchange *exchange, struct buf *url, struct slice body,
                     int64_t timeout_ms)
{
    struct ch_client *client = exchange->client;
    CURL *curl = url->overflow ? NULL : handle(client);
    if (!curl)
        return CURLE_OUT_OF_MEMORY;
    client->error[0] = '\0';
    curl_easy_setopt(curl, CURLOPT_URL, buf_text(url));
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, client->headers);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CH_CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_ready_to_send);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, exchange);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
    CURLcode rc = curl_easy_perform(curl);

    struct ch_answer *result = &exchange->result;
    result->body = buf_slice(exchange->answer);
    result->body.data += exchange->answer_at;
    result->body.size -= exchange->answer_at;
    if (rc == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &result->status);
    if (rc == CURLE_OK && result->status != 200 && result->exception == 0)
        result->exception = verdict_code_in(result->body);
    client->idle_since_ms = clock_mono_ms();
    if (rc != CURLE_OK)
        ch_hang_up(client);
    return rc;
}

bool ch_query(struct ch_client *client, const char *sql, const struct ch_param params[],
              size_t params_len, int64_t timeout_ms, struct buf *answer, struct err *reterr)
{
    CLEANUP(buf_done) struct buf url;
    url_begin(client, &url);
    url_add(&url, "", "database", client->options.database);
    for (size_t i = 0; i < params_len; i++)
        url_add(&url, "param_", params[i].name, params[i].value);
    struct exchange exchange = {.client = client, .answer = answer, .answer_at = answer->size};
    CURLcode rc = post(&exchange, &url, slice_from(sql), timeout_ms);
    if (rc == CURLE_OK && exchange.result.status == 200 && exchange.result.exception == 0)
        return true;
    bool refused = !verdict_can_pass(&exchange.result) || answer->overflow || url.overflow;
    describe(&exchange, refused ? ERR_CLICKHOUSE_REFUSED : ERR_CLICKHOUSE_UNAVAILABLE, rc, reterr);
    answer->size = exchange.answer_at;
    return false;
}

/* What the promises rest on. The defaults of these differ between versions of ClickHouse. */
static const struct ch_param insert_settings[] = {
    {"async_insert", "0"},       /* the answer speaks of these rows */
    {"insert_deduplicate", "1"}, /* the token counts */
    {"optimize_on_insert", "0"}, /* every row is kept: they are counted when read back */
    {"max_insert_threads", "1"}, /* one block stays one part … */
    {"input_format_parallel_parsing", "0"},
    {"min_insert_block_size_rows", "0"},
    {"min_insert_block_size_bytes", "0"},
};

static void insert_url(struct ch_client *client, const struct ch_insert *insert, struct buf *url)
{
    CLEANUP(mem_freep)
    char *sql = xasprintf("INSERT INTO `%s` (%s) FORMAT Native", insert->table, insert->columns);
    CLEANUP(mem_freep) char *timeout_s = xasprintf("%d", CH_SERVER_TIMEOUT_S);
    url_begin(client, url);
    url_add(url, "", "database", client->options.database);
    url_add(url, "", "query", sql);
    url_add(url, "", "query_id", insert->query_id);
    url_add(url, "", "insert_deduplication_token", insert->token);
    for (size_t i = 0; i < ARRAY_LEN(insert_settings); i++)
        url_add(url, "", insert_settings[i].name, insert_settings[i].value);
    url_add(url, "", "send_timeout", timeout_s);
    url_add(url, "", "receive_timeout", timeout_s);
    url_add(url, "http_", "send_timeout", timeout_s);
    url_add(url, "http_", "receive_timeout", timeout_s);
}

enum ch_verdict ch_insert(struct ch_client *client, const struct ch_insert *insert,
                          struct err *reterr)
{
    CLEANUP(buf_done) struct buf url;
    CLEANUP(buf_done) struct buf answer;
    insert_url(client, insert, &url);
    buf_init(&answer, ANSWER_MAX);
    struct exchange exchange = {.client = client,
                                .answer = &answer,
                                .may_send = insert->may_send,
                                .context = insert->context};
    CURLcode rc = post(&exchange, &url, insert->block, insert->timeout_ms);
    enum ch_verdict verdict = verdict_of(&exchange.result);
    if (verdict != CH_LANDED)
        describe(&exchange,
                 verdict == CH_REFUSED    ? ERR_CLICKHOUSE_REFUSED
                 : verdict == CH_NOT_SENT ? ERR_CLICKHOUSE_UNAVAILABLE
                                          : ERR_CLICKHOUSE_UNKNOWN,
                 rc, reterr);
    return verdict;
}
