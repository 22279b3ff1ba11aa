/* bench-parse: what it costs to read one event, check it and write its canonical record, beside
 * jansson reading the same bytes into a tree and writing them again, and simdjson, if it is there,
 * reading them into a tree.
 *
 *     bench-parse [--only ours|jansson|simdjson] [--shape single|array|ndjson] [--rounds N]
 * [--events N]
 *
 * Their rounds take turns. Prints one JSON object: nanoseconds of CPU per event, one figure
 * for each round. With --only and --rounds 1 it is a subject for callgrind.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "bench/dom.h"
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
    ASSERT(!body->overflow && buf_reserve(body, DOM_PADDING) != NULL);
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

#ifdef HAVE_SIMDJSON
/* Its parser is kept from body to body, as it should be. */
static size_t read_simdjson(const struct subject *subject)
{
    static struct dom *dom;
    const struct buf *body = &subject->body;
    size_t lines = subject->shape == SHAPE_NDJSON ? subject->events : 1, parsed = 0;
    size_t size = lines > 1 ? SAMPLE_SIZE : body->size;
    if (dom == NULL)
        dom = dom_new();
    for (size_t i = 0; i < lines; i++)
        parsed += dom_parse(dom, body->data + i * (SAMPLE_SIZE + 1), size);
    ASSERT(parsed == lines * size);
    return parsed;
}
#endif

static size_t read_ours_once(const struct subject *subject)
{
    static struct arena arena = {.max = BODY_MAX};
    static struct buf out = {.max = BODY_MAX};
    return read_ours(subject, &arena, &out);
}

static const struct reader {
    const char *name;
    size_t (*read)(const struct subject *subject); /* reads the body once */
} readers[] = {
    {"ours", read_ours_once},
    {"jansson", read_jansson},
#ifdef HAVE_SIMDJSON
    {"simdjson", read_simdjson},
#endif
};

static volatile size_t bytes_read; /* keeps the compiler from dropping the work */

/* CPU per event of reading the body so often, in nanoseconds. */
static double time_of(const struct reader *reader, const struct subject *subject, size_t bodies)
{
    int64_t start = cpu_ns();
    for (size_t i = 0; i < bodies; i++)
        bytes_read = reader->read(subject);
    return (double)(cpu_ns() - start) / (double)(bodies * subject->events);
}

static void measure(const struct subject *subject, const char *only, size_t rounds, size_t events)
{
    static double ns[ARRAY_LEN(readers)][ROUNDS_MAX];
    size_t bodies = events < subject->events ? 1 : events / subject->events;
    for (size_t round = 0; round < rounds; round++)
        for (size_t i = 0; i < ARRAY_LEN(readers); i++)
            if (*only == '\0' || strcmp(only, readers[i].name) == 0)
                ns[i][round] = time_of(&readers[i], subject, bodies);
    printf("{\"shape\":\"%s\",\"event_bytes\":%d", shape_names[subject->shape], SAMPLE_SIZE);
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        if (*only != '\0' && strcmp(only, readers[i].name) != 0)
            continue;
        printf(",\"%s\":", readers[i].name);
        for (size_t round = 0; round < rounds; round++)
            printf("%s%.1f", round == 0 ? "[" : ",", ns[i][round]);
        printf("]");
    }
    printf("}\n");
}

static bool is_reader(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(readers); i++)
        if (strcmp(name, readers[i].name) == 0)
            return true;
    return false;
}

static void usage(void)
{
    fputs("usage: bench-parse [--only ours|jansson|simdjson] [--shape single|array|ndjson]\n"
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
    if (optind != argc || (*only && !is_reader(only)))
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
