/* bench-broker: the broker's own round trip, to measure the latency of an acknowledgement against.
 *
 *     bench-broker --kafka HOST:PORT --topic NAME [--rate 20] [--seconds 5]
 *
 * Produces one record at a time (acks=all, idempotent, no linger), each at its due time, to the
 * partitions in turn, and waits for its report. Prints one JSON object with quantiles.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/clock.h"
#include "bench/latency.h"
#include "bench/sample.h"
#include <getopt.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BROKER_WAIT_MS = 10000,
    WARMUP = 10, /* records before the first is measured: the producer id, connections */
};

static _Noreturn void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench-broker: %s: %s\n", what, why);
    exit(2);
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (message->err)
        fail("a record was not acknowledged", rd_kafka_err2str(message->err));
    *(int64_t *)message->_private = clock_mono_us();
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        fail(name, why);
}

static rd_kafka_t *start(const char *kafka)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", kafka);
    set(conf, "acks", "all");
    set(conf, "enable.idempotence", "true");
    set(conf, "linger.ms", "0");
    set(conf, "socket.nagle.disable", "true");
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!rk)
        fail("librdkafka", why);
    return rk;
}

static int32_t partitions_of(rd_kafka_t *rk, rd_kafka_topic_t *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error = rd_kafka_metadata(rk, 0, topic, &metadata, BROKER_WAIT_MS);
    if (error)
        fail("metadata", rd_kafka_err2str(error));
    int32_t partitions = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(metadata);
    if (partitions == 0)
        fail("metadata", "no such topic");
    return partitions;
}

/* The time from producing one record to its report. */
static int64_t round_trip(rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition,
                          const char *event)
{
    int64_t reported_us = 0;
    int64_t start_us = clock_mono_us();
    if (rd_kafka_produce(topic, partition, 0, (void *)(uintptr_t)event, SAMPLE_SIZE, NULL, 0,
                         &reported_us) != 0)
        fail("produce", rd_kafka_err2str(rd_kafka_last_error()));
    while (reported_us == 0)
        rd_kafka_poll(rk, 1000);
    return reported_us - start_us;
}

static void usage(void)
{
    fputs("usage: bench-broker --kafka HOST:PORT --topic NAME [--rate N] [--seconds S]\n", stderr);
    exit(64);
}

static double read_number(const char *text)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !(number >= 0.1 && number <= 10000))
        usage();
    return number;
}

static void measure(const char *kafka, const char *name, double rate, double seconds)
{
    rd_kafka_t *rk = start(kafka);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    int32_t partitions = partitions_of(rk, topic);
    struct latency latency;
    latency_init(&latency);
    char event[SAMPLE_SIZE];
    sample_event(event, 0, 0, clock_wall_ms() / 1000);

    uint64_t records = WARMUP + (uint64_t)(rate * seconds);
    int64_t start_ms = clock_mono_ms();
    for (uint64_t i = 0; i < records; i++) {
        int64_t due_ms = start_ms + (int64_t)((double)i * 1000 / rate);
        int64_t now_ms = clock_mono_ms();
        if (due_ms > now_ms)
            clock_sleep_ms(due_ms - now_ms);
        int64_t us = round_trip(rk, topic, (int32_t)(i % (uint64_t)partitions), event);
        if (i >= WARMUP)
            latency_add(&latency, us);
    }
    printf("{\"records\":%" PRIu64 ",\"p50_us\":%" PRId64 ",\"p90_us\":%" PRId64
           ",\"p99_us\":%" PRId64 ",\"max_us\":%" PRId64 "}\n",
           latency.total, latency_quantile(&latency, 0.5), latency_quantile(&latency, 0.9),
           latency_quantile(&latency, 0.99), latency.max_us);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
}

int main(int argc, char **argv)
{
    static const struct option names[] = {{"kafka", required_argument, NULL, 'k'},
                                          {"topic", required_argument, NULL, 't'},
                                          {"rate", required_argument, NULL, 'r'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {NULL, 0, NULL, 0}};
    const char *kafka = NULL, *topic = NULL;
    double rate = 20, seconds = 5;
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option == 'k')
            kafka = optarg;
        else if (option == 't')
            topic = optarg;
        else if (option == 'r')
            rate = read_number(optarg);
        else if (option == 's')
            seconds = read_number(optarg);
        else
            usage();
    }
    if (!kafka || !topic || optind != argc)
        usage();
    measure(kafka, topic, rate, seconds);
    return 0;
}
