/* A batch in flight: its blocks go into ClickHouse on a thread of their own, while the lane gathers
 * the next batch.
 *
 *     flight_start(flight, inserter, batch, INSERT_FRESH, committed_boot_ms);
 *     while (!flight_ended(flight)) … gather …
 *     landed = flight_join(flight, &err);
 *
 * While it flies, ledger, intent and the inserter's client are the flight's.
 *
 * Threads: flight_start, _ended and _join on the lane's. SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_FLIGHT_H
#define WRITER_FLIGHT_H
#include "base/thread.h"
#include "batch/batch.h"
#include "writer/insert.h"
#include "writer/status.h"

struct flight {
    /* set by flight_start */
    struct inserter *inserter; /* borrowed */
    struct batch *batch;       /* borrowed; NULL: nothing flies */
    struct status *status;     /* borrowed */
    enum insert_doubt first;
    struct thread thread;
    struct lock lock;
    /* guarded by lock */
    bool ended;
    bool abandoned;
    /* written by the flight's thread, read after flight_join */
    bool landed;
    struct err err;
};

void flight_init(struct flight *flight, struct inserter *inserter, struct status *status);
void flight_done(struct flight *flight); /* abandons and joins; a zeroed one is fine */

/* `first`: INSERT_FRESH right after the intent was committed, INSERT_DOUBT for one that was found.
 * `proof_boot_ms`: clock_boot_ms() before that commit. */
void flight_start(struct flight *flight, struct batch *batch, enum insert_doubt first,
                  int64_t proof_boot_ms);

static inline bool flight_in_air(const struct flight *flight)
{
    return flight->batch != NULL;
}

/* True when flight_join would not wait. Waits for that until the deadline (clock_mono_ms). */
bool flight_ended(struct flight *flight, int64_t deadline_mono_ms);

/* Ends it within about a second, wherever it is; the inserter's client is of no use after that. */
void flight_abandon(struct flight *flight);

/* Waits for the end. False: *reterr; some blocks may have landed, and the intent stands. */
bool flight_join(struct flight *flight, struct err *reterr) MUST_CHECK;

#endif
