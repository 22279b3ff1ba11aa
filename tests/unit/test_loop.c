/* The loop that serves connections: it must not sleep on work. SPDX-License-Identifier: Apache-2.0
 */
#include <config.h>
#include "server/loop.h"
#include "base/clock.h"
#include "base/thread.h"
#include "tests/unit/check.h"
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_WITHIN_MS = 5000 };

/* While `hold` is set, a request keeps the loop's thread busy. */
struct gate {
    atomic_bool hold, held;
    atomic_int_fast64_t waited_us; /* of the last request */
};

static enum MHD_Result on_request(void *loop, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **closure)
{
    (void)method, (void)version, (void)data, (void)size;
    if (!*closure) {
        *closure = loop;
        return MHD_YES;
    }
    struct gate *gate = loop_context(loop);
    atomic_store(&gate->waited_us, loop_waited_us(loop, clock_mono_us()));
    if (strcmp(path, "/hold") == 0) {
        atomic_store(&gate->held, true);
        while (atomic_load(&gate->hold))
            clock_sleep_ms(1);
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(2, (void *)(uintptr_t) "ok", MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static struct loop *start(struct gate *gate, struct sockaddr_in *ret_address)
{
    static const struct limits no_deadlines;
    static struct loop_connections connections = {.max = 1000};
    const struct loop_options options = {.on_request = on_request,
                                         .context = gate,
                                         .limits = &no_deadlines,
                                         .connections = &connections,
                                         .idle_timeout_s = 60};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 1000) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)ret_address, &size) == 0);
    struct loop *loop = loop_start(fd, &options);
    CHECK(loop != NULL);
    return loop;
}

static int connect_to(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0);
    return fd;
}

static void send_get(int fd, const char *path)
{
    char request[64];
    int size = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path);
    CHECK(write(fd, request, (size_t)size) == size);
}

static bool is_answered(int fd, int64_t deadline)
{
    char answer[512];
    struct pollfd event = {.fd = fd, .events = POLLIN};
    int64_t left = deadline - clock_mono_ms();
    return poll(&event, 1, left > 0 ? (int)left : 0) == 1 &&
           read(fd, answer, sizeof(answer)) > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0;
}

/* All of `len` connections become readable while the loop's thread is elsewhere. */
static void answer_all_at_once(size_t len)
{
    struct gate gate = {.hold = true};
    struct sockaddr_in address;
    int fds[300];
    struct loop *loop = start(&gate, &address);
    for (size_t i = 0; i < len; i++) { /* known to the loop, and idle */
        fds[i] = connect_to(&address);
        send_get(fds[i], "/");
        CHECK(is_answered(fds[i], clock_mono_ms() + ANSWER_WITHIN_MS));
    }
    int holder = connect_to(&address);
    send_get(holder, "/hold");
    while (!atomic_load(&gate.held))
        clock_sleep_ms(1);
    for (size_t i = 0; i < len; i++)
        send_get(fds[i], "/");
    atomic_store(&gate.hold, false);
    int64_t deadline = clock_mono_ms() + ANSWER_WITHIN_MS;
    for (size_t i = 0; i < len; i++)
        CHECK(is_answered(fds[i], deadline));
    CHECK(is_answered(holder, deadline));
    loop_stop(loop);
    for (size_t i = 0; i < len; i++)
        close(fds[i]);
    close(holder);
}

/* libmicrohttpd takes 128 events at once; its own threads would wait again at just that number. */
TEST(loop, answers_any_number_that_is_ready_at_once)
{
    static const size_t lens[] = {1, 127, 128, 129, 256};
    for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++)
        answer_all_at_once(lens[i]);
}

TEST(loop, a_request_waits_while_the_thread_is_elsewhere_and_not_while_it_sleeps)
{
    enum { A_WHILE_MS = 300 };
    struct gate gate = {.hold = true};
    struct sockaddr_in address;
    struct loop *loop = start(&gate, &address);
    int holder = connect_to(&address), fd = connect_to(&address);
    send_get(fd, "/");
    CHECK(is_answered(fd, clock_mono_ms() + ANSWER_WITHIN_MS));
    clock_sleep_ms(A_WHILE_MS);
    send_get(fd, "/");
    CHECK(is_answered(fd, clock_mono_ms() + ANSWER_WITHIN_MS));
    CHECK(atomic_load(&gate.waited_us) < A_WHILE_MS * 1000);
    send_get(holder, "/hold");
    while (!atomic_load(&gate.held))
        clock_sleep_ms(1);
    send_get(fd, "/");
    clock_sleep_ms(A_WHILE_MS);
    atomic_store(&gate.hold, false);
    CHECK(is_answered(fd, clock_mono_ms() + ANSWER_WITHIN_MS));
    CHECK(atomic_load(&gate.waited_us) >= A_WHILE_MS * 1000);
    loop_stop(loop);
    close(holder);
    close(fd);
}

TEST(loop, takes_no_connection_when_quiesced_and_keeps_the_others)
{
    struct gate gate = {.hold = false};
    struct sockaddr_in address;
    struct loop *loop = start(&gate, &address);
    int fd = connect_to(&address);
    send_get(fd, "/");
    CHECK(is_answered(fd, clock_mono_ms() + ANSWER_WITHIN_MS));
    loop_quiesce(loop);
    int64_t deadline = clock_mono_ms() + ANSWER_WITHIN_MS;
    for (int refused = 0; !refused && clock_mono_ms() < deadline;) {
        int late = socket(AF_INET, SOCK_STREAM, 0);
        refused = connect(late, (struct sockaddr *)&address, sizeof(address)) != 0;
        close(late);
    }
    CHECK(clock_mono_ms() < deadline);
    send_get(fd, "/");
    CHECK(is_answered(fd, clock_mono_ms() + ANSWER_WITHIN_MS));
    loop_stop(loop);
    close(fd);
}
