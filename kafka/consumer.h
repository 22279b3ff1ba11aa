/* Reading partitions of the topic from given offsets, in order, without a consumer group.
 *
 *     consumer = consumer_open(&settings, &options, positions, positions_len, &err);
 *     while ((step = consumer_next(consumer, 100, &message, &err)) == CONSUMER_MESSAGE)
 *         batch_add(batch, &message);              // keys and values stay where they are
 *     …
 *     consumer_release(consumer, last_sequence);   // when the batch needs its values no more
 *
 * Where to begin is the caller's knowledge (PostgreSQL's, in the end), never the broker's: nothing
 * is subscribed, no committed offset is read, and an offset that the log does not have is an error
 * instead of a jump. There is no seek: another range is read by another consumer, opened at its
 * first offset and closed when consumer_next has passed its end.
 *
 * Memory: what is handed out and not released, and what is fetched ahead: 128 MiB of records
 * (`kafka.queued.max.messages.kbytes`) or 400,000 (`kafka.queued.min.messages`), each with some
 * 0.45 KiB of librdkafka's own, and one answer of the broker, 1 MiB (`kafka.fetch.max.bytes`; or
 * one batch of the log, if that is larger) before it is inflated, which LZ4 does at most 255 times.
 * When the caller stops calling consumer_next, fetching stops by itself.
 *
 * Threads: one at a time for one consumer. SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_CONSUMER_H
#define KAFKA_CONSUMER_H
#include "base/err.h"
#include "base/settings.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct consumer;

struct consumer_position {
    uint32_t partition;
    int64_t offset; /* the next to read */
};

struct consumer_options {
    const char *topic; /* NULL: events.topic of the settings. Copied */
    const char *group; /* under which consumer_commit leaves offsets. Copied. NULL: none are left */
};

struct consumer_message {
    uint32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* LogAppendTime: the broker's clock when it was appended */
    struct slice key;     /* borrowed until consumer_release; size 0: none */
    struct slice value;   /* the same; size 0 also for a tombstone */
    uint64_t sequence;    /* rises by one with each message handed out; for consumer_release */
};

enum consumer_step {
    CONSUMER_MESSAGE, /* *ret_message is filled */
    CONSUMER_EOF,     /* the end of ret_message->partition was reached; ret_message->offset is what
                         will come next there. Comes once each time the end is reached */
    CONSUMER_TIMEOUT, /* nothing came in time; consumer_connected tells whether that is a fault */
    CONSUMER_ERROR,   /* *reterr; see consumer_next */
};

/* Opens at exactly these positions (at least one, each partition once). Does not wait for the
 * broker. Errors: SETTINGS_INVALID, KAFKA_REFUSED (positions that cannot be). */
struct consumer *consumer_open(const struct settings *settings,
                               const struct consumer_options *options,
                               const struct consumer_position *positions, size_t positions_len,
                               struct err *reterr) MUST_CHECK;

/* Releases everything and closes; waits for the last consumer_commit, at most 2 s, and for
 * librdkafka to end, at most 5 s: what has not ended by then is left behind. NULL is fine. */
void consumer_close(struct consumer *consumer);

/* The next message or event; waits at most timeout_ms (0: does not wait). Messages of one partition
 * come in the order of their offsets, each once: gaps are normal (control records of transactions,
 * removed records inside the log), and what librdkafka fetches a second time after an election is
 * dropped. Broker trouble that can pass is not an error.
 *
 * Errors, after which the consumer can only be closed:
 *   LOG_GAP            the wanted offset is not in the log: retention took it, or the log is
 * shorter LOG_CHANGED        offsets went back RECORD_INVALID     a record's checksum is wrong, or
 * it cannot be decompressed TOPIC_MISMATCH     topic or partition is gone KAFKA_REFUSED anything
 * else that does not pass by itself, as a missing permission */
enum consumer_step consumer_next(struct consumer *consumer, int64_t timeout_ms,
                                 struct consumer_message *ret_message,
                                 struct err *reterr) MUST_CHECK;

/* Gives back the memory of all messages up to and including `sequence`. Batches may overlap in
 * time: build the next one while the last is written, then release up to the last one's end. */
void consumer_release(struct consumer *consumer, uint64_t sequence);

/* False when no broker can be reached now; *reterr says what librdkafka last said
 * (KAFKA_UNAVAILABLE). Waits up to 500 ms when there was trouble, to see whether it has passed;
 * when there was none it does not ask, so a broker that is frozen counts as reached. */
bool consumer_connected(struct consumer *consumer, struct err *reterr) MUST_CHECK;

/* The same, but asks in any case: for now and then, while nothing comes. */
bool consumer_probe(struct consumer *consumer, struct err *reterr) MUST_CHECK;

/* Leaves the positions (next offset to read) with the group, for tools that show lag. At most one
 * request a second leaves, asynchronously, with the newest positions given; a failure only counts.
 * Never read back by us. */
void consumer_commit(struct consumer *consumer, const struct consumer_position *positions,
                     size_t positions_len);
uint64_t consumer_commit_failures(const struct consumer *consumer);

/* First and next offset of a partition, asked of its broker; waits at most timeout_ms.
 * Errors: KAFKA_UNAVAILABLE, KAFKA_REFUSED. */
bool consumer_watermarks(struct consumer *consumer, uint32_t partition, int64_t timeout_ms,
                         int64_t *ret_low, int64_t *ret_high, struct err *reterr) MUST_CHECK;

/* The next offset of the log as the latest fetch saw it, without asking; -1 when not known yet. */
int64_t consumer_log_end(const struct consumer *consumer, uint32_t partition);

#endif
