/* A batch: consecutive records of the lane's partitions, from the first one taken to the blocks
 * that are sent.
 *
 *     while (!batch_full(batch, &limits) && consumer_next(…))
 *         batch_add(batch, &message, &err);
 *     batch_seal(batch, columns, positions, incarnation, &err);
 *     … batch->intent, batch->blocks[i], batch->usage …
 *     batch_reset(batch);
 *
 * Sealing sorts the rows of each month by the table's key and encodes them; the records themselves
 * are not needed after that. The same records always make the same blocks, in the same order.
 *
 * Threads: one at a time; handed over whole. SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_BATCH_H
#define WRITER_BATCH_H
#include "base/arena.h"
#include "kafka/consumer.h"
#include "writer/columns.h"
#include "writer/intent.h"
#include "writer/usage.h"

/* The records taken of one Kafka partition. */
struct batch_range {
    uint32_t partition;
    int64_t to; /* offset of the last one */
    int64_t records;
    struct digest digest;
    struct slice last_value; /* borrowed from the consumer until sealed */
    int64_t last_timestamp_ms;
};

struct batch {
    /* while it is gathered */
    struct arena arena;
    struct batch_row *rows; /* owned */
    size_t rows_len, rows_capacity;
    struct batch_range *ranges; /* by partition; records = 0: none. Owned */
    size_t ranges_len;
    uint32_t months[INTENT_BLOCKS_MAX];
    size_t months_len;
    size_t bytes;           /* of the records' values */
    uint64_t last_sequence; /* of the consumer, for consumer_release */
    int64_t oldest_ms;      /* smallest LogAppendTime; 0 when empty */
    int64_t first_taken_ms; /* clock_mono_ms of the first record; set by the lane, 0: not yet */
    /* once it is sealed */
    struct intent intent; /* ranges and blocks filled in; owned */
    struct buf *blocks;   /* per intent.blocks: the Native block; owned */
    struct usage usage;
};

struct batch_limits {
    size_t rows;
    size_t bytes;
};

void batch_init(struct batch *batch, uint32_t partitions);
void batch_done(struct batch *batch); /* a zeroed one is fine */
void batch_reset(struct batch *batch);

/* Takes a record. Its value stays borrowed until batch_seal.
 * Errors: RECORD_INVALID, naming partition, offset and reason. */
bool batch_add(struct batch *batch, const struct consumer_message *message,
               struct err *reterr) MUST_CHECK;

/* True when it must be sealed before another record is taken. */
bool batch_full(const struct batch *batch, const struct batch_limits *limits);

/* Ends the gathering: fills intent.ranges, intent.blocks and the blocks. `hwm` is, by partition,
 * the last offset before the batch. Errors: RECORD_INVALID. */
bool batch_seal(struct batch *batch, const struct columns *columns, const int64_t hwm[],
                uint32_t incarnation, struct err *reterr) MUST_CHECK;

/* toYYYYMM in UTC. */
uint32_t batch_month(int64_t timestamp_ms);

/* Adds one record to a partition's digest: offset and size as 8 bytes each, little-endian, then
 * the value. */
void range_digest(struct digest *digest, int64_t offset, struct slice value);

#endif
