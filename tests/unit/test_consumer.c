/* The consumer against librdkafka's mock cluster. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/consumer.h"
#include "base/clock.h"
#include "kafka/producer.h"
#include "tests/support/mock_kafka.h"
#include "tests/unit/check.h"
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    PARTITIONS = 3,
    RECORDS = 3000,
    FETCH = 1, /* Kafka's number of the request */
};

static atomic_int acknowledged;

static void on_report(void *opaque, enum producer_fate fate)
{
    (void)opaque;
    if (fate == PRODUCER_ACKNOWLEDGED)
        atomic_fetch_add(&acknowledged, 1);
}

/* Record i is the number i, in partition i % PARTITIONS. */
static void produce(const struct settings *settings)
{
    static char values[RECORDS][16];
    struct err err;
    struct producer *producer = producer_start_unverified(settings, PARTITIONS, on_report, &err);
    CHECK(producer != NULL);
    atomic_store(&acknowledged, 0);
    while (!producer_ready(producer, &err))
        clock_sleep_ms(10);
    for (int i = 0; i < RECORDS; i++) {
        int size = snprintf(values[i], sizeof(values[i]), "%d", i);
        const struct producer_record record = {.partition = (uint32_t)i % PARTITIONS,
                                               .key = SLICE("organization"),
                                               .value = {values[i], (size_t)size}};
        CHECK(producer_send(producer, &record, NULL, &err));
    }
    producer_stop(producer, 10000);
    CHECK(atomic_load(&acknowledged) == RECORDS);
}

struct fixture {
    struct mock_kafka mock;
    struct settings settings;
    struct consumer_position positions[PARTITIONS];
};

static void set_up(struct fixture *fixture)
{
    struct err err;
    mock_kafka_start(&fixture->mock, PARTITIONS, &fixture->settings);
    CHECK(settings_set(&fixture->settings, "kafka.fetch.wait.max.ms", "5", &err));
    produce(&fixture->settings);
    for (uint32_t i = 0; i < PARTITIONS; i++)
        fixture->positions[i] = (struct consumer_position){.partition = i, .offset = 0};
}

static struct consumer *open_all(struct fixture *fixture)
{
    struct err err;
    struct consumer *consumer =
        consumer_open(&fixture->settings, &(struct consumer_options){.group = "bxb-writer"},
                      fixture->positions, PARTITIONS, &err);
    CHECK(consumer != NULL);
    return consumer;
}

/* Reads to the end of all partitions; checks each record; returns how many there were. */
static int read_to_the_end(struct consumer *consumer, const int64_t *next)
{
    struct consumer_message message;
    struct err err;
    int64_t expected[PARTITIONS];
    int ended = 0, n = 0;
    memcpy(expected, next, sizeof(expected));
    while (ended < PARTITIONS) {
        switch (consumer_next(consumer, 5000, &message, &err)) {
        case CONSUMER_MESSAGE: {
            char value[16];
            CHECK(message.offset == expected[message.partition]++);
            int size = snprintf(value, sizeof(value), "%d",
                                (int)message.offset * PARTITIONS + (int)message.partition);
            CHECK(slice_equal(message.value, (struct slice){value, (size_t)size}));
            CHECK(slice_equal(message.key, SLICE("organization")));
            n++;
            break;
        }
        case CONSUMER_EOF:
            CHECK(message.offset == expected[message.partition]);
            ended++;
            break;
        case CONSUMER_TIMEOUT:
        case CONSUMER_ERROR:
            CHECK(!"the end of each partition");
        }
    }
    return n;
}

TEST(consumer, reads_every_record_in_order_and_tells_the_end)
{
    struct fixture fixture;
    struct consumer_message message;
    struct err err;
    set_up(&fixture);
    struct consumer *consumer = open_all(&fixture);
    CHECK(read_to_the_end(consumer, (int64_t[PARTITIONS]){0}) == RECORDS);
    CHECK(consumer_next(consumer, 0, &message, &err) == CONSUMER_TIMEOUT);
    CHECK(consumer_log_end(consumer, 0) == RECORDS / PARTITIONS);
    int64_t low, high;
    CHECK(consumer_watermarks(consumer, 1, 5000, &low, &high, &err));
    CHECK(low == 0 && high == RECORDS / PARTITIONS);
    CHECK(consumer_connected(consumer, &err));
    consumer_close(consumer);
    mock_kafka_stop(&fixture.mock, &fixture.settings);
}

TEST(consumer, begins_at_the_given_offsets)
{
    struct fixture fixture;
    set_up(&fixture);
    fixture.positions[0].offset = 10;
    fixture.positions[1].offset = RECORDS / PARTITIONS;
    fixture.positions[2].offset = 999;
    struct consumer *consumer = open_all(&fixture);
    const int64_t next[PARTITIONS] = {10, RECORDS / PARTITIONS, 999};
    CHECK(read_to_the_end(consumer, next) == RECORDS / PARTITIONS - 10 + 1);
    consumer_close(consumer);
    mock_kafka_stop(&fixture.mock, &fixture.settings);
}

TEST(consumer, keeps_values_until_they_are_released)
{
    enum { LAG = 700 };
    struct fixture fixture;
    struct consumer_message kept[RECORDS], message;
    struct err err;
    int n = 0;
    set_up(&fixture);
    struct consumer *consumer = open_all(&fixture);
    while (n < RECORDS) {
        if (consumer_next(consumer, 5000, &message, &err) != CONSUMER_MESSAGE)
            continue;
        CHECK(message.sequence == (uint64_t)n);
        kept[n++] = message;
        if (n < LAG)
            continue;
        char value[16];
        const struct consumer_message *old = &kept[n - LAG];
        int size = snprintf(value, sizeof(value), "%d",
                            (int)old->offset * PARTITIONS + (int)old->partition);
        CHECK(slice_equal(old->value, (struct slice){value, (size_t)size}));
        consumer_release(consumer, old->sequence);
    }
    consumer_close(consumer);
    mock_kafka_stop(&fixture.mock, &fixture.settings);
}

TEST(consumer, an_offset_that_is_not_in_the_log_is_a_gap)
{
    struct fixture fixture;
    struct consumer_message message;
    struct err err = {0};
    enum consumer_step step;
    set_up(&fixture);
    fixture.positions[1].offset = RECORDS * 10;
    struct consumer *consumer = open_all(&fixture);
    while ((step = consumer_next(consumer, 5000, &message, &err)) == CONSUMER_MESSAGE ||
           step == CONSUMER_EOF)
        continue;
    CHECK(step == CONSUMER_ERROR && err.code == ERR_LOG_GAP);
    consumer_close(consumer);
    mock_kafka_stop(&fixture.mock, &fixture.settings);
}

TEST(consumer, errors_of_fetches_stop_or_pass)
{
    static const struct {
        rd_kafka_resp_err_t error;
        enum err_code code; /* ERR_NONE: it passes */
    } rows[] = {
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ERR_KAFKA_REFUSED},
        {RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, ERR_LOG_GAP},
        {RD_KAFKA_RESP_ERR_INVALID_MSG, ERR_RECORD_INVALID},
        {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, ERR_NONE},
        {RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION, ERR_NONE},
        {RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, ERR_NONE},
        {RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, ERR_NONE},
        {RD_KAFKA_RESP_ERR_NOT_COORDINATOR, ERR_NONE},
        {RD_KAFKA_RESP_ERR_NOT_CONTROLLER, ERR_NONE},
        {RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, ERR_NONE},
        {RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, ERR_NONE},
        {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ERR_NONE}, /* librdkafka looks for it again */
        {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, ERR_NONE},
        {RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, ERR_NONE},
    };
    struct fixture fixture;
    set_up(&fixture);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct consumer_message message;
        struct err err = {0};
        enum consumer_step step;
        rd_kafka_resp_err_t error = rows[i].error;
        rd_kafka_mock_clear_request_errors(fixture.mock.cluster, FETCH);
        rd_kafka_mock_push_request_errors(fixture.mock.cluster, FETCH, 3, error, error, error);
        struct consumer *consumer = open_all(&fixture);
        if (rows[i].code == ERR_NONE) {
            CHECK(read_to_the_end(consumer, (int64_t[PARTITIONS]){0}) == RECORDS);
        } else {
            while ((step = consumer_next(consumer, 5000, &message, &err)) == CONSUMER_MESSAGE ||
                   step == CONSUMER_EOF)
                continue;
            CHECK(step == CONSUMER_ERROR && err.code == rows[i].code);
        }
        consumer_close(consumer);
    }
    mock_kafka_stop(&fixture.mock, &fixture.settings);
}

TEST(consumer, waits_for_a_broker_that_is_away_and_goes_on)
{
    struct fixture fixture;
    struct consumer_message message;
    struct err err;
    set_up(&fixture);
    rd_kafka_mock_broker_set_down(fixture.mock.cluster, MOCK_KAFKA_BROKER);
    struct consumer *consumer = open_all(&fixture);
    int64_t before = clock_mono_ms();
    CHECK(consumer_next(consumer, 300, &message, &err) == CONSUMER_TIMEOUT);
    CHECK(clock_mono_ms() - before >= 300);
    CHECK(!consumer_connected(consumer, &err) && err.code == ERR_KAFKA_UNAVAILABLE);
    rd_kafka_mock_broker_set_up(fixture.mock.cluster, MOCK_KAFKA_BROKER);
    CHECK(read_to_the_end(consumer, (int64_t[PARTITIONS]){0}) == RECORDS);
    CHECK(consumer_connected(consumer, &err));
    consumer_close(consumer);
    mock_kafka_stop(&fixture.mock, &fixture.settings);
}

TEST(consumer, refuses_positions_that_cannot_be)
{
    struct settings settings;
    struct err err;
    const struct consumer_options options = {0};
    settings_init(&settings);
    const struct consumer_position twice[] = {{.partition = 1}, {.partition = 1, .offset = 5}};
    const struct consumer_position negative[] = {{.partition = 0, .offset = -1}};
    CHECK(!consumer_open(&settings, &options, twice, 2, &err) && err.code == ERR_KAFKA_REFUSED);
    CHECK(!consumer_open(&settings, &options, negative, 1, &err));
    CHECK(!consumer_open(&settings, &options, NULL, 0, &err));
    settings_done(&settings);
}

/* Both clients get the user's properties, and librdkafka compares some of them. */
TEST(consumer, reads_messages_as_large_as_the_user_lets_them_be)
{
    struct settings settings;
    struct err err;
    const struct consumer_position first = {.partition = 0};
    settings_init(&settings);
    CHECK(settings_set(&settings, "kafka.message.max.bytes", "8000000", &err));
    struct consumer *consumer =
        consumer_open(&settings, &(struct consumer_options){0}, &first, 1, &err);
    CHECK(consumer != NULL);
    consumer_close(consumer);
    settings_done(&settings);
}
