/* The idempotent producer.
 *
 * Threads: `delivery` makes, polls and destroys the instances of librdkafka. Acknowledgements are
 * reported where librdkafka learns of them, on the thread that it has for the broker: to hand each
 * batch over to `delivery` would cost a wake-up more than a request needs. What failed is reported
 * by `delivery`, since only there librdkafka says whether it was transmitted. The guard looks at
 * the topic through a client and a thread of its own. Senders are any threads: they count
 * themselves in `senders` while they use `instance`, and the delivery thread takes the instance
 * away (stores NULL) and waits for that count to be zero before it destroys it. Both sides store
 * first and load then, sequentially consistent, so that one of them sees the other.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/producer.h"

#include "base/clock.h"
#include "base/thread.h"
#include "base/metrics.h"
#include "kafka/acked.h"
#include "kafka/conf.h"
#include "kafka/statistics.h"
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    POLL_MS = 50,
    PACE_US = 50 * 1000, /* the pace is that of the last of these */
    STATISTICS_MS = 500,
    CACHE_LINE = 64,
    RECREATE_EVERY_MS = 1000, /* an instance that fails at once must not be made in a hot loop */
    SEND_AT_ONCE = 64,        /* records of one call of librdkafka's */
};

struct instance {
    rd_kafka_t *rk;          /* owned */
    rd_kafka_topic_t *topic; /* owned */
};

struct producer {
    /* Set at start, then read-only. */
    const struct settings *settings; /* borrowed */
    producer_report_fn *report;
    rd_kafka_conf_t *conf;     /* owned; each instance is made of a copy */
    struct topic_guard *guard; /* owned; NULL: the topic is not verified */
    uint32_t fixed_partitions; /* without a guard */
    struct thread delivery;

    /* Any thread. What is written for every record has lines of the cache to itself. */
    _Atomic(struct instance *) instance; /* NULL: none now */
    atomic_int_fast64_t progress_ms;     /* the last acknowledgement, or first send after silence */
    atomic_int_fast64_t connected_ms;    /* when a connection to a broker was last seen */
    atomic_uint_fast64_t pace;           /* acknowledgements a second; 0: none of late */
    atomic_bool warm;     /* the present instance has a producer id and knows leaders */
    atomic_bool draining; /* senders are refused */
    atomic_bool stopping; /* set under `lock` too, so that waiting threads see it */
    char apart_1[CACHE_LINE];
    atomic_int senders;
    char apart_2[CACHE_LINE];
    atomic_uint_fast64_t outstanding;
    char apart_3[CACHE_LINE];
    atomic_uint_fast64_t acknowledged;

    /* The delivery thread's own. */
    uint64_t seen_acknowledged;
    uint64_t paced_acknowledged; /* when the pace was last taken, and how many there were */
    int64_t paced_us;
    int64_t recreate_ms;          /* not before */
    struct statistics statistics; /* the last of the present instance */

    struct lock acked_lock; /* guards what follows */
    struct acked acked;

    struct lock lock;   /* guards what follows */
    struct err missing; /* why it is not ready; code ERR_NONE: nothing known */
    struct err last_fatal;
    uint64_t recreations;
    struct err last_loss;
    uint64_t losses;
};

static void note_missing(struct producer *producer, const struct err *err)
{
    lock_acquire(&producer->lock);
    producer->missing = *err;
    lock_release(&producer->lock);
}

/* Sleeps, but not through a stop. */
static void pause_until(struct producer *producer, int64_t deadline)
{
    lock_acquire(&producer->lock);
    while (!atomic_load(&producer->stopping) && lock_wait_until(&producer->lock, deadline))
        continue;
    lock_release(&producer->lock);
}

/* --- Reports ------------------------------------------------------------------------------------
 */

/* The last of one record: when none is left, whoever drains goes on. */
static void tell(struct producer *producer, void *opaque, enum producer_fate fate)
{
    producer->report(opaque, fate);
    if (atomic_fetch_sub(&producer->outstanding, 1) > 1 || !atomic_load(&producer->draining))
        return;
    lock_acquire(&producer->lock);
    lock_notify(&producer->lock);
    lock_release(&producer->lock);
}

/* A partition that gives an offset out twice has lost what was there before. */
static void note_acknowledged(struct producer *producer, const rd_kafka_message_t *message)
{
    lock_acquire(&producer->acked_lock);
    uint64_t lost = acked_note(&producer->acked, message->partition, message->offset);
    lock_release(&producer->acked_lock);
    if (lost == 0)
        return;
    metrics_add(METRIC_SERVER_ACKNOWLEDGED_LOST, lost);
    lock_acquire(&producer->lock);
    producer->losses++;
    err_set(&producer->last_loss, ERR_LOG_CHANGED,
            "partition %d of topic %s gave offset %lld out again: %llu acknowledged records from "
            "there on are gone",
            (int)message->partition, producer->settings->events_topic, (long long)message->offset,
            (unsigned long long)lost);
    lock_release(&producer->lock);
}

/* On a thread of librdkafka's, which waits for it; or, with an error, within producer_send. */
static rd_kafka_resp_err_t on_acknowledgement(rd_kafka_t *rk, rd_kafka_message_t *message,
                                              void *opaque)
{
    (void)rk;
    struct producer *producer = opaque;
    if (message->err)
        return RD_KAFKA_RESP_ERR_NO_ERROR; /* on_failure follows, or producer_send says it */
    atomic_fetch_add_explicit(&producer->acknowledged, 1, memory_order_relaxed);
    note_acknowledged(producer, message);
    tell(producer, message->_private, PRODUCER_ACKNOWLEDGED);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque,
                                  char *text, size_t size)
{
    (void)conf, (void)text, (void)size;
    return rd_kafka_interceptor_add_on_acknowledgement(rk, "bxb", on_acknowledgement, opaque);
}

/* --- Callbacks of librdkafka, on the delivery thread --------------------------------------------
 */

static void on_failure(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    const bool kept_out = rd_kafka_message_status(message) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED;
    tell(opaque, message->_private, kept_out ? PRODUCER_NOT_STORED : PRODUCER_UNKNOWN);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    (void)rk;
    struct producer *producer = opaque;
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        return; /* the loop asks for it itself */
    struct err err;
    err_set(&err, ERR_BROKER_UNAVAILABLE, "%s", reason);
    note_missing(producer, &err);
}

/* Only the statistics tell whether a producer id was obtained and whether a broker is reached. */
static int on_statistics(rd_kafka_t *rk, char *text, size_t size, void *opaque)
{
    (void)rk;
    struct producer *producer = opaque;
    struct statistics statistics;
    statistics_read((struct slice){text, size}, producer->settings->events_topic, &statistics);
    statistics_export(&statistics, &producer->statistics);
    producer->statistics = statistics;
    if (statistics.brokers_up > 0)
        atomic_store(&producer->connected_ms, clock_mono_ms());
    if (statistics.has_producer_id && statistics.partitions_led > 0)
        atomic_store(&producer->warm, true);
    return 0;
}

/* --- Instances, on the delivery thread ----------------------------------------------------------
 */

static bool instance_open(struct producer *producer, struct err *reterr)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(producer->conf);
    char text[256];
    if (rd_kafka_conf_interceptor_add_on_new(conf, "bxb", on_new,
                                             producer)) { /* copied it is not */
        rd_kafka_conf_destroy(conf);
        return err_set(reterr, ERR_NOT_READY, "no producer can be made: no interceptor");
    }
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        return err_set(reterr, ERR_NOT_READY, "no producer can be made: %s", text);
    }
    rd_kafka_topic_t *topic =
        rd_kafka_topic_new(rk, producer->settings->events_topic, NULL /* conf */);
    if (!topic) {
        rd_kafka_destroy(rk);
        return err_set(reterr, ERR_NOT_READY, "events.topic = %s: %s",
                       producer->settings->events_topic, rd_kafka_err2str(rd_kafka_last_error()));
    }
    if (producer->acked.len == 0)
        acked_init(&producer->acked, producer_partitions(producer));
    producer->statistics = (struct statistics){0};
    struct instance *instance = xcalloc(1, sizeof(*instance));
    instance->rk = rk;
    instance->topic = topic;
    atomic_store(&producer->progress_ms, clock_mono_ms());
    atomic_store(&producer->instance, instance);
    return true;
}

/* Takes the instance away from the senders, reports everything that is outstanding on it, and
 * destroys it. What was never transmitted is reported as not stored, the rest as unknown. */
static void instance_close(struct producer *producer)
{
    struct instance *instance = atomic_exchange(&producer->instance, NULL);
    if (!instance)
        return;
    atomic_store(&producer->warm, false);
    while (atomic_load(&producer->senders) > 0)
        clock_sleep_ms(1); /* they never block */
    while (atomic_load(&producer->outstanding) > 0) {
        (void)rd_kafka_purge(instance->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        (void)rd_kafka_poll(instance->rk, POLL_MS);
    }
    rd_kafka_topic_destroy(instance->topic);
    rd_kafka_destroy(instance->rk);
    free(instance);
}

static void recreate_after_fatal(struct producer *producer, struct instance *instance)
{
    char text[384];
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(instance->rk, text, sizeof(text));
    if (!code)
        return;
    lock_acquire(&producer->lock);
    err_set(&producer->last_fatal, ERR_KAFKA_FATAL, "%s: %s", rd_kafka_err2name(code), text);
    err_set(&producer->missing, ERR_NOT_READY, "the producer is made anew after %s",
            rd_kafka_err2name(code));
    producer->recreations++;
    lock_release(&producer->lock);
    instance_close(producer);
}

/* Called at least every POLL_MS. */
static void take_pace(struct producer *producer, uint64_t acknowledged)
{
    const int64_t now_us = clock_mono_us(), us = now_us - producer->paced_us;
    if (us < PACE_US)
        return;
    const uint64_t of_late = acknowledged - producer->paced_acknowledged;
    atomic_store_explicit(&producer->pace, of_late * 1000000 / (uint64_t)us, memory_order_relaxed);
    producer->paced_acknowledged = acknowledged;
    producer->paced_us = now_us;
}

static void poll_once(struct producer *producer, struct instance *instance)
{
    (void)rd_kafka_poll(instance->rk, POLL_MS);
    const uint64_t acknowledged =
        atomic_load_explicit(&producer->acknowledged, memory_order_relaxed);
    if (acknowledged != producer->seen_acknowledged)
        atomic_store(&producer->progress_ms, clock_mono_ms());
    producer->seen_acknowledged = acknowledged;
    take_pace(producer, acknowledged);
    recreate_after_fatal(producer, instance);
}

static void delivery_run(void *arg)
{
    struct producer *producer = arg;
    while (!atomic_load(&producer->stopping)) {
        struct instance *instance = atomic_load(&producer->instance);
        if (instance) {
            poll_once(producer, instance);
            continue;
        }
        int64_t now = clock_mono_ms();
        if (producer_partitions(producer) == 0 || now < producer->recreate_ms) {
            pause_until(producer, now + POLL_MS);
            continue;
        }
        producer->recreate_ms = now + RECREATE_EVERY_MS;
        struct err err;
        if (!instance_open(producer, &err))
            note_missing(producer, &err);
    }
    instance_close(producer);
}

/* --- For others ---------------------------------------------------------------------------------
 */

static void set_callbacks(struct producer *producer)
{
    char interval[16];
    snprintf(interval, sizeof(interval), "%d", STATISTICS_MS);
    conf_set(producer->conf, "statistics.interval.ms", interval);
    conf_set(producer->conf, "delivery.report.only.error", "true");
    rd_kafka_conf_set_opaque(producer->conf, producer);
    rd_kafka_conf_set_dr_msg_cb(producer->conf, on_failure);
    rd_kafka_conf_set_error_cb(producer->conf, on_error);
    rd_kafka_conf_set_stats_cb(producer->conf, on_statistics);
}

static struct producer *make(const struct settings *settings, producer_report_fn *report,
                             struct err *reterr)
{
    rd_kafka_conf_t *conf = conf_new(settings, CONF_PRODUCER, reterr);
    if (!conf)
        return NULL;
    struct producer *producer = xcalloc(1, sizeof(*producer));
    producer->settings = settings;
    producer->report = report;
    producer->conf = conf;
    set_callbacks(producer);
    lock_init(&producer->lock);
    lock_init(&producer->acked_lock);
    return producer;
}

struct producer *producer_start(const struct settings *settings, producer_report_fn *report,
                                topic_in_use_fn *in_use, void *context, struct err *reterr)
{
    struct producer *producer = make(settings, report, reterr);
    if (!producer)
        return NULL;
    producer->guard = topic_guard_start(settings, in_use, context);
    thread_start(&producer->delivery, "bxb-delivery", delivery_run, producer);
    return producer;
}

struct producer *producer_start_unverified(const struct settings *settings, uint32_t partitions,
                                           producer_report_fn *report, struct err *reterr)
{
    struct producer *producer = make(settings, report, reterr);
    if (!producer)
        return NULL;
    producer->fixed_partitions = partitions;
    thread_start(&producer->delivery, "bxb-delivery", delivery_run, producer);
    return producer;
}

bool producer_inject_fatal(struct producer *producer)
{
    atomic_fetch_add(&producer->senders, 1);
    struct instance *instance = atomic_load(&producer->instance);
    bool done =
        instance && !rd_kafka_test_fatal_error(
                        instance->rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "injected");
    atomic_fetch_sub(&producer->senders, 1);
    return done;
}

static bool makes_progress(struct producer *producer, struct err *reterr)
{
    const int64_t now = clock_mono_ms();
    if (now - atomic_load(&producer->connected_ms) >= PRODUCER_ALONE_MS)
        return err_set(reterr, ERR_BROKER_UNAVAILABLE, "no broker can be reached");
    if (atomic_load(&producer->outstanding) == 0)
        return true;
    int64_t silence = now - atomic_load(&producer->progress_ms);
    if (silence < PRODUCER_STALL_MS)
        return true;
    return err_set(reterr, ERR_BROKER_UNAVAILABLE, "the broker has acknowledged nothing for %lld s",
                   (long long)(silence / 1000));
}

bool producer_ready(struct producer *producer, struct err *reterr)
{
    if (producer->guard && !topic_guard_passes(producer->guard, reterr))
        return false;
    if (atomic_load_explicit(&producer->warm, memory_order_relaxed))
        return makes_progress(producer, reterr);
    lock_acquire(&producer->lock);
    struct err missing = producer->missing;
    lock_release(&producer->lock);
    if (missing.code == ERR_NONE)
        return err_set(reterr, ERR_NOT_READY, "waiting for the broker");
    return err_set(reterr, ERR_NOT_READY, "%s", missing.text);
}

int64_t producer_backlog_us(const struct producer *producer)
{
    const uint64_t pace = atomic_load_explicit(&producer->pace, memory_order_relaxed);
    const uint64_t outstanding = atomic_load_explicit(&producer->outstanding, memory_order_relaxed);
    return pace == 0 ? 0 : (int64_t)(outstanding * 1000000 / pace);
}

uint32_t producer_partitions(const struct producer *producer)
{
    return producer->guard ? topic_guard_partitions(producer->guard) : producer->fixed_partitions;
}

static bool send_error(struct err *reterr, rd_kafka_resp_err_t code)
{
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return err_set(reterr, ERR_OVERLOADED, "the queue to the broker is full");
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return err_set(reterr, ERR_EVENT_TOO_LARGE, "the record is larger than the topic takes");
    default:
        return err_set(reterr, ERR_BROKER_UNAVAILABLE, "%s", rd_kafka_err2str(code));
    }
}

/* Neither copied nor freed by librdkafka: the value is the request's until the report. */
static rd_kafka_resp_err_t produce(struct instance *instance, const struct producer_record *record,
                                   void *opaque)
{
    struct slice key = record->key, value = record->value, trace = record->traceparent;
    if (trace.size > 0) /* the slower of the two functions, but the one that takes headers */
        return rd_kafka_producev(
            instance->rk, RD_KAFKA_V_RKT(instance->topic),
            RD_KAFKA_V_PARTITION((int32_t)record->partition), RD_KAFKA_V_KEY(key.data, key.size),
            RD_KAFKA_V_VALUE((void *)value.data, value.size), RD_KAFKA_V_OPAQUE(opaque),
            RD_KAFKA_V_HEADER("traceparent", trace.data, trace.size), RD_KAFKA_V_END);
    int rc = rd_kafka_produce(instance->topic, (int32_t)record->partition, 0 /* msgflags */,
                              (void *)value.data, value.size, key.data, key.size, opaque);
    return rc == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
}

/* Before records are handed over: their reports may come at any time from then on. */
static void expect(struct producer *producer, size_t records)
{
    if (atomic_fetch_add(&producer->outstanding, records) == 0)
        atomic_store(&producer->progress_ms, clock_mono_ms());
}

/* The present instance, for a sender that has counted itself; NULL: *reterr says why not. */
static struct instance *usable(struct producer *producer, struct err *reterr)
{
    struct instance *instance = atomic_load(&producer->instance);
    if (atomic_load_explicit(&producer->draining, memory_order_relaxed)) {
        err_set(reterr, ERR_SHUTTING_DOWN, "the service is shutting down");
        return NULL;
    }
    if (!instance)
        err_set(reterr, ERR_BROKER_UNAVAILABLE, "there is no connection to the broker");
    return instance;
}

static bool send_on(struct producer *producer, struct instance *instance,
                    const struct producer_record *record, void *opaque, struct err *reterr)
{
    expect(producer, 1);
    rd_kafka_resp_err_t code = produce(instance, record, opaque);
    if (!code)
        return true;
    atomic_fetch_sub(&producer->outstanding, 1);
    return send_error(reterr, code);
}

bool producer_send(struct producer *producer, const struct producer_record *record, void *opaque,
                   struct err *reterr)
{
    atomic_fetch_add(&producer->senders, 1);
    struct instance *instance = usable(producer, reterr);
    bool ok = instance && send_on(producer, instance, record, opaque, reterr);
    atomic_fetch_sub(&producer->senders, 1);
    return ok;
}

/* The records from `first` on, as librdkafka takes them. */
static void fill(const struct producer_batch *batch, size_t first, rd_kafka_message_t *messages,
                 size_t len)
{
    for (size_t i = 0; i < len; i++) {
        void *opaque;
        struct slice value = batch->next(batch->context, first + i, &opaque);
        messages[i] = (rd_kafka_message_t){
            .payload = (void *)(uintptr_t)value.data,
            .len = value.size,
            .key = (void *)(uintptr_t)batch->key.data,
            .key_len = batch->key.size,
            ._private = opaque,
        };
    }
}

/* Looking up the partition and asking the clocks cost as much as handing one record over: one call
 * does it once for all of its messages. It knows no headers. */
static void produce_many(struct instance *instance, const struct producer_batch *batch,
                         rd_kafka_message_t *messages, size_t len)
{
    if (batch->traceparent.size == 0) {
        (void)rd_kafka_produce_batch(instance->topic, (int32_t)batch->partition, 0 /* msgflags */,
                                     messages, (int)len);
        return;
    }
    struct producer_record record = {
        .partition = batch->partition, .key = batch->key, .traceparent = batch->traceparent};
    for (size_t i = 0; i < len; i++) {
        record.value = (struct slice){messages[i].payload, messages[i].len};
        messages[i].err = produce(instance, &record, messages[i]._private);
    }
}

/* Hands over those from `first` on. Returns how many were taken. */
static size_t send_some(struct producer *producer, struct instance *instance,
                        const struct producer_batch *batch, size_t first, size_t len)
{
    rd_kafka_message_t messages[SEND_AT_ONCE];
    size_t taken = 0;
    fill(batch, first, messages, len);
    expect(producer, len);
    produce_many(instance, batch, messages, len);
    for (size_t i = 0; i < len; i++) {
        struct err err;
        taken += !messages[i].err;
        if (messages[i].err && !send_error(&err, messages[i].err))
            batch->refused(batch->context, first + i, &err);
    }
    if (taken < len)
        atomic_fetch_sub(&producer->outstanding, len - taken);
    return taken;
}

size_t producer_send_batch(struct producer *producer, const struct producer_batch *batch)
{
    struct err err;
    size_t taken = 0;
    atomic_fetch_add(&producer->senders, 1);
    struct instance *instance = usable(producer, &err);
    for (size_t first = 0; first < batch->len && instance; first += SEND_AT_ONCE) {
        size_t left = batch->len - first;
        taken +=
            send_some(producer, instance, batch, first, left < SEND_AT_ONCE ? left : SEND_AT_ONCE);
    }
    for (size_t i = 0; i < batch->len && !instance; i++)
        batch->refused(batch->context, i, &err);
    atomic_fetch_sub(&producer->senders, 1);
    return taken;
}

void producer_drain(struct producer *producer, int64_t grace_ms)
{
    const int64_t deadline = clock_mono_ms() + grace_ms;
    lock_acquire(&producer->lock);
    atomic_store(&producer->draining, true);
    while (atomic_load(&producer->outstanding) > 0 && lock_wait_until(&producer->lock, deadline))
        continue;
    atomic_store(&producer->stopping, true);
    lock_notify(&producer->lock);
    lock_release(&producer->lock);
    thread_join(&producer->delivery);
}

void producer_stop(struct producer *producer, int64_t grace_ms)
{
    if (!producer)
        return;
    if (!atomic_load(&producer->stopping))
        producer_drain(producer, grace_ms);
    topic_guard_stop(producer->guard);
    acked_done(&producer->acked);
    rd_kafka_conf_destroy(producer->conf);
    lock_done(&producer->lock);
    lock_done(&producer->acked_lock);
    free(producer);
}

void producer_status(struct producer *producer, struct producer_status *ret_status)
{
    lock_acquire(&producer->lock);
    *ret_status = (struct producer_status){
        .outstanding = atomic_load(&producer->outstanding),
        .recreations = producer->recreations,
        .last_fatal = producer->last_fatal,
        .losses = producer->losses,
        .last_loss = producer->last_loss,
        .topic_risks = producer->guard ? topic_guard_risks(producer->guard) : 0,
    };
    lock_release(&producer->lock);
}
