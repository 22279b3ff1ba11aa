/* The intent: what PostgreSQL knows of a batch before its bytes leave.
 *
 * It names exactly which records of the topic the batch is made of, what becomes of each, and which
 * blocks they make, so that any later owner of the lane can build the very same blocks again and
 * find out which of them landed. It is never changed once committed, but for a block's `attempt`. A
 * batch of which nothing is stored has no blocks: it is completed without having been announced.
 *
 * As JSON it stands in lane.intent and, after completion, in the ledger (batch.intent).
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_INTENT_H
#define BATCH_INTENT_H
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "batch/fates.h"
#include "batch/records.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    INTENT_VERSION = 5,
    INTENT_RECORD_FORMAT = 1, /* schemas/record.h */
    INTENT_ID_SIZE = 37,      /* a UUID's text and NUL */
    INTENT_KEY_SIZE = 17,     /* 16 hex digits and NUL */
    INTENT_TOKEN_SIZE = 64,
    INTENT_BLOCKS_MAX = 100,      /* of one batch; ClickHouse's own limit for one INSERT, too */
    INTENT_RECORDS_MAX = 1000000, /* of one batch: the most that writer.batch_rows may say */
    INTENT_MAX = INTENT_RECORDS_MAX * FATES_RUN_MAX + 4 * 1024 * 1024,
};

/* The consecutive records of one Kafka partition. */
struct intent_range {
    uint32_t partition;
    int64_t from; /* hwm + 1; the record there may be a control record or removed */
    int64_t to;   /* offset of the last record */
    int64_t records;
    uint8_t digest[DIGEST_SHA256_SIZE]; /* over all records: range_digest in batch.h */
    /* The last record: the partition's anchor once the batch is completed. */
    uint8_t anchor_digest[DIGEST_SHA256_SIZE]; /* SHA-256 of its value */
    int64_t anchor_timestamp_ms;               /* its LogAppendTime */
};

/* The rows of one ClickHouse partition: one INSERT, one part. */
struct intent_block {
    uint32_t period;               /* ClickHouse's partition: ch_period_at of the events' times */
    int64_t rows;                  /* stored */
    char token[INTENT_TOKEN_SIZE]; /* base of the deduplication token; "-<attempt>" follows */
    uint32_t attempt;              /* raised in PostgreSQL before it is used */
};

struct intent {
    char id[INTENT_ID_SIZE];
    /* where it belongs; texts owned */
    char *lane;
    int64_t epoch; /* of the owner that made it */
    int64_t batch_seq;
    char *system_identifier; /* PostgreSQL's */
    int64_t timeline;
    char *cluster_id; /* Kafka's */
    char *topic;
    uint32_t incarnation;
    char *table; /* "default.events_raw" */
    char *table_uuid;
    char *partition_key;
    enum records_mode records_mode;  /* which records also go to transaction_record */
    char dedup_key[INTENT_KEY_SIZE]; /* id of the key under which ids are remembered, in hex */
    /* what it holds; owned */
    struct intent_range *ranges; /* by partition */
    size_t ranges_len;
    struct intent_block *blocks; /* by period */
    size_t blocks_len;
    struct fates fates; /* of the records that are not stored; sorted */
};

/* Makes a fresh random id and the tokens that follow from it. Blocks must be filled in. */
void intent_name(struct intent *intent);

void intent_encode(const struct intent *intent, struct buf *out);

/* Errors: SCHEMA_MISMATCH when it was written by another version, INTERNAL when it is damaged. */
bool intent_decode(struct slice json, struct intent *ret_intent, struct err *reterr) MUST_CHECK;

void intent_done(struct intent *intent); /* a zeroed one is fine */

int64_t intent_records(const struct intent *intent);
int64_t intent_rows(const struct intent *intent);
/* INSERT tokens that its blocks have used up: one for each attempt. */
int64_t intent_tokens(const struct intent *intent);
/* How many of its records have that fate. */
int64_t intent_count(const struct intent *intent, enum fate_kind kind);
/* How many of its dead letters the breaker counts. */
int64_t intent_alarming(const struct intent *intent);

/* The range of that Kafka partition, or NULL. */
const struct intent_range *intent_range_of(const struct intent *intent, uint32_t partition);

/* What ClickHouse stores as kafka_offset: offsets of a topic that was made anew do not meet those
 * of the old one. */
static inline uint64_t stored_offset(uint32_t incarnation, int64_t offset)
{
    return ((uint64_t)incarnation << 48) + (uint64_t)offset;
}

#endif
