/* What librdkafka tells of itself. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/statistics.h"

#include "base/metrics.h"
#include <jansson.h>
#include <string.h>

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Of several brokers the slowest counts: a request waits for its own. */
static void read_window(const json_t *object, const char *name, struct statistics_window *window)
{
    const json_t *values = json_object_get(object, name);
    if (number(values, "cnt") == 0)
        return;
    window->any = true;
    window->p50 = larger(window->p50, number(values, "p50"));
    window->p99 = larger(window->p99, number(values, "p99"));
    window->avg = larger(window->avg, number(values, "avg"));
    window->worst = larger(window->worst, number(values, "max"));
}

static void read_brokers(const json_t *brokers, struct statistics *statistics)
{
    const char *name;
    json_t *broker;
    json_object_foreach((json_t *)brokers, name, broker)
    {
        const char *state = json_string_value(json_object_get(broker, "state"));
        statistics->brokers_up += state && strcmp(state, "UP") == 0;
        statistics->requests_in_flight += number(broker, "waitresp_cnt");
        statistics->retries += number(broker, "txretries");
        statistics->timeouts += number(broker, "req_timeouts");
        read_window(broker, "rtt", &statistics->round_trip);
        read_window(broker, "throttle", &statistics->throttle);
    }
}

static void read_topic(const json_t *topic, struct statistics *statistics)
{
    const char *id;
    json_t *partition;
    json_object_foreach(json_object_get(topic, "partitions"), id, partition)
    {
        statistics->partitions_led += strcmp(id, "-1") != 0 && number(partition, "leader") >= 0;
    }
    read_window(topic, "batchsize", &statistics->batch_bytes);
    read_window(topic, "batchcnt", &statistics->batch_records);
}

void statistics_read(struct slice json, const char *topic, struct statistics *ret_statistics)
{
    *ret_statistics = (struct statistics){0};
    json_t *document = json_loadb(json.data, json.size, 0, NULL);
    const char *state =
        json_string_value(json_object_get(json_object_get(document, "eos"), "idemp_state"));
    ret_statistics->has_producer_id = state && strcmp(state, "Assigned") == 0;
    ret_statistics->queued_records = number(document, "msg_cnt");
    ret_statistics->queued_bytes = number(document, "msg_size");
    read_brokers(json_object_get(document, "brokers"), ret_statistics);
    read_topic(json_object_get(json_object_get(document, "topics"), topic), ret_statistics);
    json_decref(document);
}

/* Where nothing happened the gauge keeps what it was: 0 would say that it went fast. */
static void set_window(const struct statistics_window *window, enum metric metric, int64_t value)
{
    if (window->any)
        metrics_set(metric, value);
}

void statistics_export(const struct statistics *statistics, const struct statistics *before)
{
    metrics_set(METRIC_SERVER_QUEUE_EVENTS, statistics->queued_records);
    metrics_set(METRIC_SERVER_QUEUE_BYTES, statistics->queued_bytes);
    metrics_set(METRIC_SERVER_BROKER_REQUESTS, statistics->requests_in_flight);
    metrics_set(METRIC_SERVER_BROKER_THROTTLE, statistics->throttle.worst);
    const struct statistics_window *window = &statistics->round_trip;
    set_window(window, METRIC_SERVER_BROKER_ROUND_TRIP_P50, window->p50);
    set_window(window, METRIC_SERVER_BROKER_ROUND_TRIP_P99, window->p99);
    window = &statistics->batch_bytes;
    set_window(window, METRIC_SERVER_BATCH_BYTES, window->avg);
    window = &statistics->batch_records;
    set_window(window, METRIC_SERVER_BATCH_EVENTS, window->avg);
    /* A broker that left the cluster takes its counts along. */
    if (statistics->retries > before->retries)
        metrics_add(METRIC_SERVER_BROKER_RETRIES,
                    (uint64_t)(statistics->retries - before->retries));
    if (statistics->timeouts > before->timeouts)
        metrics_add(METRIC_SERVER_BROKER_TIMEOUTS,
                    (uint64_t)(statistics->timeouts - before->timeouts));
}
