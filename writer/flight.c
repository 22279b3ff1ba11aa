/* The thread that inserts a batch, block by block, and waits between tries.
 *
 * Threads: one thread per flight; `lock` guards the end of it. Everything else is handed over by
 * starting and joining.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/flight.h"
#include "base/assert.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "writer/stop.h"

enum { BACKOFF_MAX_MS = 5000 };

/* Waits before the next try; true when the flight was abandoned. */
static bool wait(struct flight *flight, int64_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    lock_acquire(&flight->lock);
    while (!flight->abandoned && lock_wait_until(&flight->lock, deadline))
        ;
    bool abandoned = flight->abandoned;
    lock_release(&flight->lock);
    return abandoned;
}

/* Steps until the block has landed; false when the lane must stop or the program ends. */
static bool fly_block(struct flight *flight, size_t index, struct err *reterr)
{
    struct inserter *inserter = flight->inserter;
    struct batch *batch = flight->batch;
    enum insert_doubt doubt = flight->first;
    int64_t backoff_ms = 0;
    for (;;) {
        lease_touch(inserter->lease);
        enum insert_step step = insert_step(inserter, &batch->intent, index,
                                            buf_slice(&batch->blocks[index]), &doubt, reterr);
        if (step == INSERT_LANDED) {
            status_trouble_over(flight->status, STATUS_CLICKHOUSE);
            metrics_add(METRIC_WRITER_BLOCKS, 1);
            return true;
        }
        if (step == INSERT_STOP)
            return false;
        if (lease_lost(inserter->lease))
            return err_set(reterr, ERR_LANE_LOST, "the lease ran out and another writer took it");
        status_trouble(flight->status, STATUS_CLICKHOUSE, reterr);
        if (wait(flight, stop_backoff(&backoff_ms, BACKOFF_MAX_MS)))
            return err_prefix(reterr, "given up");
    }
}

static void fly(void *arg)
{
    struct flight *flight = arg;
    bool landed = true;
    for (size_t i = 0; landed && i < flight->batch->intent.blocks_len; i++)
        landed = fly_block(flight, i, &flight->err);
    flight->landed = landed;
    lock_acquire(&flight->lock);
    flight->ended = true;
    lock_notify(&flight->lock);
    lock_release(&flight->lock);
}

void flight_init(struct flight *flight, struct inserter *inserter, struct status *status)
{
    *flight = (struct flight){.inserter = inserter, .status = status};
    lock_init(&flight->lock);
}

void flight_done(struct flight *flight)
{
    if (!flight->inserter)
        return;
    flight_abandon(flight);
    thread_join(&flight->thread);
    lock_done(&flight->lock);
    *flight = (struct flight){0};
}

void flight_start(struct flight *flight, struct batch *batch, enum insert_doubt first,
                  int64_t proof_boot_ms)
{
    ASSERT(!flight->batch);
    flight->batch = batch;
    flight->first = first;
    flight->ended = false;
    flight->inserter->proof_boot_ms = proof_boot_ms;
    thread_start(&flight->thread, "insert", fly, flight);
}

bool flight_ended(struct flight *flight, int64_t deadline_mono_ms)
{
    lock_acquire(&flight->lock);
    while (!flight->ended && lock_wait_until(&flight->lock, deadline_mono_ms))
        ;
    bool ended = flight->ended;
    lock_release(&flight->lock);
    return ended;
}

void flight_abandon(struct flight *flight)
{
    lock_acquire(&flight->lock);
    flight->abandoned = true;
    lock_notify(&flight->lock);
    lock_release(&flight->lock);
    if (flight->batch)
        ch_cancel(flight->inserter->client);
}

bool flight_join(struct flight *flight, struct err *reterr)
{
    ASSERT(flight->batch);
    thread_join(&flight->thread);
    flight->batch = NULL;
    if (!flight->landed && reterr)
        *reterr = flight->err;
    return flight->landed;
}
