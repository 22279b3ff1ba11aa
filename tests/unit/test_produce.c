/* The hand-over of a request between its connection's thread, the producer's and the deadline
 * thread: real loops and librdkafka's mock cluster; authentication and parsing are
 * left out. A request's body is the number of its records.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/produce.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "server/loop.h"
#include "server/request.h"
#include "server/server.h"
#include "tests/support/mock_kafka.h"
#include "tests/unit/check.h"
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PARTITIONS = 4 };

struct fixture {
    struct mock_kafka mock;
    struct settings settings;
    struct server server;
    struct loop_connections connections;
    struct loop *loops[2];
    uint16_t port;
    int64_t before[METRIC_COUNT];
};

/* --- The server's side: what server/request.c does, without keys and JSON ------------------------
 */

static void fill_batch(struct request *request, size_t len)
{
    struct events_batch *batch = &request->batch;
    arena_init(&request->arena, 1 << 20);
    request->rules.organization_id = SLICE("organization");
    batch->results = arena_calloc(&request->arena, len, sizeof(*batch->results));
    batch->records = arena_calloc(&request->arena, len, sizeof(*batch->records));
    batch->results_len = batch->records_len = len;
    for (size_t i = 0; i < len; i++) {
        batch->records[i] = (struct events_record){.value = SLICE("{\"a\":1}"), .result = i};
        batch->results[i].event.transaction_id = SLICE("t");
        batch->results[i].event.properties = SLICE("{}");
    }
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *http_version,
                                  const char *data, size_t *size, void **closure)
{
    (void)path;
    (void)method;
    (void)http_version;
    struct err err;
    if (!*closure) {
        struct request *request = request_new(loop_context(context), context, connection);
        buf_init(&request->body, 64);
        snprintf(request->id, sizeof(request->id), "test");
        *closure = request;
        return MHD_YES;
    }
    struct request *request = request_cast(*closure);
    if (*size > 0) {
        buf_append(&request->body, data, *size);
        *size = 0;
        return MHD_YES;
    }
    if (atomic_load(&request->state) == REQUEST_ANSWERING)
        return request_answer(request);
    request->gathered_us = clock_mono_us();
    fill_batch(request, (size_t)strtoul(buf_text(&request->body), NULL, 10));
    CHECK(produce_records(request, &err));
    return MHD_YES;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **closure,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    if (*closure)
        request_completed(request_cast(*closure), code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    *closure = NULL;
}

/* Two loops on one port that the system chooses. */
static void start_loops(struct fixture *fixture)
{
    const struct loop_options options = {.on_request = on_request,
                                         .on_completed = on_completed,
                                         .context = &fixture->server,
                                         .limits = &fixture->server.limits,
                                         .connections = &fixture->connections};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 100) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    fixture->port = ntohs(address.sin_port);
    fixture->loops[0] = loop_start(dup(fd), &options);
    fixture->loops[1] = loop_start(fd, &options);
    CHECK(fixture->loops[0] && fixture->loops[1]);
}

static void stop_loops(struct fixture *fixture)
{
    loop_stop(fixture->loops[0]);
    loop_stop(fixture->loops[1]);
}

static void set_up(struct fixture *fixture, const char *deadline)
{
    struct err err;
    memset(fixture, 0, sizeof(*fixture));
    fixture->connections.max = 100;
    mock_kafka_start(&fixture->mock, PARTITIONS, &fixture->settings);
    CHECK(settings_set(&fixture->settings, "server.deadline", deadline, &err));
    struct server *server = &fixture->server;
    limits_set(&server->limits, &fixture->settings);
    deadline_start(&server->deadlines, &server->limits);
    server->producer =
        producer_start_unverified(&fixture->settings, PARTITIONS, produce_report, &err);
    CHECK(server->producer != NULL);
    start_loops(fixture);
    while (!producer_ready(server->producer, &err))
        clock_sleep_ms(10);
    for (int i = 0; i < METRIC_COUNT; i++)
        fixture->before[i] = metrics_get((enum metric)i);
}

static int64_t counted(const struct fixture *fixture, enum metric metric)
{
    return metrics_get(metric) - fixture->before[metric];
}

/* The order of server_stop. Afterwards no request may exist, and no byte of the budget. */
static void tear_down(struct fixture *fixture)
{
    struct server *server = &fixture->server;
    atomic_store(&server->stopping, true);
    producer_drain(server->producer, 0);
    for (int i = 0; i < 1000 && atomic_load(&server->requests) > 0; i++)
        clock_sleep_ms(5);
    stop_loops(fixture);
    deadline_stop(&server->deadlines);
    producer_stop(server->producer, 0);
    CHECK(atomic_load(&server->requests) == 0);
    CHECK(atomic_load(&server->limits.inflight) == 0);
    mock_kafka_stop(&fixture->mock, &fixture->settings);
}

static void set_rtt(struct fixture *fixture, int ms)
{
    rd_kafka_mock_broker_set_rtt(fixture->mock.cluster, MOCK_KAFKA_BROKER, ms);
}

/* --- The client's side ---------------------------------------------------------------------------
 */

static int send_request(const struct fixture *fixture, int records)
{
    char body[16], request[128];
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(fixture->port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    int size = snprintf(body, sizeof(body), "%d", records);
    size =
        snprintf(request, sizeof(request),
                 "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
                 size, body);
    CHECK(write(fd, request, (size_t)size) == size);
    return fd;
}

/* Reads to the end; returns the status. */
static int read_status(int fd)
{
    char answer[256] = "", rest[4096];
    size_t size = 0;
    ssize_t n;
    while ((n = read(fd, size < sizeof(answer) - 1 ? answer + size : rest,
                     size < sizeof(answer) - 1 ? sizeof(answer) - 1 - size : sizeof(rest))) > 0)
        size += (size_t)n;
    close(fd);
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? (int)strtol(answer + 9, NULL, 10) : 0;
}

TEST(produce, answers_201_when_the_last_record_is_acknowledged)
{
    struct fixture fixture;
    set_up(&fixture, "30s");
    for (int i = 0; i < 20; i++)
        CHECK(read_status(send_request(&fixture, 1 + i * 7)) == 201);
    CHECK(counted(&fixture, METRIC_SERVER_EVENTS_ACCEPTED) == 20 + 7 * 190);
    CHECK(counted(&fixture, METRIC_SERVER_EVENTS_FAILED) == 0);
    tear_down(&fixture);
}

TEST(produce, answers_503_at_the_deadline_and_counts_what_comes_later_as_late)
{
    struct fixture fixture;
    set_up(&fixture, "200ms");
    set_rtt(&fixture, 1500);
    int64_t before = clock_mono_ms();
    CHECK(read_status(send_request(&fixture, 5)) == 503);
    CHECK(clock_mono_ms() - before < 1200);
    CHECK(counted(&fixture, METRIC_SERVER_EVENTS_LATE) == 0);
    /* The answer is out; the arena must wait for the reports. */
    CHECK(atomic_load(&fixture.server.requests) == 1);
    for (int i = 0; i < 1000 && atomic_load(&fixture.server.requests) > 0; i++)
        clock_sleep_ms(10);
    CHECK(counted(&fixture, METRIC_SERVER_EVENTS_LATE) == 5);
    CHECK(counted(&fixture, METRIC_SERVER_EVENTS_ACCEPTED) == 0);
    CHECK(counted(&fixture, METRIC_SERVER_EVENTS_FAILED) == 0);
    tear_down(&fixture);
}

TEST(produce, a_client_that_goes_away_while_suspended_costs_only_its_request)
{
    struct fixture fixture;
    set_up(&fixture, "30s");
    set_rtt(&fixture, 300);
    for (int i = 0; i < 10; i++)
        close(send_request(&fixture, 3));
    clock_sleep_ms(100);
    set_rtt(&fixture, 0);
    CHECK(read_status(send_request(&fixture, 3)) == 201);
    for (int i = 0; i < 1000 && atomic_load(&fixture.server.requests) > 0; i++)
        clock_sleep_ms(10);
    CHECK(counted(&fixture, METRIC_SERVER_EVENTS_ACCEPTED) == 33);
    tear_down(&fixture);
}

TEST(produce, a_stop_answers_what_still_waits)
{
    struct fixture fixture;
    int fds[8];
    set_up(&fixture, "30s");
    set_rtt(&fixture, 20000);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = send_request(&fixture, 4);
    while (atomic_load(&fixture.server.requests) < ARRAY_LEN(fds))
        clock_sleep_ms(5);
    clock_sleep_ms(100);
    tear_down(&fixture);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        CHECK(read_status(fds[i]) == 503);
    CHECK(counted(&fixture, METRIC_SERVER_EVENTS_FAILED) == 4 * ARRAY_LEN(fds));
    CHECK(counted(&fixture, METRIC_SERVER_EVENTS_ACCEPTED) == 0);
}

TEST(produce, tells_the_producers_own_reason_when_it_takes_nothing)
{
    struct fixture fixture;
    set_up(&fixture, "30s");
    producer_drain(fixture.server.producer, 0);
    CHECK(read_status(send_request(&fixture, 2)) == 503);
    CHECK(counted(&fixture, METRIC_SERVER_EVENTS_FAILED) == 2);
    stop_loops(&fixture);
    deadline_stop(&fixture.server.deadlines);
    producer_stop(fixture.server.producer, 0);
    mock_kafka_stop(&fixture.mock, &fixture.settings);
}

/* --- Reports and deadlines at the same instant ---------------------------------------------------
 */

enum { SENDERS = 4, ROUNDS = 40 };

struct sender {
    struct fixture *fixture;
    struct thread thread;
    int answered, records;
};

static void run_sender(void *arg)
{
    struct sender *sender = arg;
    for (int i = 0; i < ROUNDS; i++) {
        int status = read_status(send_request(sender->fixture, 1 + i % 5));
        sender->answered += status == 201 || status == 503;
        sender->records += 1 + i % 5;
    }
}

TEST(produce, every_request_is_answered_once_when_reports_and_deadline_race)
{
    struct fixture fixture;
    struct sender senders[SENDERS] = {0};
    int records = 0;
    set_up(&fixture, "100ms");
    /* Reports come when the deadline thread looks: every 50 ms, so from 100 to 150 ms. */
    set_rtt(&fixture, 115);
    for (int i = 0; i < SENDERS; i++) {
        senders[i].fixture = &fixture;
        thread_start(&senders[i].thread, "sender", run_sender, &senders[i]);
    }
    for (int i = 0; i < SENDERS; i++) {
        thread_join(&senders[i].thread);
        CHECK(senders[i].answered == ROUNDS);
        records += senders[i].records;
    }
    for (int i = 0; i < 1000 && atomic_load(&fixture.server.requests) > 0; i++)
        clock_sleep_ms(10);
    int64_t fates = counted(&fixture, METRIC_SERVER_EVENTS_ACCEPTED) +
                    counted(&fixture, METRIC_SERVER_EVENTS_FAILED) +
                    counted(&fixture, METRIC_SERVER_EVENTS_LATE);
    CHECK(fates == records);
    tear_down(&fixture);
}

/* --- Everything at once --------------------------------------------------------------------------
 */

enum { CROWD = 8, CROWD_ROUNDS = 400, FATAL_ERRORS = 5 };

struct crowd {
    struct fixture *fixture;
    struct thread thread;
    atomic_int *left; /* of the crowd, that are not done */
    int answered, asked, records;
};

/* Every third client leaves without its answer. */
static void run_crowd(void *arg)
{
    struct crowd *crowd = arg;
    for (int i = 0; i < CROWD_ROUNDS; i++) {
        int fd = send_request(crowd->fixture, 1 + i % 7);
        crowd->records += 1 + i % 7;
        if (i % 3 == 0) {
            close(fd);
            continue;
        }
        int status = read_status(fd);
        crowd->asked++;
        crowd->answered += status == 201 || status == 503;
    }
    atomic_fetch_sub(crowd->left, 1);
}

/* Round trips now shorter and now longer than the deadline, and fatal errors in between. */
static void make_trouble(struct fixture *fixture, atomic_int *left)
{
    int fatal = 0;
    for (int turn = 0; atomic_load(left) > 0; turn++) {
        set_rtt(fixture, turn % 4 == 3 ? 115 : 1);
        if (turn % 4 == 2 && fatal < FATAL_ERRORS)
            fatal += producer_inject_fatal(fixture->server.producer);
        clock_sleep_ms(150);
    }
    set_rtt(fixture, 0);
}

TEST(produce, thousands_of_requests_are_accounted_for_whoever_leaves_and_whatever_fails)
{
    struct fixture fixture;
    struct crowd crowd[CROWD] = {0};
    atomic_int left = CROWD;
    int records = 0;
    set_up(&fixture, "100ms");
    for (int i = 0; i < CROWD; i++) {
        crowd[i].fixture = &fixture;
        crowd[i].left = &left;
        thread_start(&crowd[i].thread, "crowd", run_crowd, &crowd[i]);
    }
    make_trouble(&fixture, &left);
    for (int i = 0; i < CROWD; i++) {
        thread_join(&crowd[i].thread);
        CHECK(crowd[i].answered == crowd[i].asked);
        records += crowd[i].records;
    }
    for (int i = 0; i < 2000 && atomic_load(&fixture.server.requests) > 0; i++)
        clock_sleep_ms(10);
    /* A client that left before its request was read may never have made one. */
    int64_t fates = counted(&fixture, METRIC_SERVER_EVENTS_ACCEPTED) +
                    counted(&fixture, METRIC_SERVER_EVENTS_FAILED) +
                    counted(&fixture, METRIC_SERVER_EVENTS_LATE);
    CHECK(fates <= records && fates >= records * 2 / 3);
    CHECK(atomic_load(&fixture.server.requests) == 0);
    tear_down(&fixture);
}
