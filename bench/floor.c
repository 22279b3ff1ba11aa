/* bench-floor: the least that a server between HTTP and Kafka can do, to measure bxb-server
 * against.
 *
 *     bench-floor --listen PORT --kafka HOST:PORT --topic NAME [--threads 2] [-X PROPERTY=VALUE]…
 *
 * libmicrohttpd takes the body, each line of it becomes a record under the key that the header
 * X-Organization names, and 201 is answered when the broker has acknowledged all of them (acks=all,
 * idempotent). Nothing is parsed, checked, authenticated or limited. The partition is computed as
 * bxb-server computes it, so that both give the broker the same requests. Writes "ready" to stdout
 * when the broker can be reached; ends on SIGTERM.
 *
 * Threads: workers read and produce; one thread polls librdkafka and resumes. Each worker waits for
 * its part of libmicrohttpd itself: where the library's own threads get exactly as many events at
 * once as they can take (128 in 0.9.75), they wait again before they handle them, for ever.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/slice.h"
#include "base/thread.h"
#include "kafka/partition.h"
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BODY_MAX = 16 << 20,
    CONNECTIONS_MAX = 12000, /* of a worker */
    THREADS_MAX = 64,
    BACKLOG = 4096,
    WAKE_MS = 100, /* a worker looks at least this often whether it should stop */
    BROKER_WAIT_MS = 10000,
    FLUSH_MS = 10000,
};

struct options {
    unsigned port, threads;
    const char *kafka, *topic;
};

struct worker {
    struct server *server;
    struct thread thread;
    struct MHD_Daemon *daemon;
    int epoll;         /* of the daemon */
    int wake;          /* an eventfd: connections were resumed */
    atomic_bool woken; /* it was written to, and not yet read */
};

struct server {
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    uint32_t partitions;
    struct thread poller;
    atomic_bool stop;        /* ends all threads */
    atomic_bool stopping;    /* requests are refused */
    atomic_size_t suspended; /* connections that wait for reports */
    struct worker workers[THREADS_MAX];
    unsigned threads;
    struct MHD_Response *taken, *unavailable, *refused;
};

struct request {
    struct worker *worker;
    struct MHD_Connection *connection;
    struct slice organization;
    char *body; /* owned; the records are parts of it until they are reported */
    size_t size, capacity;
    atomic_size_t waiting; /* reports to come, and one until all are produced */
    atomic_bool failed;
    bool produced;
};

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench-floor: %s: %s\n", what, why);
    exit(2);
}

static void one_less(struct request *request)
{
    if (atomic_fetch_sub(&request->waiting, 1) != 1)
        return;
    struct worker *worker = request->worker;
    uint64_t one = 1;
    MHD_resume_connection(request->connection); /* after which the request may be gone */
    if (!atomic_exchange(&worker->woken, true) && write(worker->wake, &one, sizeof one) < 0)
        fail("eventfd", "cannot be written to");
    atomic_fetch_sub(&worker->server->suspended, 1);
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    (void)opaque;
    struct request *request = message->_private;
    if (message->err)
        atomic_store(&request->failed, true);
    one_less(request);
}

static void poll_reports(void *arg)
{
    struct server *server = arg;
    while (!atomic_load(&server->stop))
        rd_kafka_poll(server->rk, 100);
}

static bool keep(struct request *request, const char *data, size_t size)
{
    if (size > BODY_MAX - request->size)
        return false;
    if (request->size + size > request->capacity) {
        request->capacity = 2 * (request->size + size);
        request->body = xrealloc(request->body, request->capacity);
    }
    memcpy(request->body + request->size, data, size);
    request->size += size;
    return true;
}

/* Hands every line to librdkafka. */
static void produce(struct server *server, struct request *request)
{
    int32_t partition = (int32_t)partition_of(request->organization, server->partitions);
    const char *end = request->body + request->size;
    for (const char *line = request->body; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t size = (size_t)((newline ? newline : end) - line);
        if (size > 0) {
            atomic_fetch_add(&request->waiting, 1);
            if (rd_kafka_produce(server->topic, partition, 0, (void *)(uintptr_t)line, size,
                                 request->organization.data, request->organization.size,
                                 request) != 0) {
                atomic_store(&request->failed, true);
                atomic_fetch_sub(&request->waiting, 1);
            }
        }
        line = newline ? newline + 1 : end;
    }
}

static struct request *request_new(struct worker *worker, struct MHD_Connection *connection)
{
    struct request *request = xcalloc(1, sizeof *request);
    request->worker = worker;
    request->connection = connection;
    request->organization =
        slice_from(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Organization"));
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
    if (length)
        request->capacity = strtoul(length, NULL, 10);
    if (request->capacity > BODY_MAX)
        request->capacity = 0;
    if (request->capacity > 0)
        request->body = xmalloc(request->capacity);
    return request;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **context)
{
    struct worker *worker = arg;
    struct server *server = worker->server;
    struct request *request = *context;
    (void)url;
    (void)version;
    if (!request) {
        *context = request_new(worker, connection);
        return MHD_YES;
    }
    if (*upload_size > 0) {
        bool fits = keep(request, upload, *upload_size);
        *upload_size = 0;
        return fits ? MHD_YES : MHD_NO;
    }
    if (request->produced)
        return MHD_queue_response(connection, atomic_load(&request->failed) ? 503 : 201,
                                  atomic_load(&request->failed) ? server->unavailable
                                                                : server->taken);
    if (strcmp(method, "POST") != 0 || request->organization.size == 0 || request->size == 0)
        return MHD_queue_response(connection, 400, server->refused);
    atomic_fetch_add(&server->suspended, 1);
    if (atomic_load(&server->stopping)) {
        atomic_fetch_sub(&server->suspended, 1);
        return MHD_queue_response(connection, 503, server->unavailable);
    }
    request->produced = true;
    atomic_store(&request->waiting, 1);
    MHD_suspend_connection(connection);
    produce(server, request);
    one_less(request);
    return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct request *request = *context;
    (void)arg;
    (void)connection;
    (void)code;
    if (!request)
        return;
    free(request->body);
    free(request);
    *context = NULL;
}

static struct MHD_Response *answer_of(const char *text)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
    if (!response ||
        MHD_add_response_header(response, "Content-Type", "application/json") != MHD_YES)
        fail("libmicrohttpd", "no response could be made");
    return response;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        fail(name, why);
}

static void start_kafka(struct server *server, const struct options *options, rd_kafka_conf_t *conf)
{
    char why[256];
    const struct rd_kafka_metadata *metadata;
    set(conf, "bootstrap.servers", options->kafka);
    set(conf, "acks", "all");
    set(conf, "enable.idempotence", "true");
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    server->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!server->rk)
        fail("librdkafka", why);
    server->topic = rd_kafka_topic_new(server->rk, options->topic, NULL);
    rd_kafka_resp_err_t error =
        rd_kafka_metadata(server->rk, 0, server->topic, &metadata, BROKER_WAIT_MS);
    if (error)
        fail(options->kafka, rd_kafka_err2str(error));
    if (metadata->topic_cnt != 1 || metadata->topics[0].partition_cnt == 0)
        fail(options->topic, "no such topic");
    server->partitions = (uint32_t)metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    thread_start(&server->poller, "reports", poll_reports, server);
}

static int listen_on(unsigned port)
{
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0)
        fail("cannot listen", "the port is taken");
    return fd;
}

static void work(void *arg)
{
    struct worker *worker = arg;
    while (!atomic_load(&worker->server->stop)) {
        struct pollfd events[] = {{.fd = worker->epoll, .events = POLLIN},
                                  {.fd = worker->wake, .events = POLLIN}};
        MHD_UNSIGNED_LONG_LONG ms;
        uint64_t count;
        bool bounded = MHD_get_timeout(worker->daemon, &ms) == MHD_YES && ms < WAKE_MS;
        poll(events, ARRAY_LEN(events), bounded ? (int)ms : WAKE_MS);
        if ((events[1].revents & POLLIN) && read(worker->wake, &count, sizeof count) > 0)
            atomic_store(&worker->woken, false);
        MHD_run(worker->daemon);
    }
}

static void start_worker(struct server *server, struct worker *worker, int listener)
{
    worker->server = server;
    worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (worker->wake < 0)
        fail("eventfd", "cannot be made");
    worker->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0 /* port */, NULL, NULL, on_request, worker,
        MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
    if (!worker->daemon)
        fail("libmicrohttpd", "a daemon could not be started");
    worker->epoll = MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    thread_start(&worker->thread, "worker", work, worker);
}

static void start_http(struct server *server, const struct options *options)
{
    server->taken = answer_of("{\"ok\":true}");
    server->unavailable = answer_of("{\"ok\":false}");
    server->refused = answer_of("{}");
    server->threads = options->threads;
    int listener = listen_on(options->port);
    for (unsigned i = 0; i < server->threads; i++) /* each closes its own */
        start_worker(server, &server->workers[i], i == 0 ? listener : dup(listener));
}

static void stop(struct server *server)
{
    atomic_store(&server->stopping, true);
    rd_kafka_flush(server->rk, FLUSH_MS);
    rd_kafka_purge(server->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (atomic_load(&server->suspended) > 0) /* the poller resumes them */
        clock_sleep_ms(1);
    atomic_store(&server->stop, true);
    thread_join(&server->poller);
    for (unsigned i = 0; i < server->threads; i++) {
        thread_join(&server->workers[i].thread);
        MHD_stop_daemon(server->workers[i].daemon);
        close(server->workers[i].wake);
    }
    rd_kafka_topic_destroy(server->topic);
    rd_kafka_destroy(server->rk);
    MHD_destroy_response(server->taken);
    MHD_destroy_response(server->unavailable);
    MHD_destroy_response(server->refused);
}

static void usage(void)
{
    fputs("usage: bench-floor --listen PORT --kafka HOST:PORT --topic NAME [--threads N]\n"
          "                   [-X PROPERTY=VALUE]…\n",
          stderr);
    exit(64);
}

static unsigned read_number(const char *text, unsigned max)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || number == 0 || number > max)
        usage();
    return (unsigned)number;
}

static void read_options(int argc, char **argv, struct options *options, rd_kafka_conf_t *conf)
{
    static const struct option names[] = {{"listen", required_argument, NULL, 'l'},
                                          {"kafka", required_argument, NULL, 'k'},
                                          {"topic", required_argument, NULL, 't'},
                                          {"threads", required_argument, NULL, 'n'},
                                          {NULL, 0, NULL, 0}};
    int option;
    char *value;
    while ((option = getopt_long(argc, argv, "X:", names, NULL)) != -1) {
        if (option == 'l')
            options->port = read_number(optarg, 65535);
        else if (option == 'k')
            options->kafka = optarg;
        else if (option == 't')
            options->topic = optarg;
        else if (option == 'n')
            options->threads = read_number(optarg, THREADS_MAX);
        else if (option == 'X' && (value = strchr(optarg, '='))) {
            *value++ = '\0';
            set(conf, optarg, value);
        } else
            usage();
    }
    if (!options->port || !options->kafka || !options->topic || optind != argc)
        usage();
}

int main(int argc, char **argv)
{
    struct options options = {.threads = 2};
    struct server server = {.partitions = 0};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    read_options(argc, argv, &options, conf);
    signals_block();
    start_kafka(&server, &options, conf);
    start_http(&server, &options);
    puts("ready");
    fflush(stdout);
    while (signals_wait(-1) == 0)
        continue;
    stop(&server);
    return 0;
}
