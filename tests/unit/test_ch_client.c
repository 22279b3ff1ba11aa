/* ClickHouse's client against a server that does what a test tells it to.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/client.h"
#include "tests/support/scripted_server.h"
#include "tests/unit/check.h"

enum {
    TIMEOUT_MS = 3000,
};

#define OK_KEPT  "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=30\r\nContent-Length: 0\r\n\r\n"
#define OK_SHORT "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n"

static struct ch_client *client_of(const char *url)
{
    const struct ch_options options = {url, "me", "s3cret", "default"};
    return ch_new(&options);
}

static enum ch_verdict insert(struct ch_client *client, bool (*may_send)(void *), struct err *err)
{
    const struct ch_insert what = {.table = "events_raw",
                                   .columns = "`a`",
                                   .token = "token/1",
                                   .query_id = "query-1",
                                   .block = SLICE("\x01\n\nblock"),
                                   .timeout_ms = TIMEOUT_MS,
                                   .may_send = may_send};
    return ch_insert(client, &what, err);
}

static enum ch_verdict insert_into(struct scripted_server *server, struct err *err)
{
    struct ch_client *client = client_of(server->url);
    enum ch_verdict verdict = insert(client, NULL, err);
    ch_free(client);
    return verdict;
}

static bool never(void *context)
{
    (void)context;
    return false;
}

TEST(ch_client, says_everything_the_promises_rest_on)
{
    static const char *const answers[] = {OK_KEPT};
    static const char *const wanted[] = {
        "POST /?",
        "query=INSERT%20INTO%20%60events_raw%60%20%28%60a%60%29%20FORMAT%20Native",
        "insert_deduplication_token=token%2F1",
        "query_id=query-1",
        "async_insert=0",
        "insert_deduplicate=1",
        "optimize_on_insert=0",
        "max_insert_threads=1",
        "input_format_parallel_parsing=0",
        "min_insert_block_size_rows=0",
        "min_insert_block_size_bytes=0",
        "wait_end_of_query=1",
        "&receive_timeout=30",
        "&send_timeout=30",
        "http_receive_timeout=30",
        "http_send_timeout=30",
        "database=default",
        "X-ClickHouse-User: me\r\n",
        "X-ClickHouse-Key: s3cret\r\n",
        "Content-Length: 8\r\n",
        "\r\n\r\n\x01\n\nblock",
    };
    struct scripted_server server;
    struct err err;
    scripted_server_start(&server, answers, ARRAY_LEN(answers));
    CHECK(insert_into(&server, &err) == CH_LANDED);
    scripted_server_stop(&server);
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        CHECK(strstr(server.last, wanted[i]));
    CHECK(!strstr(server.last, "Expect:"));
    const char *line_end = strstr(server.last, "\r\n");
    CHECK(strstr(server.last, "s3cret") > line_end); /* not in the URL */
}

TEST(ch_client, verdicts_follow_the_answer)
{
    const struct {
        const char *answer;
        enum ch_verdict verdict;
        enum err_code code;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nX-ClickHouse-Exception-Code: 209\r\nContent-Length: 0\r\n\r\n",
         CH_UNKNOWN, ERR_CLICKHOUSE_UNKNOWN},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\noops\n", CH_UNKNOWN, ERR_CLICKHOUSE_UNKNOWN},
        {"HTTP/1.1 404 Not Found\r\nX-ClickHouse-Exception-Code: 60\r\nContent-Length: 1\r\n\r\nx",
         CH_REFUSED, ERR_CLICKHOUSE_REFUSED},
        {"HTTP/1.1 500 Error\r\nContent-Length: 9\r\n\r\nCode: 202", CH_NOT_SENT,
         ERR_CLICKHOUSE_UNAVAILABLE},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", CH_UNKNOWN, ERR_CLICKHOUSE_UNKNOWN},
        {"HTTP/1.1 200", CH_UNKNOWN, ERR_CLICKHOUSE_UNKNOWN},
        {"garbage\r\n\r\n", CH_UNKNOWN, ERR_CLICKHOUSE_UNKNOWN},
        {HANG_UP, CH_UNKNOWN, ERR_CLICKHOUSE_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scripted_server server;
        struct err err;
        scripted_server_start(&server, &rows[i].answer, 1);
        CHECK(insert_into(&server, &err) == rows[i].verdict);
        CHECK(err.code == rows[i].code);
        scripted_server_stop(&server);
    }
}

TEST(ch_client, nothing_was_sent_when_nobody_listens)
{
    struct ch_client *client = client_of("http://127.0.0.1:1");
    struct err err;
    CHECK(insert(client, NULL, &err) == CH_NOT_SENT);
    CHECK(err.code == ERR_CLICKHOUSE_UNAVAILABLE);
    ch_free(client);
}

TEST(ch_client, sends_nothing_when_it_may_not)
{
    static const char *const answers[] = {OK_KEPT};
    struct scripted_server server;
    struct err err;
    scripted_server_start(&server, answers, ARRAY_LEN(answers));
    struct ch_client *client = client_of(server.url);
    CHECK(insert(client, never, &err) == CH_NOT_SENT);
    ch_free(client);
    scripted_server_stop(&server);
    CHECK(server.requests == 0);
}

TEST(ch_client, keeps_a_connection_that_the_server_keeps)
{
    static const char *const answers[] = {OK_KEPT, OK_KEPT, OK_KEPT};
    struct scripted_server server;
    struct err err;
    scripted_server_start(&server, answers, ARRAY_LEN(answers));
    struct ch_client *client = client_of(server.url);
    for (int i = 0; i < 3; i++)
        CHECK(insert(client, NULL, &err) == CH_LANDED);
    ch_free(client);
    scripted_server_stop(&server);
    CHECK(server.connections == 1 && server.requests == 3);
}

TEST(ch_client, uses_no_connection_that_may_be_closing)
{
    static const char *const answers[] = {OK_SHORT, NEXT_CONN, OK_SHORT};
    struct scripted_server server;
    struct err err;
    scripted_server_start(&server, answers, ARRAY_LEN(answers));
    struct ch_client *client = client_of(server.url);
    CHECK(insert(client, NULL, &err) == CH_LANDED);
    CHECK(insert(client, NULL, &err) == CH_LANDED);
    ch_free(client);
    scripted_server_stop(&server);
    CHECK(server.connections == 2);
}

/* libcurl sends a request again by itself when a kept connection turns out to be dead. The first
 * copy may have arrived, and the second one's clean answer would hide that. */
TEST(ch_client, never_sends_a_request_twice)
{
    static const char *const answers[] = {OK_KEPT, HANG_UP, OK_KEPT};
    struct scripted_server server;
    struct err err;
    scripted_server_start(&server, answers, ARRAY_LEN(answers));
    struct ch_client *client = client_of(server.url);
    CHECK(insert(client, NULL, &err) == CH_LANDED);
    CHECK(insert(client, NULL, &err) == CH_UNKNOWN);
    CHECK(insert(client, NULL, &err) == CH_LANDED);
    ch_free(client);
    scripted_server_stop(&server);
    CHECK(server.requests == 3);
}

TEST(ch_client, queries_answer_or_say_why_not)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n1\t2\n",
        "HTTP/1.1 404 Not Found\r\nX-ClickHouse-Exception-Code: 60\r\nContent-Length: 8\r\n\r\n"
        "no\ntable",
        "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n",
    };
    static const struct ch_param params[] = {{"name", "a b"}};
    struct scripted_server server;
    struct err err;
    struct buf out;
    buf_init(&out, 64);
    buf_append_str(&out, "before ");
    scripted_server_start(&server, answers, ARRAY_LEN(answers));
    struct ch_client *client = client_of(server.url);
    CHECK(ch_query(client, "SELECT {name:String}", params, 1, TIMEOUT_MS, &out, &err));
    CHECK(strcmp(buf_text(&out), "before 1\t2\n") == 0);
    CHECK(!ch_query(client, "SELECT 1", NULL, 0, TIMEOUT_MS, &out, &err));
    CHECK(err.code == ERR_CLICKHOUSE_REFUSED && strstr(err.text, "UNKNOWN_TABLE: no table"));
    CHECK(!ch_query(client, "SELECT 1", NULL, 0, TIMEOUT_MS, &out, &err));
    CHECK(err.code == ERR_CLICKHOUSE_UNAVAILABLE);
    CHECK(strcmp(buf_text(&out), "before 1\t2\n") == 0);
    ch_free(client);
    scripted_server_stop(&server);
    buf_done(&out);
}

TEST(ch_client, an_answer_beyond_the_cap_is_an_error)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"};
    struct scripted_server server;
    struct err err;
    struct buf out;
    buf_init(&out, 5);
    scripted_server_start(&server, answers, ARRAY_LEN(answers));
    struct ch_client *client = client_of(server.url);
    CHECK(!ch_query(client, "SELECT 1", NULL, 0, TIMEOUT_MS, &out, &err));
    CHECK(out.size == 0);
    ch_free(client);
    scripted_server_stop(&server);
    buf_done(&out);
}

TEST(ch_client, a_cancelled_client_sends_nothing_more)
{
    static const char *const answers[] = {OK_KEPT};
    struct scripted_server server;
    struct err err;
    scripted_server_start(&server, answers, ARRAY_LEN(answers));
    struct ch_client *client = client_of(server.url);
    ch_cancel(client);
    CHECK(insert(client, NULL, &err) != CH_LANDED);
    ch_free(client);
    scripted_server_stop(&server);
    CHECK(server.requests == 0);
}
