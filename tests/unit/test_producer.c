/* The producer against librdkafka's mock cluster. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/producer.h"
#include "base/clock.h"
#include "kafka/kafka.h"
#include "tests/support/mock_kafka.h"
#include "tests/unit/check.h"
#include <stdatomic.h>
#include <string.h>

enum {
    PARTITIONS = 4,
    RECORDS = 100,
    PRODUCE = 0, /* Kafka's number of the request */
};

struct sent {
    atomic_int reports;
    atomic_int fate;
};

static void on_report(void *opaque, enum producer_fate fate)
{
    struct sent *sent = opaque;
    atomic_store(&sent->fate, (int)fate);
    atomic_fetch_add(&sent->reports, 1);
}

struct fixture {
    struct mock_kafka mock;
    struct settings settings;
    struct producer *producer;
    struct sent sent[RECORDS];
};

static void set_up(struct fixture *fixture)
{
    struct err err;
    memset(fixture, 0, sizeof(*fixture));
    mock_kafka_start(&fixture->mock, PARTITIONS, &fixture->settings);
    fixture->producer = producer_start_unverified(&fixture->settings, PARTITIONS, on_report, &err);
    CHECK(fixture->producer != NULL);
}

static void tear_down(struct fixture *fixture)
{
    producer_stop(fixture->producer, 0);
    mock_kafka_stop(&fixture->mock, &fixture->settings);
}

static bool wait_ready(struct producer *producer)
{
    struct err err;
    for (int i = 0; i < 1000; i++) {
        if (producer_ready(producer, &err))
            return true;
        clock_sleep_ms(10);
    }
    return false;
}

static bool hand_over(struct producer *producer, uint32_t partition, struct slice value,
                      struct sent *sent, struct err *reterr)
{
    const struct producer_record record = {
        .partition = partition, .key = SLICE("key"), .value = value};
    return producer_send(producer, &record, sent, reterr);
}

static void send_all(struct fixture *fixture)
{
    struct err err;
    for (int i = 0; i < RECORDS; i++)
        CHECK(hand_over(fixture->producer, (uint32_t)i % PARTITIONS, SLICE("{\"a\":1}"),
                        &fixture->sent[i], &err));
}

static int reported(const struct fixture *fixture)
{
    int n = 0;
    for (int i = 0; i < RECORDS; i++)
        n += atomic_load(&fixture->sent[i].reports);
    return n;
}

static bool wait_reported(struct fixture *fixture, int n)
{
    for (int i = 0; i < 1000 && reported(fixture) < n; i++)
        clock_sleep_ms(10);
    return reported(fixture) == n;
}

static int with_fate(const struct fixture *fixture, enum producer_fate fate)
{
    int n = 0;
    for (int i = 0; i < RECORDS; i++)
        n += atomic_load(&fixture->sent[i].reports) == 1 &&
             atomic_load(&fixture->sent[i].fate) == (int)fate;
    return n;
}

TEST(producer, becomes_ready_and_reports_each_record_acknowledged_once)
{
    struct fixture fixture;
    set_up(&fixture);
    CHECK(wait_ready(fixture.producer));
    CHECK(producer_partitions(fixture.producer) == PARTITIONS);
    send_all(&fixture);
    CHECK(wait_reported(&fixture, RECORDS));
    CHECK(with_fate(&fixture, PRODUCER_ACKNOWLEDGED) == RECORDS);
    tear_down(&fixture);
    CHECK(reported(&fixture) == RECORDS);
}

TEST(producer, what_a_broker_refuses_is_not_stored_and_what_passes_is_sent_again)
{
    static const struct {
        rd_kafka_resp_err_t error;
        enum producer_fate fate;
    } rows[] = {
        {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, PRODUCER_NOT_STORED},
        {RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, PRODUCER_NOT_STORED},
        {RD_KAFKA_RESP_ERR_INVALID_RECORD, PRODUCER_NOT_STORED},
        {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, PRODUCER_ACKNOWLEDGED},
        {RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, PRODUCER_ACKNOWLEDGED},
        {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, PRODUCER_ACKNOWLEDGED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture fixture;
        struct err err;
        set_up(&fixture);
        CHECK(wait_ready(fixture.producer));
        rd_kafka_mock_push_request_errors(fixture.mock.cluster, PRODUCE, 1, rows[i].error);
        CHECK(hand_over(fixture.producer, 0, SLICE("v"), &fixture.sent[0], &err));
        CHECK(wait_reported(&fixture, 1));
        CHECK(with_fate(&fixture, rows[i].fate) == 1);
        tear_down(&fixture);
    }
}

TEST(producer, is_not_ready_and_refuses_without_an_instance)
{
    struct settings settings;
    struct err err;
    struct sent sent = {0};
    settings_init(&settings);
    CHECK(settings_set(&settings, "kafka", "127.0.0.1:1", &err));
    struct producer *producer = producer_start(&settings, on_report, NULL, NULL, &err);
    CHECK(producer != NULL);
    CHECK(!producer_ready(producer, &err) && err.code == ERR_NOT_READY);
    CHECK(producer_partitions(producer) == 0);
    CHECK(!hand_over(producer, 0, SLICE("v"), &sent, &err));
    CHECK(err.code == ERR_BROKER_UNAVAILABLE);
    producer_stop(producer, 0);
    settings_done(&settings);
    CHECK(atomic_load(&sent.reports) == 0);
}

TEST(producer, says_that_no_broker_is_reached_and_delivers_when_it_is_back)
{
    struct fixture fixture;
    struct err err;
    set_up(&fixture);
    CHECK(wait_ready(fixture.producer));
    rd_kafka_mock_broker_set_down(fixture.mock.cluster, MOCK_KAFKA_BROKER);
    for (int i = 0; i < 1000 && producer_ready(fixture.producer, &err); i++)
        clock_sleep_ms(10);
    CHECK(!producer_ready(fixture.producer, &err) && err.code == ERR_BROKER_UNAVAILABLE);
    send_all(&fixture);
    CHECK(reported(&fixture) == 0);
    rd_kafka_mock_broker_set_up(fixture.mock.cluster, MOCK_KAFKA_BROKER);
    CHECK(wait_reported(&fixture, RECORDS));
    CHECK(with_fate(&fixture, PRODUCER_ACKNOWLEDGED) == RECORDS);
    CHECK(wait_ready(fixture.producer));
    tear_down(&fixture);
}

TEST(producer, stop_reports_what_was_never_transmitted_as_not_stored)
{
    struct fixture fixture;
    set_up(&fixture);
    CHECK(wait_ready(fixture.producer));
    rd_kafka_mock_broker_set_down(fixture.mock.cluster, MOCK_KAFKA_BROKER);
    clock_sleep_ms(100);
    send_all(&fixture);
    producer_stop(fixture.producer, 200);
    fixture.producer = NULL;
    CHECK(with_fate(&fixture, PRODUCER_NOT_STORED) == RECORDS);
    tear_down(&fixture);
}

TEST(producer, stop_reports_what_was_transmitted_as_unknown)
{
    struct fixture fixture;
    set_up(&fixture);
    CHECK(wait_ready(fixture.producer));
    rd_kafka_mock_broker_set_rtt(fixture.mock.cluster, MOCK_KAFKA_BROKER, 20000);
    send_all(&fixture);
    clock_sleep_ms(500);
    producer_stop(fixture.producer, 0);
    fixture.producer = NULL;
    CHECK(reported(&fixture) == RECORDS);
    CHECK(with_fate(&fixture, PRODUCER_UNKNOWN) > 0);
    CHECK(with_fate(&fixture, PRODUCER_ACKNOWLEDGED) == 0);
    tear_down(&fixture);
}

TEST(producer, is_made_anew_after_a_fatal_error)
{
    struct fixture fixture;
    struct producer_status status;
    set_up(&fixture);
    CHECK(wait_ready(fixture.producer));
    rd_kafka_mock_broker_set_rtt(fixture.mock.cluster, MOCK_KAFKA_BROKER, 3000);
    send_all(&fixture);
    clock_sleep_ms(200);
    CHECK(producer_inject_fatal(fixture.producer));
    CHECK(wait_reported(&fixture, RECORDS));
    CHECK(with_fate(&fixture, PRODUCER_ACKNOWLEDGED) == 0);
    rd_kafka_mock_broker_set_rtt(fixture.mock.cluster, MOCK_KAFKA_BROKER, 0);

    CHECK(wait_ready(fixture.producer));
    producer_status(fixture.producer, &status);
    CHECK(status.recreations == 1 && status.outstanding == 0);
    CHECK(status.last_fatal.code == ERR_KAFKA_FATAL);
    memset(fixture.sent, 0, sizeof(fixture.sent));
    send_all(&fixture);
    CHECK(wait_reported(&fixture, RECORDS));
    CHECK(with_fate(&fixture, PRODUCER_ACKNOWLEDGED) == RECORDS);
    tear_down(&fixture);
}

TEST(producer, refuses_after_a_drain)
{
    struct fixture fixture;
    struct err err;
    set_up(&fixture);
    CHECK(wait_ready(fixture.producer));
    send_all(&fixture);
    producer_drain(fixture.producer, 10000);
    CHECK(with_fate(&fixture, PRODUCER_ACKNOWLEDGED) == RECORDS);
    CHECK(!hand_over(fixture.producer, 0, SLICE("v"), NULL, &err));
    CHECK(err.code == ERR_SHUTTING_DOWN);
    tear_down(&fixture);
}

TEST(producer, refuses_a_record_that_is_too_large_and_one_beyond_the_queue)
{
    struct fixture fixture;
    struct err err;
    static char large[2000000];
    memset(&fixture, 0, sizeof(fixture));
    mock_kafka_start(&fixture.mock, PARTITIONS, &fixture.settings);
    CHECK(settings_set(&fixture.settings, "server.queue_events", "10", &err));
    fixture.producer = producer_start_unverified(&fixture.settings, PARTITIONS, on_report, &err);
    CHECK(fixture.producer != NULL && wait_ready(fixture.producer));
    CHECK(!hand_over(fixture.producer, 0, (struct slice){large, sizeof(large)}, NULL, &err));
    CHECK(err.code == ERR_EVENT_TOO_LARGE);
    rd_kafka_mock_broker_set_rtt(fixture.mock.cluster, MOCK_KAFKA_BROKER, 1000);
    int taken = 0;
    while (taken < RECORDS &&
           hand_over(fixture.producer, 0, SLICE("v"), &fixture.sent[taken], &err))
        taken++;
    CHECK(taken == 10 && err.code == ERR_OVERLOADED);
    tear_down(&fixture);
    CHECK(reported(&fixture) == taken);
}

/* ---- Several at once ---- */

static const struct slice no_trace = {NULL, 0};

/* What the values of a batch are, and what was said of those that were not taken. */
struct handed_over {
    struct fixture *fixture;
    struct slice values[RECORDS];
    bool refused[RECORDS];
    enum err_code why; /* the last */
    size_t refusals;
};

static struct slice next_value(void *context, size_t i, void **ret_opaque)
{
    struct handed_over *all = context;
    *ret_opaque = &all->fixture->sent[i];
    return all->values[i];
}

static void note_refused(void *context, size_t i, const struct err *err)
{
    struct handed_over *all = context;
    CHECK(!all->refused[i]);
    all->refused[i] = true;
    all->why = err->code;
    all->refusals++;
}

static void prepare(struct handed_over *all, struct fixture *fixture)
{
    *all = (struct handed_over){.fixture = fixture};
    for (int i = 0; i < RECORDS; i++)
        all->values[i] = SLICE("{\"a\":1}");
}

static size_t send_batch(struct handed_over *all, struct slice traceparent)
{
    const struct producer_batch batch = {
        .partition = 1,
        .key = SLICE("key"),
        .traceparent = traceparent,
        .len = RECORDS,
        .next = next_value,
        .refused = note_refused,
        .context = all,
    };
    return producer_send_batch(all->fixture->producer, &batch);
}

TEST(producer, reports_each_record_of_a_batch_once)
{
    const struct slice traceparents[] = {no_trace, SLICE("00-0af7651916cd43dd8448eb211c80319c")};
    for (size_t i = 0; i < ARRAY_LEN(traceparents); i++) {
        struct fixture fixture;
        struct handed_over all;
        set_up(&fixture);
        CHECK(wait_ready(fixture.producer));
        prepare(&all, &fixture);
        CHECK(send_batch(&all, traceparents[i]) == RECORDS && all.refusals == 0);
        CHECK(wait_reported(&fixture, RECORDS));
        CHECK(with_fate(&fixture, PRODUCER_ACKNOWLEDGED) == RECORDS);
        tear_down(&fixture);
        CHECK(reported(&fixture) == RECORDS);
    }
}

TEST(producer, a_record_that_is_too_large_does_not_touch_the_others_of_its_batch)
{
    struct fixture fixture;
    struct handed_over all;
    struct producer_status status;
    static char large[2000000];
    set_up(&fixture);
    CHECK(wait_ready(fixture.producer));
    prepare(&all, &fixture);
    all.values[70] = (struct slice){large, sizeof(large)};
    CHECK(send_batch(&all, no_trace) == RECORDS - 1);
    CHECK(all.refusals == 1 && all.refused[70] && all.why == ERR_EVENT_TOO_LARGE);
    CHECK(wait_reported(&fixture, RECORDS - 1));
    CHECK(with_fate(&fixture, PRODUCER_ACKNOWLEDGED) == RECORDS - 1);
    CHECK(atomic_load(&fixture.sent[70].reports) == 0);
    producer_status(fixture.producer, &status);
    CHECK(status.outstanding == 0);
    tear_down(&fixture);
}

TEST(producer, refuses_what_of_a_batch_is_beyond_the_queue)
{
    struct fixture fixture;
    struct handed_over all;
    struct err err;
    memset(&fixture, 0, sizeof(fixture));
    mock_kafka_start(&fixture.mock, PARTITIONS, &fixture.settings);
    CHECK(settings_set(&fixture.settings, "server.queue_events", "70", &err));
    fixture.producer = producer_start_unverified(&fixture.settings, PARTITIONS, on_report, &err);
    CHECK(fixture.producer != NULL && wait_ready(fixture.producer));
    rd_kafka_mock_broker_set_rtt(fixture.mock.cluster, MOCK_KAFKA_BROKER, 1000);
    prepare(&all, &fixture);
    CHECK(send_batch(&all, no_trace) == 70);
    CHECK(all.refusals == RECORDS - 70 && all.why == ERR_OVERLOADED);
    for (int i = 0; i < RECORDS; i++)
        CHECK(all.refused[i] == (i >= 70));
    tear_down(&fixture);
    CHECK(reported(&fixture) == 70);
}

TEST(producer, refuses_all_of_a_batch_after_a_drain)
{
    struct fixture fixture;
    struct handed_over all;
    set_up(&fixture);
    CHECK(wait_ready(fixture.producer));
    producer_drain(fixture.producer, 10000);
    prepare(&all, &fixture);
    CHECK(send_batch(&all, no_trace) == 0);
    CHECK(all.refusals == RECORDS && all.why == ERR_SHUTTING_DOWN);
    tear_down(&fixture);
    CHECK(reported(&fixture) == 0);
}

/* librdkafka notices it within the call, and tells what listens for acknowledgements too. */
TEST(producer, a_record_for_a_partition_that_is_not_there_is_refused_and_not_reported)
{
    struct fixture fixture;
    struct err err;
    set_up(&fixture);
    CHECK(wait_ready(fixture.producer));
    CHECK(hand_over(fixture.producer, 0, SLICE("{}"), &fixture.sent[0], &err));
    CHECK(wait_reported(&fixture, 1)); /* so it knows the topic */
    CHECK(!hand_over(fixture.producer, PARTITIONS, SLICE("{}"), &fixture.sent[1], &err));
    CHECK(err.code == ERR_BROKER_UNAVAILABLE);
    tear_down(&fixture);
    CHECK(atomic_load(&fixture.sent[1].reports) == 0);
    CHECK(reported(&fixture) == 1);
}

/* ---- The backlog ---- */

/* Something is always on its way to a broker that answers after 20 ms, until a backlog is known. */
static int64_t backlog_while_sending(struct fixture *fixture)
{
    struct err err;
    int64_t backlog_us = 0;
    for (int i = 0; i < RECORDS && backlog_us == 0; i++) {
        CHECK(hand_over(fixture->producer, 1, SLICE("{}"), &fixture->sent[i], &err));
        clock_sleep_ms(10);
        backlog_us = producer_backlog_us(fixture->producer);
    }
    return backlog_us;
}

TEST(producer, knows_how_long_its_backlog_will_take_while_something_is_acknowledged)
{
    struct fixture fixture;
    set_up(&fixture);
    CHECK(wait_ready(fixture.producer));
    CHECK(producer_backlog_us(fixture.producer) == 0); /* nothing was sent */
    rd_kafka_mock_broker_set_rtt(fixture.mock.cluster, MOCK_KAFKA_BROKER, 20);
    int64_t backlog_us = backlog_while_sending(&fixture);
    CHECK(backlog_us > 0 && backlog_us < 10 * 1000 * 1000);
    rd_kafka_mock_broker_set_rtt(fixture.mock.cluster, MOCK_KAFKA_BROKER, 10000);
    clock_sleep_ms(300); /* what was on its way has come, and the pace of it is over */
    struct err err;
    CHECK(hand_over(fixture.producer, 1, SLICE("{}"), &fixture.sent[RECORDS - 1], &err));
    CHECK(producer_backlog_us(fixture.producer) == 0); /* a broker that stands still is no queue */
    tear_down(&fixture);
}

TEST(producer, refuses_properties_that_the_promises_rest_on)
{
    static const char *const refused[] = {"kafka.retries", "kafka.statistics.interval.ms",
                                          "kafka.delivery.report.only.error",
                                          "kafka.queue.buffering.max.messages"};
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct settings settings;
        settings_init(&settings);
        CHECK(settings_set(&settings, refused[i], "1", &err));
        CHECK(!producer_start(&settings, on_report, NULL, NULL, &err));
        CHECK(err.code == ERR_SETTINGS_INVALID && strstr(err.text, refused[i]));
        settings_done(&settings);
    }
}

TEST(producer, passes_other_properties_on_and_names_those_that_are_wrong)
{
    struct settings settings;
    struct err err;
    settings_init(&settings);
    CHECK(settings_set(&settings, "kafka.linger.ms", "3", &err));
    CHECK(kafka_check_settings(&settings, &err));
    CHECK(settings_set(&settings, "kafka.linger.ms", "soon", &err));
    CHECK(!kafka_check_settings(&settings, &err) && err.code == ERR_SETTINGS_INVALID);
    CHECK(strstr(err.text, "kafka.linger.ms"));
    settings_done(&settings);
}
