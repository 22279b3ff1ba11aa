/* A lane: some partitions of the topic, from taking them over to the steady loop, in a thread of
 * its own. The coordinator (coordinator.h) says which lanes this writer is to work on.
 *
 *     lane_start(&lane, &settings, number, &limits);
 *     lane_want(&lane, true);          it takes the lane over as soon as it can
 *     … lane.status: how it is doing …
 *     lane_want(&lane, false);         it completes its batch and gives the lane up
 *     lane_end(&lane);
 *     ended = lane_wait_end(&lane, deadline);
 *     lane_done(&lane);
 *
 * One turn: lane_open (lane_open.c) takes the lane over and finishes what an earlier run began;
 * lane_work (lane_work.c, lane_commit.c) runs until something cannot be gone on with; lane_close
 * gives everything back. lane.c turns round and round, and is the only place that waits between
 * turns.
 *
 * Threads: those functions are any thread's. Everything below "owned by the lane's thread"
 * is, but for what flies (flight.h). SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_LANE_H
#define WRITER_LANE_H
#include "base/settings.h"
#include "kafka/consumer.h"
#include "kafka/topic.h"
#include "batch/batch.h"
#include "batch/breaker.h"
#include "writer/anchor.h"
#include "writer/flight.h"
#include "batch/known.h"
#include "writer/lease.h"
#include "ledger/ledger.h"
#include "ledger/owner.h"
#include "writer/status.h"
#include "writer/stop.h"

/* What SIGHUP can change, and what depends on how many lanes this writer has. */
struct lane_limits {
    struct batch_limits batch;
    int64_t batch_wait_ms;
    struct breaker_limits breaker;
};

struct lane {
    /* set at start */
    const struct settings *settings; /* borrowed; the reloadable ones are in `limits` */
    uint32_t number;                 /* from 0 to writer.lanes - 1 */
    char owner[LEDGER_OWNER_SIZE];
    struct thread thread;
    struct status status;
    struct stop stop;

    struct lock lock;
    struct lane_limits limits; /* guarded by lock */
    bool ended;                /* guarded by lock */

    /* owned by the lane's thread; made by lane_open, given back by lane_close */
    struct ch_client *reader; /* for everything but INSERTs */
    struct ch_client *sender; /* the flight's */
    struct ch_table table;
    struct columns columns;
    struct topic *topic;
    struct topic_facts facts;
    struct ledger ledger;
    int64_t acquired_boot_ms;
    struct lease lease;
    struct known known;
    struct inserter inserter;
    struct flight flight;
    struct batch batches[2];
    struct batch *open;   /* is gathered */
    struct batch *landed; /* is in ClickHouse, but not completed; NULL: none */
    struct consumer *consumer;
    struct status_partition *positions; /* owned; by partition */
    int64_t *taken;                     /* owned; by partition: last offset before `open` */
    int64_t *ends;                      /* owned; by partition: where the log's end was last met */
    struct anchor *anchors;             /* owned; by partition: the record at `taken` */
    uint64_t completed;                 /* batches of this turn */
    int64_t landed_ms;                  /* when the last insert ended */
    int64_t reported_ms;                /* when the positions were last reported */
    int64_t prune_ms;                   /* when retention is looked after again */
    int64_t probed_ms;                  /* when ClickHouse was last asked whether it is there */
};

/* Starts the thread, which waits until it is wanted. */
void lane_start(struct lane *lane, const struct settings *settings, uint32_t number,
                const struct lane_limits *limits);
void lane_want(struct lane *lane, bool wanted);
void lane_set_limits(struct lane *lane, const struct lane_limits *limits);

/* Finishes the batch in flight, gives the lease back and ends the thread: lane_end does not wait
 * for that. lane_wait_end waits until the deadline (clock_mono_ms); false: it has not ended. Then
 * lane_abandon leaves the batch as it is, for the next writer to finish. The thread may hang in a
 * library, and then the process must end around it. */
void lane_end(struct lane *lane);
bool lane_wait_end(struct lane *lane, int64_t deadline_mono_ms) MUST_CHECK;
void lane_abandon(struct lane *lane);
void lane_done(struct lane *lane); /* after it ended; nobody may look at its status any more */

/* The first step of lane_open, before there is a lease: is this the topic that feeds this table,
 * and are its partitions dealt out as the settings say? Errors: TOPIC_MISMATCH, TABLE_MISMATCH,
 * SETTINGS_INVALID, and what looking at all three can bring. */
bool lane_claim(struct lane *lane, struct err *reterr) MUST_CHECK;

/* The parts of a turn; for lane*.c only. */
bool lane_open(struct lane *lane, struct err *reterr) MUST_CHECK;
bool lane_work(struct lane *lane, struct err *reterr) MUST_CHECK;
void lane_close(struct lane *lane);

/* What SIGHUP last set. */
struct lane_limits lane_limits(struct lane *lane);

/* Completes what has landed, and sends off what was gathered if `send` (lane_commit.c).
 * Errors: DEAD_LETTERS, LANE_LOST, and what the ledger can bring. */
bool lane_commit(struct lane *lane, bool send, struct err *reterr) MUST_CHECK;

/* Looks after retention now and then (lane_prune.c); only while nothing flies. */
void lane_prune(struct lane *lane);

/* To be asked often: shows that the lane lives. False when it must not go on: LANE_LOST or
 * SHUTTING_DOWN. */
bool lane_go_on(struct lane *lane, struct err *reterr) MUST_CHECK;

/* One step of reading ranges again, outside of the steady loop: asks first whether the lane goes
 * on. CONSUMER_ERROR: *reterr, also when nothing comes and no broker can be reached. */
enum consumer_step lane_read(struct lane *lane, struct consumer *consumer,
                             struct consumer_message *ret_message, struct err *reterr) MUST_CHECK;

/* Makes the anchors, and compares the log with what the ledger remembers of it (lane_anchors.c).
 * Errors: LOG_CHANGED, LOG_GAP, and what reading the log can bring. */
bool lane_check_anchors(struct lane *lane, struct err *reterr) MUST_CHECK;

/* What comes next is behind this batch, which is proven, or rebuilt. */
void lane_note_taken(struct lane *lane, const struct intent *intent);

/* Proves that the log from which the open batch was taken is still the one from which everything
 * before was: after its last record was taken, and before anything comes of it. An answer is waited
 * for as long as it takes (what has landed is completed meanwhile). Errors: LOG_CHANGED,
 * LANE_LOST, SHUTTING_DOWN, and what reading the log and the ledger can bring. */
bool lane_prove(struct lane *lane, struct err *reterr) MUST_CHECK;

/* Builds lane->open again from ledger.intent (lane_rebuild.c): the same records, the same blocks.
 * Errors: LOG_CHANGED, LOG_GAP, RECORD_INVALID, INTERNAL, and what reading the log can bring. */
bool lane_rebuild(struct lane *lane, struct err *reterr) MUST_CHECK;

/* Reads an intent's ranges into an empty batch and seals it with the fates that were pinned: rows,
 * digests and blocks are as the intent says. Errors: as lane_rebuild. */
bool lane_replay(struct lane *lane, const struct intent *intent, struct batch *batch,
                 struct err *reterr) MUST_CHECK;

/* Fills lane->known with what was stored within dedup.window (lane_recall.c): from the segments
 * that the ledger knows, else from ClickHouse, else from the topic.
 * Errors: SEEN_UNKNOWN, LANE_LOST, and what reading PostgreSQL and ClickHouse can bring. */
bool lane_recall(struct lane *lane, struct err *reterr) MUST_CHECK;

#endif
