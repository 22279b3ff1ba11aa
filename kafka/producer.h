/* The idempotent producer: what bxb-server hands to Kafka, and what became of it.
 *
 *     struct producer_record record = {.partition = partition_of(key, n), .key = key, …};
 *     producer_send(producer, &record, opaque, &err);
 *     … later, on a thread of the producer's: report(opaque, PRODUCER_ACKNOWLEDGED)
 *
 * producer_send_batch does the same for the records of a request.
 *
 * acks=all and enable.idempotence are fixed. A fatal error of librdkafka makes a new instance
 * inside; everything outstanding on the old one is reported first, as far as it went.
 *
 * Threads: sending from any. Reports come from several threads at once: what was acknowledged
 * from those that librdkafka has for the brokers, what failed from the producer's delivery thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_PRODUCER_H
#define KAFKA_PRODUCER_H
#include "base/err.h"
#include "base/settings.h"
#include "base/slice.h"
#include "kafka/partition.h"
#include "kafka/topic_guard.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    /* With records outstanding and no acknowledgement for this long, the broker counts as away:
     * producer_ready is false, so that callers are told at once instead of at their deadline.
     * What is outstanding shows when it is back. */
    PRODUCER_STALL_MS = 10000,
    /* The same without a connection to any broker for this long. */
    PRODUCER_ALONE_MS = 3000,
    /* Memory of a record between producer_send and its report, beside its value: librdkafka's own
     * and its copy of the key (224 were measured). */
    PRODUCER_RECORD_BYTES = 256,
};

struct producer;

enum producer_fate {
    PRODUCER_ACKNOWLEDGED, /* by all in-sync replicas */
    PRODUCER_NOT_STORED,   /* certainly not in the log */
    PRODUCER_UNKNOWN,      /* it may be in the log, or yet come there */
};

/* Called once for each record that was taken, perhaps before the sending returns. Must not block
 * nor call the producer: librdkafka waits for it. @thread one of the producer's or librdkafka's */
typedef void producer_report_fn(void *opaque, enum producer_fate fate);

/* Makes the producer and starts its threads. Does not wait for the broker. `settings` is borrowed
 * until producer_stop. `in_use` tells the topic's guard how many partitions events go to; it may be
 * NULL. Errors: SETTINGS_INVALID. */
struct producer *producer_start(const struct settings *settings, producer_report_fn *report,
                                topic_in_use_fn *in_use, void *context,
                                struct err *reterr) MUST_CHECK;

/* True while the topic passes its guard (kafka/topic_guard.h), once a producer id was obtained, and
 * while acknowledgements come; else *reterr says what is missing (NOT_READY, BROKER_UNAVAILABLE).
 * Cheap enough for every request. */
bool producer_ready(struct producer *producer, struct err *reterr) MUST_CHECK;

/* How long what is outstanding will take at the pace of late, in microseconds; 0 when nothing was
 * acknowledged of late: then nothing is known. @thread any */
int64_t producer_backlog_us(const struct producer *producer);

/* How many partitions events go to; 0 before the topic was verified. It does not change while the
 * process lives, so that equal keys meet in one partition. */
uint32_t producer_partitions(const struct producer *producer);

/* What is handed over. Key and value are borrowed until the report. */
struct producer_record {
    uint32_t partition;
    struct slice key, value;
    struct slice traceparent; /* becomes a header; copied; size 0: none */
};

/* Hands one record over. Never blocks.
 * Errors, after which no report comes: OVERLOADED (queue full), BROKER_UNAVAILABLE (no instance
 * now), SHUTTING_DOWN (drained), EVENT_TOO_LARGE. */
bool producer_send(struct producer *producer, const struct producer_record *record, void *opaque,
                   struct err *reterr) MUST_CHECK;

/* Several records of one partition under one key. Key and values are borrowed until the reports. */
struct producer_batch {
    uint32_t partition;
    struct slice key;
    struct slice traceparent; /* as above */
    size_t len;
    /* Gives value and opaque of each, 0 to len - 1, in order and once, before it is handed over. */
    struct slice (*next)(void *context, size_t i, void **ret_opaque);
    /* Called, before producer_send_batch returns, for each that was not taken: no report comes. */
    void (*refused)(void *context, size_t i, const struct err *err);
    void *context;
};

/* Hands them over, in order, for less than as many calls of producer_send. Never blocks. Returns
 * how many were taken. Errors of each: those of producer_send. */
size_t producer_send_batch(struct producer *producer, const struct producer_batch *batch);

/* From now on producer_send refuses. Waits until everything sent is reported, at most grace_ms;
 * then purges, so that every record is reported in any case. Once. */
void producer_drain(struct producer *producer, int64_t grace_ms);

/* Drains where that was not done, and frees. Nobody may be in producer_send. NULL is fine. */
void producer_stop(struct producer *producer, int64_t grace_ms);

/* What an operator sees. */
struct producer_status {
    uint64_t outstanding;  /* records without a report */
    uint64_t recreations;  /* instances made anew after a fatal error */
    struct err last_fatal; /* KAFKA_FATAL; code ERR_NONE when there was none */
    uint64_t losses;       /* times that the topic was seen to have lost acknowledged records */
    struct err last_loss;  /* LOG_CHANGED; code ERR_NONE when there was none */
    uint32_t topic_risks;  /* bits of kafka/topic_check.h */
};
void producer_status(struct producer *producer, struct producer_status *ret_status);

/* --- For tests ----------------------------------------------------------------------------------
 */

/* Starts without verifying the topic, which librdkafka's mock cluster cannot describe. */
struct producer *producer_start_unverified(const struct settings *settings, uint32_t partitions,
                                           producer_report_fn *report,
                                           struct err *reterr) MUST_CHECK;

/* Makes the present instance fail as a fatal error would; false when there is none. */
bool producer_inject_fatal(struct producer *producer);

#endif
