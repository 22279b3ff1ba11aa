/* Asking the leaders where a topic was at a time, on librdkafka's mock cluster.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/topic.h"
#include "tests/support/mock_kafka.h"
#include "tests/unit/check.h"
#include <string.h>

enum {
    PARTITIONS = 3,
    OTHER_BROKER = 2,
    LIST_OFFSETS = 2, /* Kafka's number of the request */
    ASK_MS = 5000,
};

struct fixture {
    struct mock_kafka mock;
    struct settings settings;
    struct topic *topic;
    struct topic_moment moments[PARTITIONS];
};

/* All partitions get this leader. */
static void lead(struct fixture *fixture, int32_t broker)
{
    for (int i = 0; i < PARTITIONS; i++)
        CHECK(!rd_kafka_mock_partition_set_leader(fixture->mock.cluster,
                                                  fixture->settings.events_topic, i, broker));
}

static void set_up(struct fixture *fixture)
{
    struct err err;
    mock_kafka_start_brokers(&fixture->mock, OTHER_BROKER, PARTITIONS, &fixture->settings);
    lead(fixture, MOCK_KAFKA_BROKER);
    fixture->topic = topic_open(&fixture->settings, &err);
    CHECK(fixture->topic != NULL);
    for (uint32_t i = 0; i < PARTITIONS; i++)
        fixture->moments[i] = (struct topic_moment){i, 1000, 99};
}

static void tear_down(struct fixture *fixture)
{
    topic_close(fixture->topic);
    mock_kafka_stop(&fixture->mock, &fixture->settings);
}

static bool ask(struct fixture *fixture, struct err *reterr)
{
    return topic_moments(fixture->topic, fixture->moments, PARTITIONS, ASK_MS, reterr);
}

TEST(topic_moments, are_answered_for_each_partition)
{
    struct fixture fixture;
    struct err err;
    set_up(&fixture);
    CHECK(ask(&fixture, &err));
    for (size_t i = 0; i < PARTITIONS; i++)
        CHECK(fixture.moments[i].offset == -1); /* the topic is empty */
    tear_down(&fixture);
}

TEST(topic_moments, are_not_answered_by_an_error)
{
    static const struct {
        rd_kafka_resp_err_t error;
        enum err_code code;
    } rows[] = {
        {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, ERR_KAFKA_UNAVAILABLE},
        {RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, ERR_KAFKA_UNAVAILABLE},
        {RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, ERR_KAFKA_UNAVAILABLE},
        {RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, ERR_KAFKA_UNAVAILABLE},
        {RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, ERR_KAFKA_UNAVAILABLE},
        {RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, ERR_KAFKA_UNAVAILABLE},
        {RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, ERR_KAFKA_UNAVAILABLE},
        {RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, ERR_KAFKA_UNAVAILABLE},
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ERR_KAFKA_UNAVAILABLE},
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ERR_KAFKA_REFUSED},
    };
    struct fixture fixture;
    set_up(&fixture);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err;
        rd_kafka_mock_push_request_errors(fixture.mock.cluster, LIST_OFFSETS, 1, rows[i].error);
        CHECK(!ask(&fixture, &err) && err.code == rows[i].code);
        CHECK(ask(&fixture, &err));
    }
    tear_down(&fixture);
}

TEST(topic_moments, are_not_answered_while_the_broker_is_away)
{
    struct fixture fixture;
    struct err err;
    set_up(&fixture);
    CHECK(ask(&fixture, &err));
    rd_kafka_mock_broker_set_down(fixture.mock.cluster, MOCK_KAFKA_BROKER);
    CHECK(!topic_moments(fixture.topic, fixture.moments, PARTITIONS, 300, &err));
    CHECK(err.code == ERR_KAFKA_UNAVAILABLE);
    rd_kafka_mock_broker_set_up(fixture.mock.cluster, MOCK_KAFKA_BROKER);
    CHECK(ask(&fixture, &err) || ask(&fixture, &err));
    tear_down(&fixture);
}

/* librdkafka would ask the one that it knows until it happens to look again, minutes later. */
TEST(topic_moments, are_asked_of_another_leader_after_one_refusal)
{
    struct fixture fixture;
    struct err err;
    set_up(&fixture);
    CHECK(ask(&fixture, &err));
    lead(&fixture, OTHER_BROKER);
    CHECK(!ask(&fixture, &err) && err.code == ERR_KAFKA_UNAVAILABLE);
    CHECK(ask(&fixture, &err));
    tear_down(&fixture);
}

TEST(topic_moments, are_not_answered_of_what_is_not_there)
{
    struct fixture fixture;
    struct err err;
    set_up(&fixture);
    fixture.moments[0].partition = PARTITIONS;
    CHECK(!ask(&fixture, &err) && err.code == ERR_KAFKA_UNAVAILABLE);
    CHECK(strstr(err.text, rd_kafka_err2str(RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)));
    CHECK(settings_set(&fixture.settings, "kafka", "no-such-host.invalid:9092", &err));
    topic_close(fixture.topic);
    fixture.topic = topic_open(&fixture.settings, &err);
    CHECK(!ask(&fixture, &err) && err.code == ERR_KAFKA_UNAVAILABLE);
    CHECK(strstr(err.text, rd_kafka_err2str(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)));
    struct topic_facts facts;
    topic_set_timeout(fixture.topic, 300);
    CHECK(!topic_describe(fixture.topic, &facts, &err) && err.code == ERR_KAFKA_UNAVAILABLE);
    CHECK(strstr(err.text, rd_kafka_err2str(RD_KAFKA_RESP_ERR__TRANSPORT)));
    tear_down(&fixture);
}
