/* bench-parse: what it costs to read one event, check it and write its canonical record, beside
 * jansson reading the same bytes into a tree and writing them again.
 *
 *     bench-parse [--only ours|jansson] [--shape single|array|ndjson] [--rounds N] [--events N]
 *
 * The rounds of both alternate. Prints one JSON object: nanoseconds of CPU per event, one figure
 * for each round. With --only and --rounds 1 it is a subject for callgrind.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "bench/sample.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "schemas/event.h"
#include "schemas/record.h"
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    BATCH = 100, /* events of a body that is a list */
    ROUNDS_MAX = 101,
    BODY_MAX = 1 << 20,
};

enum shape { SHAPE_SINGLE, SHAPE_ARRAY, SHAPE_NDJSON };
static const char *const shape_names[] = {"single", "array", "ndjson"};

struct subject {
    enum shape shape;
    size_t events; /* of the body */
    struct buf body;
};

static int64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void subject_init(struct subject *subject, enum shape shape)
{
    *subject = (struct subject){.shape = shape, .events = shape == SHAPE_SINGLE ? 1 : BATCH};
    struct buf *body = &subject->body;
    buf_init(body, BODY_MAX);
    if (shape == SHAPE_ARRAY)
        buf_append_char(body, '[');
    for (size_t i = 0; i < subject->events; i++) {
        char event[SAMPLE_SIZE];
        sample_event(event, 1, i, SAMPLE_RECEIVED_S - 60);
        if (shape == SHAPE_ARRAY && i > 0)
            buf_append_char(body, ',');
        buf_append(body, event, sizeof event);
        if (shape == SHAPE_NDJSON)
            buf_append_char(body, '\n');
    }
    if (shape == SHAPE_ARRAY)
        buf_append_char(body, ']');
    ASSERT(!body->overflow);
}

/* Reads the body once as bxb-server does; returns the bytes of the records. */
static size_t read_ours(const struct subject *subject, struct arena *arena, struct buf *out)
{
    const struct event_rules rules = {
        .organization_id = SLICE("0190a5b2-7c3d-7e4f-8a9b-0c1d2e3f4a5b"),
        .received_ms = (int64_t)SAMPLE_RECEIVED_S * 1000,
        .max_age_ms = (int64_t)35 * 86400 * 1000,
        .max_future_ms = 300 * 1000,
        .event_max = 256 * 1024,
        .events_max = 10000,
    };
    struct event_reader reader;
    struct event event;
    struct err err;
    char received[CLOCK_TEXT_SIZE];
    size_t taken = 0;
    clock_format(rules.received_ms, received);
    arena_reset(arena);
    buf_reset(out);
    enum event_body kind = subject->shape == SHAPE_NDJSON ? EVENT_BODY_NDJSON : EVENT_BODY_JSON;
    event_reader_init(&reader, buf_slice(&subject->body), kind, &rules, arena);
    while (event_reader_next(&reader, &event, &err) == EVENT_ACCEPTED) {
        struct record record = {
            .organization_id = rules.organization_id,
            .transaction_id = event.transaction_id,
            .external_customer_id = event.external_customer_id,
            .external_subscription_id = event.external_subscription_id,
            .code = event.code,
            .value = event.value,
            .properties = event.properties,
            .timestamp_ms = event.timestamp_ms,
            .timestamp_text = event.timestamp_text,
            .ingested_ms = rules.received_ms,
            .ingested_text = slice_from(received),
        };
        record_encode(&record, out);
        taken++;
    }
    ASSERT(taken == subject->events && !out->overflow);
    return out->size;
}

/* jansson's load and dump of `text`; returns the bytes of the dump. */
static size_t load_and_dump(const char *text, size_t size)
{
    json_error_t error;
    json_t *tree = json_loadb(text, size, 0, &error);
    ASSERT(tree);
    char *dump = json_dumps(tree, JSON_COMPACT);
    ASSERT(dump);
    size_t dumped = strlen(dump);
    free(dump);
    json_decref(tree);
    return dumped;
}

static size_t read_jansson(const struct subject *subject)
{
    const struct buf *body = &subject->body;
    if (subject->shape != SHAPE_NDJSON)
        return load_and_dump(body->data, body->size);
    size_t dumped = 0;
    for (size_t i = 0; i < subject->events; i++)
        dumped += load_and_dump(body->data + i * (SAMPLE_SIZE + 1), SAMPLE_SIZE);
    return dumped;
}

struct rounds {
    double ns[ROUNDS_MAX]; /* CPU per event */
    size_t len;
};

static void print_rounds(const char *name, const struct rounds *rounds)
{
    if (rounds->len == 0)
        return;
    printf(",\"%s\":[", name);
    for (size_t i = 0; i < rounds->len; i++)
        printf("%s%.1f", i == 0 ? "" : ",", rounds->ns[i]);
    printf("]");
}

static volatile size_t bytes_written; /* keeps the compiler from dropping the work */

static void measure(const struct subject *subject, const char *only, size_t rounds_len,
                    size_t events)
{
    struct arena arena;
    struct buf out;
    arena_init(&arena, BODY_MAX);
    buf_init(&out, BODY_MAX);
    struct rounds ours = {.len = 0}, jansson = {.len = 0};
    size_t bodies = events / subject->events;
    if (bodies == 0)
        bodies = 1;
    double per_round = (double)(bodies * subject->events);

    for (size_t round = 0; round < rounds_len; round++) {
        if (strcmp(only, "jansson") != 0) {
            int64_t start = cpu_ns();
            for (size_t i = 0; i < bodies; i++)
                bytes_written = read_ours(subject, &arena, &out);
            ours.ns[ours.len++] = (double)(cpu_ns() - start) / per_round;
        }
        if (strcmp(only, "ours") != 0) {
            int64_t start = cpu_ns();
            for (size_t i = 0; i < bodies; i++)
                bytes_written = read_jansson(subject);
            jansson.ns[jansson.len++] = (double)(cpu_ns() - start) / per_round;
        }
    }
    printf("{\"shape\":\"%s\",\"event_bytes\":%d", shape_names[subject->shape], SAMPLE_SIZE);
    print_rounds("ours", &ours);
    print_rounds("jansson", &jansson);
    printf("}\n");
    buf_done(&out);
    arena_done(&arena);
}

static void usage(void)
{
    fputs("usage: bench-parse [--only ours|jansson] [--shape single|array|ndjson]\n"
          "                   [--rounds 1…101] [--events N]\n",
          stderr);
    exit(64);
}

static size_t read_number(const char *text, size_t max)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || number == 0 || number > max)
        usage();
    return (size_t)number;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"only", required_argument, NULL, 'o'},
                                            {"shape", required_argument, NULL, 's'},
                                            {"rounds", required_argument, NULL, 'r'},
                                            {"events", required_argument, NULL, 'e'},
                                            {NULL, 0, NULL, 0}};
    const char *only = "", *shape = "single";
    size_t rounds = 9, events = 50000;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'o')
            only = optarg;
        else if (option == 's')
            shape = optarg;
        else if (option == 'r')
            rounds = read_number(optarg, ROUNDS_MAX);
        else if (option == 'e')
            events = read_number(optarg, 1000000000);
        else
            usage();
    }
    if (optind != argc || (*only && strcmp(only, "ours") != 0 && strcmp(only, "jansson") != 0))
        usage();
    for (size_t i = 0; i < ARRAY_LEN(shape_names); i++) {
        if (strcmp(shape, shape_names[i]) != 0)
            continue;
        struct subject subject;
        subject_init(&subject, (enum shape)i);
        measure(&subject, only, rounds, events);
        buf_done(&subject.body);
        return 0;
    }
    usage();
}
