/* What a lane has seen, and what that makes of the records of a batch: the first record of an
 * (organization_id, transaction_id) is stored, every later one is a duplicate, or a dead letter
 * when it says something else than the first.
 *
 *     known_open(&known, settings, lane_id, incarnation, secret, partitions, from_ms);
 *     … writer/lane_recall.c fills it from the ledger's batches …
 *     known_decide(&known, batch, &stores, &err);          before the batch is sealed
 *     known_write(&known, batch, &err);                   after it was completed
 *     known_close(&known);
 *
 * An id enters the table when its fate is decided. The table lives only as long as the turn of the
 * lane that decides: when the transaction that pins the fate does not take place, the turn ends.
 * The segments, which outlive it, are written after the batch was completed.
 *
 * Beyond what the table holds nothing is guessed: a record that is old enough to have been stored
 * before that, and one that is transactional, is looked up in the stores (batch/first.h).
 *
 * Threads: the lane's. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_KNOWN_H
#define BATCH_KNOWN_H
#include "base/settings.h"
#include "clickhouse/client.h"
#include "clickhouse/table.h"
#include "dedup/seen_load.h"
#include "dedup/segments.h"
#include "batch/batch.h"
#include "batch/first.h"

struct known {
    const struct settings *settings; /* borrowed */
    struct seen_key key;
    struct seen seen;
    struct seen_load entering; /* into `seen`; empty between calls */
    struct segments *segments; /* owned; NULL: they cannot be used */
    int64_t *clocks;           /* by partition: newest LogAppendTime; 0: none yet. Owned */
    uint32_t partitions, incarnation;
    uint64_t shown_ids, shown_bytes; /* of this lane in the gauges */
    int64_t dropped_ms;              /* clock_mono_ms when old segments were last removed */
    /* Nothing that was ever stored is missing from the table, as long as its horizon is not behind
     * oldest_ms, the earliest time under which an id was entered. */
    bool whole;
    int64_t oldest_ms;
    /* of one decision; kept for their memory. Owned */
    uint32_t *slots; /* hash table of row numbers + 1 */
    size_t slots_len;
    struct seen_id *ids;
    bool *seen_flags;
    struct first *firsts;
    size_t capacity; /* of the three */
};

/* `lane_id` and the key name the directory of the segments. One that cannot be used is logged, and
 * the lane goes on without. `from_ms`: what was appended before is not wanted. */
void known_open(struct known *known, const struct settings *settings, int64_t lane_id,
                uint32_t incarnation, const uint8_t secret[SIPHASH_KEY_SIZE], uint32_t partitions,
                int64_t from_ms);
void known_close(struct known *known); /* a zeroed one is fine */

/* Where to look up; all borrowed. */
struct known_stores {
    struct ch_client *client;
    const struct ch_table *table;
    struct pg *pg;
};

/* Makes duplicates of rows, and enters the ids of those that stay stored. Errors: those of
 * first_find and first_find_records; then nothing was changed. */
bool known_decide(struct known *known, struct batch *batch, const struct known_stores *stores,
                  struct err *reterr) MUST_CHECK;

/* Enters the ids of the rows that are stored, whose fates were pinned by an earlier run. */
void known_enter(struct known *known, const struct batch *batch);

/* Writes the segments of a completed batch, and removes old ones now and then. A failure is logged
 * and counted: it costs time when the lane begins anew. */
void known_write(struct known *known, const struct batch *batch);

/* Moves the horizon. `idle[p]`: nothing is left to read of partition p, so that its clock is now.
 */
void known_advance(struct known *known, const bool idle[], int64_t wall_ms);

#endif
