/* What librdkafka tells of itself twice a second, read from its JSON and kept as metrics.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_STATISTICS_H
#define KAFKA_STATISTICS_H
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the time since the statistics before, as far as it was used; sums are over all brokers. */
struct statistics_window {
    bool any;           /* something happened: the rest says something */
    int64_t p50, p99;   /* of the slowest broker */
    int64_t avg, worst; /* `worst`: the maximum */
};

struct statistics {
    bool has_producer_id;
    size_t brokers_up;     /* connected and talking */
    size_t partitions_led; /* of the topic: with a leader that is known */
    int64_t queued_records, queued_bytes;
    int64_t requests_in_flight;
    int64_t retries, timeouts;            /* requests, since the instance was made */
    struct statistics_window round_trip;  /* µs, from sending a request to its answer */
    struct statistics_window throttle;    /* ms that a broker asked to wait for */
    struct statistics_window batch_bytes; /* of one request's records */
    struct statistics_window batch_records;
};

/* Text that is no statistics yields zeros. */
void statistics_read(struct slice json, const char *topic, struct statistics *ret_statistics);

/* Sets the gauges, and adds to the counters what is new since `before`, the statistics of the same
 * instance before (zeroed for the first). */
void statistics_export(const struct statistics *statistics, const struct statistics *before);

#endif
