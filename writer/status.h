/* How a lane is doing: whether it makes progress, why not, and what is left to do.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_STATUS_H
#define WRITER_STATUS_H
#include "base/buf.h"
#include "base/err.h"
#include "base/settings.h"
#include "base/thread.h"

/* Where the lane is. Ready is a lane that works, without trouble, and that makes progress. */
enum status_phase {
    STATUS_IDLE,       /* it is not for this writer to work on */
    STATUS_STARTING,   /* stores, topic, table */
    STATUS_WAITING,    /* for the lane: another writer still owns it */
    STATUS_RECOVERING, /* comparing ledger, log and table; finishing what an earlier run began */
    STATUS_WORKING,
    STATUS_STOPPED, /* an error that an operator must look at; tried again slowly */
    STATUS_STOPPING,
};

/* What can be in the way while it works. */
enum status_trouble_source {
    STATUS_CLICKHOUSE,
    STATUS_POSTGRES,
    STATUS_LEASE, /* it could not be renewed */
    STATUS_KAFKA,
    STATUS_TROUBLES
};

struct status_partition {
    bool own;        /* of the lane; the rest is said of those only */
    int64_t done;    /* last offset done, or behind which there was nothing to store */
    int64_t log_end; /* next offset of the log; -1: not known yet */
};

struct status {
    int64_t stall_ms; /* set at start */
    struct lock lock;
    /* guarded by lock */
    enum status_phase phase;
    struct err reason;  /* of the phase; code ERR_NONE: none */
    struct err stopped; /* what stopped the lane, until it made progress again */
    struct err troubles[STATUS_TROUBLES];
    struct status_partition *partitions; /* by partition of the topic; owned */
    size_t partitions_len;
    int64_t oldest_ms;    /* LogAppendTime of the oldest record in hand; 0: none in hand */
    int64_t behind_since; /* clock_wall_ms since when records were left; 0: none are */
    int64_t progress_ms;  /* clock_mono_ms of the last batch, or when there was nothing to do */
};

void status_init(struct status *status, int64_t stall_ms);
void status_done(struct status *status);

void status_phase(struct status *status, enum status_phase phase, const struct err *reason);
void status_trouble(struct status *status, enum status_trouble_source source,
                    const struct err *err);
void status_trouble_over(struct status *status, enum status_trouble_source source);

/* A batch was completed. */
void status_progress(struct status *status);

/* What is done and what there is, by partition of the topic; `oldest_ms`: see above. Nothing left
 * to do is progress, too. */
void status_positions(struct status *status, const struct status_partition partitions[],
                      size_t partitions_len, int64_t oldest_ms);

enum status_phase status_phase_now(struct status *status);

/* False: *reterr says why not. An idle lane is ready. */
bool status_ready(struct status *status, struct err *reterr);

/* Age of the oldest record that is not stored, in ms; 0 when all are. */
int64_t status_freshness(struct status *status);

/* Appends the lag of each of the lane's partitions. */
void status_print_lag(struct status *status, uint32_t lane, struct buf *out);

#endif
