/* Reading partitions of the topic from given offsets. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/consumer.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/thread.h"
#include "kafka/conf.h"
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

enum {
    FETCH_LEN = 1000, /* messages taken from librdkafka's queue at once */
    PARTITION_LIMIT = 100000,
    COMMIT_EVERY_MS = 1000,
    COMMIT_WAIT_MS = 2000, /* on close */
    END_WAIT_MS = 5000,    /* the same */
    CONNECTED_WAIT_MS = 500,
};

struct consumer {
    rd_kafka_t *rk;          /* owned */
    rd_kafka_queue_t *queue; /* owned; everything comes through it, callbacks too */
    char *topic;             /* owned */

    int64_t *expected; /* owned; by partition: the least offset that may come, -1 where not read */
    uint32_t expected_len;

    /* Taken from the queue, not handed out yet. */
    rd_kafka_message_t *fetched[FETCH_LEN];
    size_t fetched_at;
    size_t fetched_len;

    /* Handed out, not released yet: a ring of a power of two. */
    rd_kafka_message_t **held; /* owned, and each message */
    size_t held_capacity;
    uint64_t held_first; /* sequence of the oldest; equal to next_sequence when there is none */
    uint64_t next_sequence;

    bool commits;                               /* a group was given */
    rd_kafka_topic_partition_list_t *to_commit; /* owned; the newest positions, NULL: none due */
    int64_t committed_ms;                       /* when the last request left */
    unsigned commits_inflight;
    uint64_t commit_failures;

    bool trouble; /* librdkafka said that all brokers are down, and nothing came since */
    char trouble_text[256];
};

/* --- Callbacks, on the thread that calls consumer_next ------------------------------------------
 */

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    (void)rk;
    struct consumer *consumer = opaque;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        consumer->trouble = true;
    snprintf(consumer->trouble_text, sizeof(consumer->trouble_text), "%s", reason);
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
    (void)rk;
    (void)offsets;
    struct consumer *consumer = opaque;
    if (consumer->commits_inflight > 0)
        consumer->commits_inflight--;
    if (code && code != RD_KAFKA_RESP_ERR__NO_OFFSET)
        consumer->commit_failures++;
}

/* --- Open and close -----------------------------------------------------------------------------
 */

static bool note_positions(struct consumer *consumer, const struct consumer_position *positions,
                           size_t positions_len)
{
    uint32_t last = 0;
    for (size_t i = 0; i < positions_len; i++) {
        if (positions[i].partition >= PARTITION_LIMIT || positions[i].offset < 0)
            return false;
        if (positions[i].partition > last)
            last = positions[i].partition;
    }
    consumer->expected_len = last + 1;
    consumer->expected = xcalloc(consumer->expected_len, sizeof(*consumer->expected));
    memset(consumer->expected, 0xff, consumer->expected_len * sizeof(*consumer->expected));
    for (size_t i = 0; i < positions_len; i++) {
        int64_t *expected = &consumer->expected[positions[i].partition];
        if (*expected >= 0)
            return false;
        *expected = positions[i].offset;
    }
    return positions_len > 0;
}

static rd_kafka_topic_partition_list_t *list_from(const struct consumer *consumer,
                                                  const struct consumer_position *positions,
                                                  size_t positions_len)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)positions_len);
    for (size_t i = 0; i < positions_len; i++)
        rd_kafka_topic_partition_list_add(list, consumer->topic, (int32_t)positions[i].partition)
            ->offset = positions[i].offset;
    return list;
}

static bool connect_to(struct consumer *consumer, const struct settings *settings,
                       const char *group, struct err *reterr)
{
    rd_kafka_conf_t *conf = conf_new(settings, CONF_CONSUMER, reterr);
    if (!conf)
        return false;
    /* assign() wants a group's name even where nothing is ever committed. */
    conf_set(conf, "group.id", group ? group : "bxb-reader");
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
    char text[256];
    consumer->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (!consumer->rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(reterr, ERR_SETTINGS_INVALID, "kafka: %s", text);
    }
    rd_kafka_poll_set_consumer(consumer->rk);
    consumer->queue = rd_kafka_queue_get_consumer(consumer->rk);
    return true;
}

static bool assign(struct consumer *consumer, const struct consumer_position *positions,
                   size_t positions_len, struct err *reterr)
{
    rd_kafka_topic_partition_list_t *list = list_from(consumer, positions, positions_len);
    rd_kafka_resp_err_t code = rd_kafka_assign(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        return err_set(reterr, ERR_KAFKA_REFUSED, "assigning partitions: %s",
                       rd_kafka_err2str(code));
    return true;
}

struct consumer *consumer_open(const struct settings *settings,
                               const struct consumer_options *options,
                               const struct consumer_position *positions, size_t positions_len,
                               struct err *reterr)
{
    struct consumer *consumer = xcalloc(1, sizeof(*consumer));
    consumer->topic = xstrdup(options->topic ? options->topic : settings->events_topic);
    consumer->commits = options->group != NULL;
    if (!note_positions(consumer, positions, positions_len)) {
        err_set(reterr, ERR_KAFKA_REFUSED, "the positions to read from are not distinct offsets");
        consumer_close(consumer);
        return NULL;
    }
    if (!connect_to(consumer, settings, options->group, reterr) ||
        !assign(consumer, positions, positions_len, reterr)) {
        consumer_close(consumer);
        return NULL;
    }
    return consumer;
}

static void send_commit(struct consumer *consumer);

static void wait_for_commit(struct consumer *consumer)
{
    const int64_t deadline = clock_mono_ms() + COMMIT_WAIT_MS;
    if (consumer->trouble)
        return;
    send_commit(consumer);
    while (consumer->commits_inflight > 0 && clock_mono_ms() < deadline) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(consumer->queue, 10);
        if (message)
            rd_kafka_message_destroy(message);
    }
}

/* librdkafka 2.0 sometimes waits for ever for a thread of its own when a topic was removed and made
 * anew under it. Who closes does not wait for that longer than END_WAIT_MS: the client is then left
 * behind, with the memory that it has. */
struct ending {
    struct thread thread;
    struct lock lock;
    rd_kafka_t *rk;
    bool ended; /* guarded by lock */
};

static void end_client(void *arg)
{
    struct ending *ending = arg;
    /* Closing in the manner of groups would wait for a coordinator that may be away. */
    rd_kafka_destroy_flags(ending->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    lock_acquire(&ending->lock);
    ending->ended = true;
    lock_notify(&ending->lock);
    lock_release(&ending->lock);
}

static bool end_in_time(rd_kafka_t *rk)
{
    struct ending *ending = xcalloc(1, sizeof(*ending));
    int64_t deadline = clock_mono_ms() + END_WAIT_MS;
    ending->rk = rk;
    lock_init(&ending->lock);
    thread_start(&ending->thread, "kafka-end", end_client, ending);
    lock_acquire(&ending->lock);
    while (!ending->ended && lock_wait_until(&ending->lock, deadline))
        ;
    bool ended = ending->ended;
    lock_release(&ending->lock);
    if (!ended)
        return false;
    thread_join(&ending->thread);
    lock_done(&ending->lock);
    free(ending);
    return true;
}

void consumer_close(struct consumer *consumer)
{
    if (!consumer)
        return;
    if (consumer->next_sequence > 0)
        consumer_release(consumer, consumer->next_sequence - 1);
    while (consumer->fetched_at < consumer->fetched_len)
        rd_kafka_message_destroy(consumer->fetched[consumer->fetched_at++]);
    if (consumer->rk) {
        wait_for_commit(consumer);
        rd_kafka_queue_destroy(consumer->queue);
        if (!end_in_time(consumer->rk))
            return; /* what is left behind may still call back */
    }
    if (consumer->to_commit)
        rd_kafka_topic_partition_list_destroy(consumer->to_commit);
    free(consumer->held);
    free(consumer->expected);
    free(consumer->topic);
    free(consumer);
}

/* --- Next ---------------------------------------------------------------------------------------
 */

/* Takes what is in the queue, waiting for the first message only: librdkafka's own batch call
 * waits until the batch is full or the time is over, which would be latency. */
static void fetch(struct consumer *consumer, int64_t timeout_ms)
{
    consumer->fetched_at = 0;
    consumer->fetched_len = 0;
    ssize_t n = rd_kafka_consume_batch_queue(consumer->queue, 0, consumer->fetched, FETCH_LEN);
    if (n > 0) {
        consumer->fetched_len = (size_t)n;
        return;
    }
    if (timeout_ms <= 0)
        return;
    consumer->fetched[0] = rd_kafka_consume_queue(consumer->queue, (int)timeout_ms);
    consumer->fetched_len = consumer->fetched[0] ? 1 : 0;
}

static void hold(struct consumer *consumer, rd_kafka_message_t *message)
{
    size_t used = (size_t)(consumer->next_sequence - consumer->held_first);
    if (used == consumer->held_capacity) {
        size_t capacity = used ? used * 2 : 1024;
        rd_kafka_message_t **held = xmalloc(capacity * sizeof(rd_kafka_message_t *));
        for (size_t i = 0; i < used; i++) {
            uint64_t sequence = consumer->held_first + i;
            held[sequence & (capacity - 1)] =
                consumer->held[sequence & (consumer->held_capacity - 1)];
        }
        free(consumer->held);
        consumer->held = held;
        consumer->held_capacity = capacity;
    }
    consumer->held[consumer->next_sequence++ & (consumer->held_capacity - 1)] = message;
}

void consumer_release(struct consumer *consumer, uint64_t sequence)
{
    ASSERT(sequence < consumer->next_sequence);
    for (; consumer->held_first <= sequence; consumer->held_first++)
        rd_kafka_message_destroy(
            consumer->held[consumer->held_first & (consumer->held_capacity - 1)]);
}

static struct consumer_message describe(const rd_kafka_message_t *message)
{
    return (struct consumer_message){
        .partition = (uint32_t)message->partition,
        .offset = message->offset,
        .timestamp_ms = rd_kafka_message_timestamp(message, NULL /* type */),
        .key = {message->key, message->key_len},
        .value = {message->payload, message->len},
    };
}

/* What an error event means; CONSUMER_TIMEOUT: nothing for the caller. Destroys the message. */
static enum consumer_step judge(struct consumer *consumer, rd_kafka_message_t *message,
                                struct consumer_message *ret_message, struct err *reterr)
{
    rd_kafka_resp_err_t code = message->err;
    struct consumer_message event = {.partition = (uint32_t)message->partition,
                                     .offset = message->offset};
    char text[384];
    snprintf(text, sizeof(text), "partition %d: %s", message->partition,
             rd_kafka_message_errstr(message));
    rd_kafka_message_destroy(message);
    switch (conf_meaning(code)) {
    case CONF_END:
        consumer->trouble = false;
        *ret_message = event;
        return CONSUMER_EOF;
    case CONF_PASSES:
        return CONSUMER_TIMEOUT;
    case CONF_GAP:
        err_set(reterr, ERR_LOG_GAP, "%s", text);
        return CONSUMER_ERROR;
    case CONF_DAMAGED:
        err_set(reterr, ERR_RECORD_INVALID, "%s", text);
        return CONSUMER_ERROR;
    case CONF_NO_TOPIC:
        err_set(reterr, ERR_TOPIC_MISMATCH, "topic %s: %s", consumer->topic, text);
        return CONSUMER_ERROR;
    case CONF_REFUSED:
        break;
    }
    err_set(reterr, ERR_KAFKA_REFUSED, "%s", text);
    return CONSUMER_ERROR;
}

/* Whether the message is the next of its partition; a repetition is not. */
static bool advances(struct consumer *consumer, const rd_kafka_message_t *message)
{
    ASSERT(message->partition >= 0 && (uint32_t)message->partition < consumer->expected_len);
    int64_t *expected = &consumer->expected[message->partition];
    ASSERT(*expected >= 0);
    if (message->offset < *expected)
        return false;
    *expected = message->offset + 1;
    return true;
}

enum consumer_step consumer_next(struct consumer *consumer, int64_t timeout_ms,
                                 struct consumer_message *ret_message, struct err *reterr)
{
    const int64_t deadline = clock_mono_ms() + timeout_ms;
    for (;;) {
        if (consumer->fetched_at == consumer->fetched_len) {
            if (clock_mono_ms() - consumer->committed_ms >= COMMIT_EVERY_MS)
                send_commit(consumer);
            int64_t left = deadline - clock_mono_ms();
            fetch(consumer, left);
            if (consumer->fetched_len == 0 && left <= 0)
                return CONSUMER_TIMEOUT;
            continue;
        }
        rd_kafka_message_t *message = consumer->fetched[consumer->fetched_at++];
        if (message->err) {
            enum consumer_step step = judge(consumer, message, ret_message, reterr);
            if (step != CONSUMER_TIMEOUT)
                return step;
        } else if (!advances(consumer, message)) {
            rd_kafka_message_destroy(message);
        } else {
            consumer->trouble = false;
            *ret_message = describe(message);
            ret_message->sequence = consumer->next_sequence;
            hold(consumer, message);
            return CONSUMER_MESSAGE;
        }
    }
}

bool consumer_connected(struct consumer *consumer, struct err *reterr)
{
    if (!consumer->trouble)
        return true;
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(consumer->rk, 0 /* all_topics */, NULL, &metadata, CONNECTED_WAIT_MS);
    if (code)
        return err_set(reterr, ERR_KAFKA_UNAVAILABLE, "%s", consumer->trouble_text);
    rd_kafka_metadata_destroy(metadata);
    consumer->trouble = false;
    return true;
}

bool consumer_probe(struct consumer *consumer, struct err *reterr)
{
    if (!consumer->trouble)
        snprintf(consumer->trouble_text, sizeof(consumer->trouble_text),
                 "no broker answers within %d ms", CONNECTED_WAIT_MS);
    consumer->trouble = true;
    return consumer_connected(consumer, reterr);
}

/* --- Offsets ------------------------------------------------------------------------------------
 */

static void send_commit(struct consumer *consumer)
{
    /* One at a time: while the coordinator is away they would pile up. */
    if (!consumer->to_commit || consumer->commits_inflight > 0)
        return;
    consumer->committed_ms = clock_mono_ms();
    if (rd_kafka_commit(consumer->rk, consumer->to_commit, 1 /* async */))
        consumer->commit_failures++;
    else
        consumer->commits_inflight++;
    rd_kafka_topic_partition_list_destroy(TAKE(consumer->to_commit));
}

void consumer_commit(struct consumer *consumer, const struct consumer_position *positions,
                     size_t positions_len)
{
    if (!consumer->commits)
        return;
    if (consumer->to_commit)
        rd_kafka_topic_partition_list_destroy(consumer->to_commit);
    consumer->to_commit = list_from(consumer, positions, positions_len);
    if (clock_mono_ms() - consumer->committed_ms >= COMMIT_EVERY_MS)
        send_commit(consumer);
}

uint64_t consumer_commit_failures(const struct consumer *consumer)
{
    return consumer->commit_failures;
}

bool consumer_watermarks(struct consumer *consumer, uint32_t partition, int64_t timeout_ms,
                         int64_t *ret_low, int64_t *ret_high, struct err *reterr)
{
    int64_t low, high;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        consumer->rk, consumer->topic, (int32_t)partition, &low, &high, (int)timeout_ms);
    if (code)
        return conf_error(reterr, code, "asking how far the topic goes", NULL);
    *ret_low = low;
    *ret_high = high;
    return true;
}

int64_t consumer_log_end(const struct consumer *consumer, uint32_t partition)
{
    int64_t low, high;
    rd_kafka_resp_err_t code = rd_kafka_get_watermark_offsets(consumer->rk, consumer->topic,
                                                              (int32_t)partition, &low, &high);
    return !code && high >= 0 ? high : -1;
}
