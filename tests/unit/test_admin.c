/* The admin listener, over real loopback sockets. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "admin/admin.h"
#include "base/metrics.h"
#include "tests/unit/check.h"
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static atomic_bool is_ready;

static bool ready(void *context, struct err *reterr)
{
    CHECK(context == &is_ready);
    return atomic_load(&is_ready) || err_set(reterr, ERR_NOT_READY, "waiting for tea");
}

static void metrics(void *context, struct buf *out)
{
    CHECK(context == &is_ready);
    metrics_set(METRIC_SERVER_READY, 1);
    buf_append_str(out, "test_line 7\n");
}

static const struct admin_hooks hooks = {
    .program = "bxb-server", .ready = ready, .metrics = metrics, .context = &is_ready};

/* Sends a request and returns the answer, which lives until the next call. */
static const char *ask(uint16_t port, const char *method, const char *path)
{
    static char answer[65536];
    char request[256];
    size_t size = 0;
    ssize_t n;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    int length = snprintf(request, sizeof(request),
                          "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, path);
    CHECK(write(fd, request, (size_t)length) == length);
    while ((n = read(fd, answer + size, sizeof(answer) - 1 - size)) > 0)
        size += (size_t)n;
    answer[size] = '\0';
    close(fd);
    return answer;
}

static struct admin *start(void)
{
    struct err err;
    struct admin *admin = admin_start("127.0.0.1:0", &hooks, &err);
    CHECK(admin != NULL && admin_port(admin) != 0);
    return admin;
}

TEST(admin, readyz_says_why_not)
{
    struct admin *admin = start();
    atomic_store(&is_ready, false);
    const char *answer = ask(admin_port(admin), "GET", "/readyz");
    CHECK(strstr(answer, "HTTP/1.1 503 ") == answer);
    CHECK(strstr(answer, "\r\n\r\nnot ready: not_ready: waiting for tea\n"));
    atomic_store(&is_ready, true);
    answer = ask(admin_port(admin), "GET", "/readyz");
    CHECK(strstr(answer, "HTTP/1.1 200 ") == answer);
    admin_stop(admin);
}

TEST(admin, livez_is_200_also_when_not_ready)
{
    struct admin *admin = start();
    atomic_store(&is_ready, false);
    CHECK(strstr(ask(admin_port(admin), "GET", "/livez"), "HTTP/1.1 200 "));
    admin_stop(admin);
}

TEST(admin, metrics_have_the_table_and_the_lines_of_the_hook)
{
    struct admin *admin = start();
    const char *answer = ask(admin_port(admin), "GET", "/metrics");
    CHECK(strstr(answer, "HTTP/1.1 200 ") == answer);
    CHECK(strstr(answer, "Content-Type: text/plain; version=0.0.4"));
    CHECK(strstr(answer, "\nbxb_server_ready 1\n"));
    CHECK(strstr(answer, "test_line 7\n"));
    CHECK(!strstr(answer, "bxb_writer_"));
    admin_stop(admin);
}

TEST(admin, version_is_json)
{
    struct admin *admin = start();
    const char *answer = ask(admin_port(admin), "GET", "/version");
    CHECK(strstr(answer, "{\"program\":\"bxb-server\",\"version\":\"" PACKAGE_VERSION "\"}"));
    admin_stop(admin);
}

TEST(admin, refuses_other_paths_and_methods)
{
    struct admin *admin = start();
    CHECK(strstr(ask(admin_port(admin), "GET", "/v1/events"), "HTTP/1.1 404 "));
    const char *answer = ask(admin_port(admin), "POST", "/livez");
    CHECK(strstr(answer, "HTTP/1.1 405 ") && strstr(answer, "Allow: GET, HEAD"));
    CHECK(strstr(ask(admin_port(admin), "HEAD", "/livez"), "HTTP/1.1 200 "));
    admin_stop(admin);
}

TEST(admin, a_port_that_is_taken_is_an_error_that_names_it)
{
    struct err err;
    char listen_text[32];
    struct admin *admin = start();
    snprintf(listen_text, sizeof(listen_text), "127.0.0.1:%u", admin_port(admin));
    CHECK(!admin_start(listen_text, &hooks, &err));
    CHECK(err.code == ERR_IO && strstr(err.text, listen_text));
    CHECK(strstr(err.text, "the port is taken"));
    admin_stop(admin);
    admin = admin_start(listen_text, &hooks, &err);
    CHECK(admin != NULL);
    admin_stop(admin);
}

TEST(admin, listen_addresses_are_numeric_with_a_port)
{
    struct sockaddr_storage address;
    struct err err;
    CHECK(admin_parse_listen("127.0.0.1:8080", &address, &err));
    CHECK(address.ss_family == AF_INET);
    CHECK(ntohs(((struct sockaddr_in *)&address)->sin_port) == 8080);
    CHECK(admin_parse_listen("[::1]:80", &address, &err));
    CHECK(address.ss_family == AF_INET6);
    static const char *const wrong[] = {"",       "8080",         ":8080",           "127.0.0.1",
                                        "::1:80", "localhost:80", "127.0.0.1:65536", "127.0.0.1:",
                                        "[::1]",  "127.0.0.1:8x", "127.0.0.1:-1"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        printf("listen '%s'\n", wrong[i]);
        CHECK(!admin_parse_listen(wrong[i], &address, &err));
        CHECK(err.code == ERR_SETTINGS_INVALID);
    }
}
