/* librdkafka's statistics, read and kept as metrics. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/statistics.h"
#include "base/metrics.h"
#include "tests/unit/check.h"
#include <string.h>

/* As librdkafka 2.0 writes it, cut down to two brokers and what is read or must be left alone. */
static const char text[] =
    "{\"name\":\"p\",\"msg_cnt\":7,\"msg_size\":2100,\"brokers\":{"
    "\"a/1\":{\"state\":\"UP\",\"waitresp_cnt\":2,\"txretries\":3,\"req_timeouts\":1,"
    "\"rtt\":{\"p50\":700,\"p99\":900,\"avg\":710,\"max\":1000,\"cnt\":12},"
    "\"throttle\":{\"p50\":0,\"p99\":5,\"avg\":1,\"max\":5,\"cnt\":12}},"
    "\"b/2\":{\"state\":\"CONNECT\",\"waitresp_cnt\":1,\"txretries\":4,\"req_timeouts\":0,"
    "\"rtt\":{\"p50\":400,\"p99\":5000,\"avg\":600,\"max\":6000,\"cnt\":3},"
    "\"throttle\":{\"p50\":0,\"p99\":0,\"avg\":0,\"max\":0,\"cnt\":0}}},"
    "\"topics\":{\"other\":{\"batchsize\":{\"avg\":9,\"cnt\":1},\"partitions\":{\"0\":{\"leader\":"
    "1}}},"
    "\"billing-events\":{\"batchsize\":{\"avg\":1500,\"max\":2000,\"cnt\":4},"
    "\"batchcnt\":{\"avg\":5,\"max\":8,\"cnt\":4},"
    "\"partitions\":{\"0\":{\"leader\":1},\"1\":{\"leader\":-1},\"2\":{\"leader\":2},"
    "\"-1\":{\"leader\":1}}}},"
    "\"eos\":{\"idemp_state\":\"Assigned\",\"producer_epoch\":0}}";

static struct statistics read_text(const char *json)
{
    struct statistics statistics;
    statistics_read(slice_from(json), "billing-events", &statistics);
    return statistics;
}

TEST(statistics, reads_sums_over_brokers_and_the_slowest_of_them)
{
    struct statistics s = read_text(text);
    CHECK(s.has_producer_id && s.brokers_up == 1 && s.partitions_led == 2);
    CHECK(s.queued_records == 7 && s.queued_bytes == 2100);
    CHECK(s.requests_in_flight == 3 && s.retries == 7 && s.timeouts == 1);
    CHECK(s.round_trip.any && s.round_trip.p50 == 700 && s.round_trip.p99 == 5000);
    CHECK(s.throttle.any && s.throttle.worst == 5);
    CHECK(s.batch_bytes.avg == 1500 && s.batch_records.avg == 5);
}

TEST(statistics, yields_zeros_for_what_is_not_there)
{
    static const char *const texts[] = {"", "{", "[]", "{}", "{\"brokers\":[],\"topics\":7}"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct statistics s = read_text(texts[i]);
        CHECK(!s.has_producer_id && s.brokers_up == 0 && s.partitions_led == 0);
        CHECK(!s.round_trip.any && s.queued_records == 0);
    }
}

TEST(statistics, exports_gauges_and_adds_only_what_is_new_to_counters)
{
    struct statistics first = read_text(text), before = {0};
    int64_t retries = metrics_get(METRIC_SERVER_BROKER_RETRIES);
    statistics_export(&first, &before);
    CHECK(metrics_get(METRIC_SERVER_QUEUE_EVENTS) == 7);
    CHECK(metrics_get(METRIC_SERVER_QUEUE_BYTES) == 2100);
    CHECK(metrics_get(METRIC_SERVER_BROKER_REQUESTS) == 3);
    CHECK(metrics_get(METRIC_SERVER_BROKER_ROUND_TRIP_P50) == 700);
    CHECK(metrics_get(METRIC_SERVER_BROKER_ROUND_TRIP_P99) == 5000);
    CHECK(metrics_get(METRIC_SERVER_BROKER_THROTTLE) == 5);
    CHECK(metrics_get(METRIC_SERVER_BATCH_BYTES) == 1500);
    CHECK(metrics_get(METRIC_SERVER_BATCH_EVENTS) == 5);
    CHECK(metrics_get(METRIC_SERVER_BROKER_RETRIES) == retries + 7);

    struct statistics later = first;
    later.retries += 2;
    later.round_trip = (struct statistics_window){0}; /* nothing was sent */
    statistics_export(&later, &first);
    CHECK(metrics_get(METRIC_SERVER_BROKER_RETRIES) == retries + 9);
    CHECK(metrics_get(METRIC_SERVER_BROKER_ROUND_TRIP_P50) == 700);
}
