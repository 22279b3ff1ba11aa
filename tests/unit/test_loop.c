/* The loop that serves connections: it must not sleep on work. SPDX-License-Identifier: Apache-2.0
 */
#include <config.h>
#include "server/loop.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "tests/unit/check.h"
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_WITHIN_MS = 5000, LONGEST_SLEEP_MS = 450 /* about WAIT_MAX_MS of the loop */ };

/* While `hold` is set, a request for /hold keeps the loop's thread busy. */
struct gate {
    struct limits limits;
    atomic_bool hold, held;
    atomic_int_fast64_t waited_us; /* of the last request */
    /* The loop's thread's own, of requests for /put-off. */
    size_t read, done;
    size_t read_at_first; /* when the first of them was done */
    bool in_order;
    /* Of requests for /suspend: they are given back by the test's threads. */
    struct suspended *_Atomic suspended; /* a stack */
};

struct suspended {
    struct suspended *next;
    struct loop_return back;
    struct loop_task task;
    struct gate *gate;
    struct loop *loop;
    size_t number;
    bool answers;
};

static enum MHD_Result answer(struct MHD_Connection *connection)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(2, (void *)(uintptr_t) "ok", MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static void on_task(struct loop_task *task)
{
    struct suspended *request =
        (struct suspended *)((char *)task - offsetof(struct suspended, task));
    struct gate *gate = request->gate;
    if (gate->done == 0)
        gate->read_at_first = gate->read;
    gate->in_order = gate->in_order && request->number == gate->done;
    gate->done++;
    loop_resume(request->loop, &request->back);
}

static void leave_to_resumers(struct gate *gate, struct suspended *request)
{
    request->next = atomic_load(&gate->suspended);
    while (!atomic_compare_exchange_weak(&gate->suspended, &request->next, request))
        continue;
}

static void on_completed(void *loop, struct MHD_Connection *connection, void **closure,
                         enum MHD_RequestTerminationCode code)
{
    (void)loop, (void)connection, (void)code;
    free(*closure);
    *closure = NULL;
}

static enum MHD_Result on_request(void *loop, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **closure)
{
    (void)method, (void)version, (void)data, (void)size;
    struct gate *gate = loop_context(loop);
    if (!*closure) {
        struct suspended *request = xcalloc(1, sizeof(*request));
        *request = (struct suspended){.back.connection = connection, .loop = loop, .gate = gate};
        request->task.run = on_task;
        *closure = request;
        return MHD_YES;
    }
    struct suspended *request = *closure;
    if (request->answers)
        return answer(connection);
    atomic_store(&gate->waited_us, loop_waited_us(loop, clock_mono_us()));
    if (strcmp(path, "/hold") == 0) {
        atomic_store(&gate->held, true);
        while (atomic_load(&gate->hold))
            clock_sleep_ms(1);
    }
    const bool puts_off = strcmp(path, "/put-off") == 0;
    if (!puts_off && strcmp(path, "/suspend") != 0)
        return answer(connection);
    request->answers = true;
    MHD_suspend_connection(connection);
    if (puts_off) {
        request->number = gate->read++;
        loop_put_off(loop, &request->task);
    } else {
        leave_to_resumers(gate, request);
    }
    return MHD_YES;
}

static struct loop *start(struct gate *gate, struct sockaddr_in *ret_address)
{
    static struct loop_connections connections = {.max = 1000};
    const struct loop_options options = {.on_request = on_request,
                                         .on_completed = on_completed,
                                         .context = gate,
                                         .limits = &gate->limits,
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
    struct gate gate = {.hold = true, .limits.queue_delay_us = 1000};
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

TEST(loop, what_is_put_off_is_done_in_order_when_all_that_was_ready_is_read)
{
    enum { LEN = 20 };
    struct gate gate = {.hold = true, .in_order = true};
    struct sockaddr_in address;
    int fds[LEN];
    struct loop *loop = start(&gate, &address);
    for (size_t i = 0; i < LEN; i++) {
        fds[i] = connect_to(&address);
        send_get(fds[i], "/");
        CHECK(is_answered(fds[i], clock_mono_ms() + ANSWER_WITHIN_MS));
    }
    int holder = connect_to(&address);
    send_get(holder, "/hold");
    while (!atomic_load(&gate.held))
        clock_sleep_ms(1);
    for (size_t i = 0; i < LEN; i++)
        send_get(fds[i], "/put-off");
    atomic_store(&gate.hold, false);
    for (size_t i = 0; i < LEN; i++)
        CHECK(is_answered(fds[i], clock_mono_ms() + ANSWER_WITHIN_MS));
    loop_stop(loop);
    CHECK(gate.read_at_first == LEN);
    CHECK(gate.done == LEN && gate.in_order);
    for (size_t i = 0; i < LEN; i++)
        close(fds[i]);
    close(holder);
}

struct resumer {
    struct gate *gate;
    struct loop *loop;
    struct thread thread;
    atomic_bool stop;
};

/* Gives them back sooner and later: while the loop works, when it is about to sleep, when it
 * sleeps. */
static void give_back(void *arg)
{
    struct resumer *resumer = arg;
    unsigned turns = 0;
    while (!atomic_load(&resumer->stop)) {
        struct suspended *all = atomic_exchange(&resumer->gate->suspended, NULL);
        while (all) {
            struct suspended *next = all->next; /* gone soon */
            turns = (turns + 37) % 8000;
            for (volatile unsigned i = 0; i < turns; i++)
                continue;
            loop_resume(resumer->loop, &all->back);
            all = next;
        }
    }
}

/* Returns how many times it took as long as the loop sleeps at most: what is forgotten is
 * found then. */
static size_t resume_many(size_t connections, size_t times)
{
    enum { RESUMERS = 2, CONNECTIONS_MAX = 8 };
    struct gate gate = {.hold = false};
    struct sockaddr_in address;
    int fds[CONNECTIONS_MAX];
    struct resumer resumers[RESUMERS];
    size_t slow = 0;
    struct loop *loop = start(&gate, &address);
    for (size_t i = 0; i < connections; i++)
        fds[i] = connect_to(&address);
    for (size_t i = 0; i < RESUMERS; i++) {
        resumers[i] = (struct resumer){.gate = &gate, .loop = loop};
        thread_start(&resumers[i].thread, "resumer", give_back, &resumers[i]);
    }
    for (size_t n = 0; n < times; n++) {
        const int64_t begun = clock_mono_ms();
        for (size_t i = 0; i < connections; i++)
            send_get(fds[i], "/suspend");
        for (size_t i = 0; i < connections; i++)
            CHECK(is_answered(fds[i], begun + ANSWER_WITHIN_MS));
        slow += clock_mono_ms() - begun >= LONGEST_SLEEP_MS;
    }
    for (size_t i = 0; i < RESUMERS; i++) {
        atomic_store(&resumers[i].stop, true);
        thread_join(&resumers[i].thread);
    }
    loop_stop(loop);
    for (size_t i = 0; i < connections; i++)
        close(fds[i]);
    return slow;
}

TEST(loop, no_resumed_connection_is_forgotten)
{
    /* A busy machine may forget us once or twice. With several connections the next one wakes the
     * loop for the one before; they try the threads that give back at once. */
    CHECK(resume_many(1, 2000) <= 2);
    CHECK(resume_many(8, 200) <= 2);
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
