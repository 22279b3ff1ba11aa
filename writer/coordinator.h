/* The lanes of this writer: how many it should work on, which ones, and how all of them are doing.
 *
 *     coordinator_start(&coordinator, &settings);
 *     … coordinator_ready, _metrics for the admin listener; coordinator_watch twice a second …
 *     finished = coordinator_stop(&coordinator, settings.shutdown_grace);
 *     coordinator_done(&coordinator);
 *
 * There is a `struct lane` with its thread for every lane of the topic; most of them may have to
 * wait. The coordinator's thread registers this writer, looks a few times a second who owns what
 * (roster.h), and tells each lane whether it is wanted (share.h). It decides nothing about safety:
 * two writers that want one lane are told apart by its lease and its epoch.
 *
 * Threads: _start, _reload, _watch, _stop and _done on main's; _ready and _metrics on any.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_COORDINATOR_H
#define WRITER_COORDINATOR_H
#include "writer/lane.h"
#include "ledger/roster.h"
#include "writer/margin.h"

struct coordinator {
    /* set at start */
    const struct settings *settings; /* borrowed; the reloadable ones are in `limits` */
    char owner[LEDGER_OWNER_SIZE];
    struct lane *lanes; /* owned */
    size_t lanes_len;
    struct thread thread;
    struct stop stop;

    struct lock lock;
    /* guarded by lock */
    struct lane_limits limits; /* of all lanes together */
    struct err trouble;        /* why it is not known who should have what; ERR_NONE: it is */
    bool *wanted;              /* by lane; owned */
    size_t writers;            /* that take part; 0: not known yet */
    bool ended;

    struct roster roster; /* the thread's */
    struct margin margin;
    bool was_ready; /* main's: as last logged */
    int64_t next_reminder;
};

void coordinator_start(struct coordinator *coordinator, const struct settings *settings);

/* Takes over the reloadable settings. */
void coordinator_reload(struct coordinator *coordinator, const struct settings *settings);

/* Finishes the batches in flight, gives all lanes up and ends the threads. True when that was done
 * within grace_ms. False: batches are left to the next writer; threads may hang in a library, and
 * then the process must end around them. */
bool coordinator_stop(struct coordinator *coordinator, int64_t grace_ms) MUST_CHECK;
void coordinator_done(struct coordinator *coordinator); /* after everything ended */

/* The limits of one lane, when this writer works on `wanted` of them: rows and bytes of a batch are
 * shared, so that the writer's memory does not depend on how many lanes it has. */
struct lane_limits coordinator_limits(const struct lane_limits *all, size_t wanted);

/* coordinator_status.c */

/* Ready: every lane that is for this writer to work on makes progress, and the table remembers
 * INSERT tokens for long enough; a writer that the others leave no lane to stands by, and is ready
 * too. False: *reterr says why not. */
bool coordinator_ready(struct coordinator *coordinator, struct err *reterr);

/* Sets the gauges and appends what there is by lane and partition. */
void coordinator_metrics(struct coordinator *coordinator, struct buf *out);

/* Logs when readiness changed, and the reason again once a minute. */
void coordinator_watch(struct coordinator *coordinator);

#endif
