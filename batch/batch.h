/* A batch: consecutive records of the lane's partitions, from the first one taken to the blocks
 * that are sent.
 *
 *     while (!batch_full(batch, &limits) && consumer_next(…))
 *         batch_add(batch, &message);
 *     … rows in reading order, each with the fate that it has by itself (batch/fate.h) …
 *     batch_seal(batch, positions, incarnation, &err);
 *     … batch->intent, batch->blocks[i], batch->usage …
 *     batch_reset(batch);
 *
 * Between the last batch_add and batch_seal whoever knows what was stored before makes duplicates
 * of rows; a batch that is built again gets the fates of its intent instead (batch_pin). Sealing
 * sorts the rows that are stored by the table's key, partition by partition, and encodes them; the
 * consumer's records are not needed after that. The same records with the same fates always make
 * the same blocks, in the same order.
 *
 * Threads: one at a time; handed over whole. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_BATCH_H
#define BATCH_BATCH_H
#include "base/arena.h"
#include "kafka/consumer.h"
#include "batch/columns.h"
#include "batch/dead.h"
#include "batch/duplicates.h"
#include "batch/fate.h"
#include "batch/intent.h"
#include "batch/records.h"
#include "batch/shared.h"
#include "batch/usage.h"

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
    const struct columns *columns; /* borrowed */
    const struct seen_key *key;    /* borrowed */
    struct row *rows;              /* every record, as it was read; owned */
    size_t rows_len, rows_capacity;
    struct shared *shared;      /* texts that rows have in common; owned */
    struct batch_range *ranges; /* by partition; records = 0: none. Owned */
    size_t ranges_len;
    uint32_t periods[INTENT_BLOCKS_MAX]; /* of what may be stored */
    size_t periods_len;
    size_t bytes;           /* of the records' values */
    uint64_t last_sequence; /* of the consumer, for consumer_release */
    int64_t oldest_ms;      /* smallest LogAppendTime; 0 when empty */
    int64_t first_taken_ms; /* clock_mono_ms of the first record; set by the lane, 0: not yet */
    /* once it is sealed */
    struct intent intent; /* ranges and blocks filled in; owned */
    struct buf *blocks;   /* per intent.blocks: the Native block; owned */
    struct buf spare;     /* memory for the next block; owned */
    struct usage usage;
    struct dead_letters dead;
    struct records records;
    struct duplicates duplicates;
};

struct batch_limits {
    size_t rows;
    size_t bytes;
};

/* `columns` and `key` are borrowed as long as the batch. */
void batch_init(struct batch *batch, uint32_t partitions, const struct columns *columns,
                const struct seen_key *key);
void batch_done(struct batch *batch); /* a zeroed one is fine */
void batch_reset(struct batch *batch);

/* Takes a record, whatever it holds. Its key and value stay borrowed until batch_seal. */
void batch_add(struct batch *batch, const struct consumer_message *message);

/* True when it must be sealed before another record is taken. */
bool batch_full(const struct batch *batch, const struct batch_limits *limits);

/* Gives the rows the fates that an intent pinned, whatever else could be said of them today.
 * Errors: RECORD_INVALID for a record that was to be stored and cannot be any more; LOG_CHANGED
 * when a pinned record is not among the rows. */
bool batch_pin(struct batch *batch, const struct fates *pinned, struct err *reterr) MUST_CHECK;

/* Ends the gathering: fills intent.ranges, intent.fates, intent.blocks, the blocks, usage, dead
 * letters and records (of what is stored, those that `mode` wants). `hwm` is, by partition, the
 * last offset before the batch. Errors: RECORD_INVALID, OVERLOADED. */
bool batch_seal(struct batch *batch, const int64_t hwm[], uint32_t incarnation,
                enum records_mode mode, struct err *reterr) MUST_CHECK;

/* Adds one record to a partition's digest: offset and size as 8 bytes each, little-endian, then
 * the value. */
void range_digest(struct digest *digest, int64_t offset, struct slice value);

#endif
