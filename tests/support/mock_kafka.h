/* A Kafka in this process, for unit tests: librdkafka's mock cluster with one broker and a topic.
 * It cannot describe configurations, keeps 5 MiB a partition, and appends a retry twice: what is
 * measured or promised is shown on a real broker, in tests/flow.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_MOCK_KAFKA_H
#define TESTS_SUPPORT_MOCK_KAFKA_H
#include "base/settings.h"
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdint.h>

enum { MOCK_KAFKA_BROKER = 1 };

struct mock_kafka {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
};

/* Starts it and points `settings`, which it initialises, to it. */
void mock_kafka_start(struct mock_kafka *mock, uint32_t partitions, struct settings *settings);
void mock_kafka_start_brokers(struct mock_kafka *mock, int brokers, uint32_t partitions,
                              struct settings *settings); /* MOCK_KAFKA_BROKER and those after it */
void mock_kafka_stop(struct mock_kafka *mock, struct settings *settings);

#endif
