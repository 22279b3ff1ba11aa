/* A Kafka in this process, for unit tests. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/support/mock_kafka.h"

#include "base/assert.h"

static void set(struct settings *settings, const char *key, const char *value)
{
    struct err err;
    ASSERT(settings_set(settings, key, value, &err));
}

void mock_kafka_start_brokers(struct mock_kafka *mock, int brokers, uint32_t partitions,
                              struct settings *settings)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    mock->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    ASSERT(mock->rk);
    mock->cluster = rd_kafka_mock_cluster_new(mock->rk, brokers);
    ASSERT(mock->cluster);
    settings_init(settings);
    set(settings, "kafka", rd_kafka_mock_cluster_bootstraps(mock->cluster));
    ASSERT(!rd_kafka_mock_topic_create(mock->cluster, settings->events_topic, (int)partitions,
                                       1 /* replicas */));
}

void mock_kafka_start(struct mock_kafka *mock, uint32_t partitions, struct settings *settings)
{
    mock_kafka_start_brokers(mock, 1, partitions, settings);
}

void mock_kafka_stop(struct mock_kafka *mock, struct settings *settings)
{
    settings_done(settings);
    rd_kafka_mock_cluster_destroy(mock->cluster);
    rd_kafka_destroy(mock->rk);
}
