/* The lane: the partitions of the topic that this writer stores, from taking them over to the
 * steady loop, in a thread of its own.
 *
 *     lane_start(&lane, &settings);
 *     … lane.status answers /readyz and /metrics …
 *     lane_stop(&lane, settings.shutdown_grace);
 *     lane_done(&lane);
 *
 * One turn: lane_open (lane_open.c) takes the lane over and finishes what an earlier run began;
 * lane_work (lane_work.c, lane_commit.c) runs until something cannot be gone on with; lane_close
 * gives everything back. lane.c turns round and round, and is the only place that waits between
 * turns.
 *
 * Threads: lane_start, _reload and _stop on main's. Everything below "owned by the lane's thread"
 * is, but for what flies (flight.h). SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_LANE_H
#define WRITER_LANE_H
#include "base/settings.h"
#include "kafka/consumer.h"
#include "kafka/topic.h"
#include "writer/batch.h"
#include "writer/breaker.h"
#include "writer/flight.h"
#include "writer/lease.h"
#include "writer/ledger.h"
#include "writer/owner.h"
#include "writer/status.h"
#include "writer/stop.h"

/* What SIGHUP can change. */
struct lane_limits {
    struct batch_limits batch;
    int64_t batch_wait_ms;
    struct breaker_limits breaker;
};

struct lane {
    /* set at start */
    const struct settings *settings; /* borrowed; the reloadable ones are in `limits` */
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
    struct inserter inserter;
    struct flight flight;
    struct batch batches[2];
    struct batch *open;   /* is gathered */
    struct batch *landed; /* is in ClickHouse, but not completed; NULL: none */
    struct consumer *consumer;
    struct status_partition *positions; /* owned; by partition */
    int64_t *taken;                     /* owned; by partition: last offset before `open` */
    int64_t *ends;                      /* owned; by partition: where the log's end was last met */
    uint64_t completed;                 /* batches of this turn */
    int64_t landed_ms;                  /* when the last insert ended */
    int64_t reported_ms;                /* when the positions were last reported */
    int64_t probed_ms;                  /* when ClickHouse was last asked whether it is there */
};

void lane_start(struct lane *lane, const struct settings *settings);

/* Takes over the reloadable settings. */
void lane_reload(struct lane *lane, const struct settings *settings);

/* Finishes the batch in flight, gives the lease back and ends the thread. True when that was done
 * within grace_ms. False: the batch is left as it is, for the next writer to finish; the thread may
 * hang in a library, and then the process must end around it. */
bool lane_stop(struct lane *lane, int64_t grace_ms) MUST_CHECK;
void lane_done(struct lane *lane); /* after it ended; nobody may look at its status any more */

/* The parts of a turn; for lane*.c only. */
bool lane_open(struct lane *lane, struct err *reterr) MUST_CHECK;
bool lane_work(struct lane *lane, struct err *reterr) MUST_CHECK;
void lane_close(struct lane *lane);

/* What SIGHUP last set. */
struct lane_limits lane_limits(struct lane *lane);

/* Completes what has landed, and sends off what was gathered if `send` (lane_commit.c).
 * Errors: DEAD_LETTERS, LANE_LOST, and what the ledger can bring. */
bool lane_commit(struct lane *lane, bool send, struct err *reterr) MUST_CHECK;

/* To be asked often: shows that the lane lives. False when it must not go on: LANE_LOST or
 * SHUTTING_DOWN. */
bool lane_go_on(struct lane *lane, struct err *reterr) MUST_CHECK;

/* Compares the log with what the ledger remembers of it (lane_anchors.c).
 * Errors: LOG_CHANGED, LOG_GAP, and what reading the log can bring. */
bool lane_check_anchors(struct lane *lane, struct err *reterr) MUST_CHECK;

/* Builds lane->open again from ledger.intent (lane_rebuild.c): the same records, the same blocks.
 * Errors: LOG_CHANGED, LOG_GAP, RECORD_INVALID, INTERNAL, and what reading the log can bring. */
bool lane_rebuild(struct lane *lane, struct err *reterr) MUST_CHECK;

#endif
