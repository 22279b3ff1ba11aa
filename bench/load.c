/* bench-load: sends events and measures what the sender sees.
 *
 *     bench-load --to 127.0.0.1:8080 --keys FILE [--path /v1/events] [--connections 64] [--batch 1]
 *                [--warmup 1] [--seconds 5] [--rate REQUESTS_PER_SECOND | --requests N] [--pid PID]
 *                [--rotate]
 *
 * Without --rate each connection sends its next request when the last one is answered (a closed
 * loop: good for throughput and CPU). With --rate requests are due at fixed times, and a latency
 * counts from when its request was due, so that a stall shows in every request it delays.
 * FILE has a line "ORGANIZATION KEY" for each caller; connections take them in turn, with --rotate
 * requests do. With --pid the CPU time of that process during the measured seconds is told.
 * Latencies are those of accepted requests (2xx); what was refused for now (429, 503) is counted
 * apart. With --requests the number is sent and then it ends. One thread; prints one JSON object.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/assert.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "bench/latency.h"
#include "bench/link.h"
#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 10000,
    KEYS_MAX = 100000,
    DRAIN_US = 10 * 1000 * 1000, /* wait at most this long for the last answers */
    RECONNECT_MAX = 1000,        /* give up when connections break more often than this */
};

struct options {
    struct sockaddr_in address;
    const char *to, *path, *keys_file;
    size_t connections, batch;
    double warmup_s, seconds, rate; /* rate 0: closed loop */
    uint64_t requests;              /* 0: as many as fit into the time */
    long pid;                       /* 0: none */
    bool rotate;                    /* each request is of the next caller */
};

struct caller {
    char *organization, *key; /* owned */
};

struct load {
    const struct options *options;
    struct caller *callers;
    size_t callers_len;
    struct link *links;
    struct link **idle; /* a stack */
    size_t idle_len;
    int epoll, timer;
    uint32_t run; /* makes transaction ids of different runs differ */
    uint64_t begun, outstanding;
    uint64_t broken, closed;              /* connections, with and without a request on its way */
    int64_t start_us, measure_us, end_us; /* measured is from measure_us to end_us */
    double next_due_us;                   /* with a rate */
    bool stopped;                         /* no further request is begun */
    struct latency latency, refusals;     /* of what was accepted, and refused for now, measured */
    uint64_t refused;                     /* for now, from start to end */
    uint64_t all_statuses[6];             /* by hundreds, from start to end */
    int64_t cpu_before_ms, cpu_after_ms;
};

static _Noreturn void fail(const char *why)
{
    fprintf(stderr, "bench-load: %s\n", why);
    exit(2);
}

/* User and system time of a process in milliseconds. */
static int64_t cpu_ms(long pid)
{
    char path[64], text[1024];
    unsigned long user, system_time;
    if (pid == 0)
        return 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        fail("the process of --pid is gone");
    size_t size = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[size] = '\0';
    const char *name_end = strrchr(text, ')');
    if (!name_end || sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                            &user, &system_time) != 2)
        fail("/proc/PID/stat cannot be read");
    return (int64_t)(user + system_time) * 1000 / sysconf(_SC_CLK_TCK);
}

static void read_callers(struct load *load)
{
    char organization[128], key[256];
    FILE *file = fopen(load->options->keys_file, "r");
    if (!file)
        fail("the file of --keys cannot be opened");
    load->callers = xcalloc(KEYS_MAX, sizeof *load->callers);
    while (load->callers_len < KEYS_MAX && fscanf(file, "%127s %255s", organization, key) == 2)
        load->callers[load->callers_len++] =
            (struct caller){.organization = xstrdup(organization), .key = xstrdup(key)};
    fclose(file);
    for (size_t i = 1; i < load->callers_len && load->options->rotate; i++)
        if (strlen(load->callers[i].organization) != strlen(load->callers[0].organization) ||
            strlen(load->callers[i].key) != strlen(load->callers[0].key))
            fail("with --rotate all organizations and keys are of one length");
    if (load->callers_len == 0)
        fail("the file of --keys has no line \"ORGANIZATION KEY\"");
}

static void watch(struct load *load, struct link *link, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = link};
    if (epoll_ctl(load->epoll, operation, link->fd, &event) != 0)
        fail("epoll_ctl failed");
}

static void connect_link(struct load *load, struct link *link)
{
    if (!link_connect(link))
        fail("cannot connect");
    watch(load, link, EPOLLIN, EPOLL_CTL_ADD);
}

/* The request of the link, if any, has no answer: its connection is made anew. One without a
 * request may be closed at any time. */
static void link_lost(struct load *load, struct link *link)
{
    if (link->busy) {
        link->busy = false;
        load->outstanding--;
        load->idle[load->idle_len++] = link;
        load->broken++;
    } else {
        load->closed++;
    }
    if (load->broken + load->closed > RECONNECT_MAX)
        fail("connections keep breaking");
    connect_link(load, link);
}

static void begin(struct load *load, struct link *link, int64_t due_us)
{
    bool more;
    if (load->options->rotate) {
        const struct caller *caller = &load->callers[load->begun % load->callers_len];
        link_caller(link, slice_from(caller->organization), slice_from(caller->key));
    }
    link_begin(link, load->run, load->begun * load->options->batch);
    link->since_us = due_us;
    link->busy = true;
    load->begun++;
    load->outstanding++;
    if (link_send(link, &more) == LINK_BROKEN)
        link_lost(load, link);
    else if (more)
        watch(load, link, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

/* Begins what is due, as far as there are connections for it. */
static void begin_due(struct load *load, int64_t now_us)
{
    const struct options *options = load->options;
    while (load->idle_len > 0 && !load->stopped) {
        if (options->requests && load->begun == options->requests) {
            load->stopped = true;
            return;
        }
        int64_t due_us = now_us;
        if (options->rate > 0) {
            if (load->next_due_us > (double)now_us)
                return;
            due_us = (int64_t)load->next_due_us;
            load->next_due_us += 1e6 / options->rate;
        }
        begin(load, load->idle[--load->idle_len], due_us);
    }
}

/* Refused for now: it may be sent again. */
static bool is_refusal(int status)
{
    return status == 429 || status == 503;
}

static void answered(struct load *load, struct link *link)
{
    int64_t now_us = clock_mono_us();
    int hundreds = link->status / 100;
    if (hundreds < 1 || hundreds > 5)
        hundreds = 0;
    load->all_statuses[hundreds]++;
    load->refused += is_refusal(link->status);
    if (now_us >= load->measure_us && now_us < load->end_us) {
        if (hundreds == 2)
            latency_add(&load->latency, now_us - link->since_us);
        else if (is_refusal(link->status))
            latency_add(&load->refusals, now_us - link->since_us);
    }
    link->busy = false;
    load->outstanding--;
    load->idle[load->idle_len++] = link;
}

static void on_socket(struct load *load, struct link *link, uint32_t events)
{
    enum link_state state = LINK_WAITS;
    if ((events & EPOLLOUT) && link->busy) {
        bool more;
        state = link_send(link, &more);
        if (state == LINK_WAITS && !more)
            watch(load, link, EPOLLIN, EPOLL_CTL_MOD);
    }
    if (state == LINK_WAITS && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        state = link_receive(link);
    if (state == LINK_DONE)
        answered(load, link);
    else if (state == LINK_BROKEN)
        link_lost(load, link);
}

/* Wakes the loop when the next request is due; without this, epoll's milliseconds would be seen in
 * the latencies. */
static void set_timer(struct load *load)
{
    int64_t due_us = (int64_t)load->next_due_us + 1;
    struct itimerspec when = {
        .it_value = {.tv_sec = due_us / 1000000, .tv_nsec = due_us % 1000000 * 1000}};
    if (timerfd_settime(load->timer, TFD_TIMER_ABSTIME, &when, NULL) != 0)
        fail("timerfd_settime failed");
}

static void wait_for_events(struct load *load)
{
    struct epoll_event events[256];
    if (load->options->rate > 0 && load->idle_len > 0 && !load->stopped)
        set_timer(load);
    int n = epoll_wait(load->epoll, events, ARRAY_LEN(events), 20);
    for (int i = 0; i < n; i++) {
        uint64_t expirations;
        if (events[i].data.ptr)
            on_socket(load, events[i].data.ptr, events[i].events);
        else if (read(load->timer, &expirations, sizeof expirations) < 0)
            continue; /* set anew in between */
    }
}

static void run(struct load *load)
{
    const struct options *options = load->options;
    bool measuring = false, measured = false;
    load->start_us = clock_mono_us();
    load->measure_us = load->start_us + (int64_t)(options->warmup_s * 1e6);
    load->end_us =
        options->requests ? INT64_MAX : load->measure_us + (int64_t)(options->seconds * 1e6);
    load->next_due_us = (double)load->start_us;
    for (;;) {
        int64_t now_us = clock_mono_us();
        if (!measuring && now_us >= load->measure_us) {
            measuring = true;
            load->measure_us = now_us;
            load->cpu_before_ms = cpu_ms(options->pid);
        }
        bool over = now_us >= load->end_us || (load->stopped && load->outstanding == 0);
        if (measuring && !measured && over) {
            measured = load->stopped = true;
            load->end_us = now_us;
            load->cpu_after_ms = cpu_ms(options->pid);
        }
        if (measured && (load->outstanding == 0 || now_us >= load->end_us + DRAIN_US))
            return;
        begin_due(load, now_us);
        wait_for_events(load);
    }
}

static void print(const struct load *load)
{
    const struct options *options = load->options;
    double seconds = (double)(load->end_us - load->measure_us) / 1e6;
    uint64_t good = load->latency.total;
    double events = (double)(good * options->batch);
    printf("{\"connections\":%zu,\"batch\":%zu,\"rate\":%.0f,\"seconds\":%.3f,\"requests\":%" PRIu64
           ",\"events\":%.0f,\"events_per_s\":%.0f",
           options->connections, options->batch, options->rate, seconds,
           good + load->refusals.total, events, events / seconds);
    printf(",\"refused\":%" PRIu64 ",\"refused_p50_us\":%" PRId64 ",\"refused_in_all\":%" PRIu64,
           load->refusals.total, latency_quantile(&load->refusals, 0.5), load->refused);
    printf(",\"status_4xx\":%" PRIu64 ",\"status_5xx\":%" PRIu64 ",\"broken\":%" PRIu64
           ",\"unanswered\":%" PRIu64 ",\"good_in_all\":%" PRIu64,
           load->all_statuses[4], load->all_statuses[5], load->broken, load->outstanding,
           load->all_statuses[2] * options->batch);
    printf(",\"p50_us\":%" PRId64 ",\"p90_us\":%" PRId64 ",\"p99_us\":%" PRId64
           ",\"max_us\":%" PRId64,
           latency_quantile(&load->latency, 0.5), latency_quantile(&load->latency, 0.9),
           latency_quantile(&load->latency, 0.99), load->latency.max_us);
    if (options->pid && good > 0)
        printf(",\"cpu_us_per_event\":%.3f",
               (double)(load->cpu_after_ms - load->cpu_before_ms) * 1000 / events);
    printf("}\n");
}

static void usage(void)
{
    fputs("usage: bench-load --to ADDRESS:PORT --keys FILE [--path PATH] [--connections N]\n"
          "                  [--batch EVENTS] [--warmup S] [--seconds S]\n"
          "                  [--rate REQUESTS_PER_SECOND | --requests N] [--pid PID] [--rotate]\n",
          stderr);
    exit(64);
}

static double read_number(const char *text, double min, double max)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !(number >= min && number <= max))
        usage();
    return number;
}

static void read_address(struct options *options)
{
    char host[64];
    unsigned port;
    int used = 0;
    options->address.sin_family = AF_INET;
    if (sscanf(options->to, "%63[0-9.]:%u%n", host, &port, &used) != 2 || options->to[used] ||
        port > 65535 || inet_pton(AF_INET, host, &options->address.sin_addr) != 1)
        usage();
    options->address.sin_port = htons((uint16_t)port);
}

static void read_options(int argc, char **argv, struct options *ret_options)
{
    static const struct option names[] = {
        {"to", required_argument, NULL, 't'},       {"keys", required_argument, NULL, 'k'},
        {"path", required_argument, NULL, 'p'},     {"connections", required_argument, NULL, 'c'},
        {"batch", required_argument, NULL, 'b'},    {"warmup", required_argument, NULL, 'w'},
        {"seconds", required_argument, NULL, 's'},  {"rate", required_argument, NULL, 'r'},
        {"requests", required_argument, NULL, 'n'}, {"pid", required_argument, NULL, 'i'},
        {"rotate", no_argument, NULL, 'o'},         {NULL, 0, NULL, 0}};
    struct options o = {
        .path = "/v1/events", .connections = 64, .batch = 1, .warmup_s = 1, .seconds = 5};
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (option) {
        case 't':
            o.to = optarg;
            break;
        case 'k':
            o.keys_file = optarg;
            break;
        case 'p':
            o.path = optarg;
            break;
        case 'c':
            o.connections = (size_t)read_number(optarg, 1, CONNECTIONS_MAX);
            break;
        case 'b':
            o.batch = (size_t)read_number(optarg, 1, 10000);
            break;
        case 'w':
            o.warmup_s = read_number(optarg, 0, 600);
            break;
        case 's':
            o.seconds = read_number(optarg, 0.1, 3600);
            break;
        case 'r':
            o.rate = read_number(optarg, 0.1, 1e6);
            break;
        case 'n':
            o.requests = (uint64_t)read_number(optarg, 1, 1e12);
            break;
        case 'i':
            o.pid = (long)read_number(optarg, 1, 1e9);
            break;
        case 'o':
            o.rotate = true;
            break;
        default:
            usage();
        }
    }
    if (!o.to || !o.keys_file || optind != argc || (o.rate > 0 && o.requests))
        usage();
    read_address(&o);
    if (o.requests)
        o.warmup_s = 0; /* all of them are measured */
    *ret_options = o;
}

static void load_init(struct load *load, const struct options *options)
{
    struct epoll_event wake = {.events = EPOLLIN};
    load->options = options;
    latency_init(&load->latency);
    latency_init(&load->refusals);
    digest_random(&load->run, sizeof load->run);
    read_callers(load);
    load->epoll = epoll_create1(EPOLL_CLOEXEC);
    load->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (load->epoll < 0 || load->timer < 0 ||
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, load->timer, &wake) != 0)
        fail("epoll or timerfd is missing");
    load->links = xcalloc(options->connections, sizeof *load->links);
    load->idle = xcalloc(options->connections, sizeof(struct link *));
    int64_t now_s = clock_wall_ms() / 1000;
    for (size_t i = 0; i < options->connections; i++) {
        const struct caller *caller = &load->callers[i % load->callers_len];
        struct link_request request = {
            .host = slice_from(options->to),
            .path = slice_from(options->path),
            .organization = slice_from(caller->organization),
            .key = slice_from(caller->key),
            .events = options->batch,
            .unix_s = now_s,
        };
        link_init(&load->links[i], &options->address, &request);
        connect_link(load, &load->links[i]);
        load->idle[load->idle_len++] = &load->links[i];
    }
}

static void load_done(struct load *load)
{
    for (size_t i = 0; i < load->options->connections; i++)
        link_done(&load->links[i]);
    for (size_t i = 0; i < load->callers_len; i++) {
        free(load->callers[i].organization);
        free(load->callers[i].key);
    }
    free(load->callers);
    free(load->links);
    free(load->idle);
    close(load->timer);
    close(load->epoll);
}

int main(int argc, char **argv)
{
    struct options options;
    struct load load = {.epoll = -1};
    read_options(argc, argv, &options);
    load_init(&load, &options);
    run(&load);
    print(&load);
    load_done(&load);
    return 0;
}
