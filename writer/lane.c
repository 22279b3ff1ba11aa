/* The lane's thread: turn after turn, and the waits between them.
 *
 * Threads: the lane's thread runs lane_main; main starts, reloads and stops it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/lane.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    RETRY_MAX_MS = 5000,    /* between turns, when it can pass */
    STOPPED_MAX_MS = 60000, /* when an operator must act first */
    HELD_MS = 250,          /* while another writer owns the lane */
    ABANDON_MS = 5000,      /* to leave everything as it is */
};

bool lane_go_on(struct lane *lane, struct err *reterr)
{
    if (stop_requested(&lane->stop))
        return err_set(reterr, ERR_SHUTTING_DOWN, "stopping");
    if (!lane->lease.thread.started)
        return true;
    lease_touch(&lane->lease);
    return !lease_lost(&lane->lease) ||
           err_set(reterr, ERR_LANE_LOST, "the lease ran out and another writer took it");
}

/* Says what ended a turn; returns how long to wait before the next. */
static int64_t report(struct lane *lane, const struct err *err, int64_t *backoff_ms)
{
    bool working = lane->status.phase == STATUS_WORKING;
    if (lane->completed > 0)
        *backoff_ms = 0;
    if (err->code == ERR_LANE_LOST) {
        status_phase(&lane->status, STATUS_WAITING, err);
        if (working)
            log_warning(LANE_WAITING, log_error_of(err));
        return HELD_MS;
    }
    bool stopped =
        err_code_class(err->code) == ERR_CLASS_STOP || err_code_class(err->code) == ERR_CLASS_BUG;
    status_phase(&lane->status, stopped ? STATUS_STOPPED : STATUS_STARTING, err);
    if (stopped)
        log_error(LANE_STOPPED, log_str("lane", lane->settings->writer_lane), log_error_of(err),
                  log_str("remedy", err_code_remedy(err->code)));
    return stop_backoff(backoff_ms, stopped ? STOPPED_MAX_MS : RETRY_MAX_MS);
}

static void lane_main(void *arg)
{
    struct lane *lane = arg;
    int64_t backoff_ms = 0;
    while (!stop_requested(&lane->stop)) {
        struct err err;
        bool good = lane_open(lane, &err) && lane_work(lane, &err);
        int64_t pause_ms = good ? 0 : report(lane, &err, &backoff_ms);
        lane_close(lane);
        stop_wait(&lane->stop, pause_ms);
    }
    status_phase(&lane->status, STATUS_STOPPING, NULL);
    lock_acquire(&lane->lock);
    lane->ended = true;
    lock_notify(&lane->lock);
    lock_release(&lane->lock);
}

struct lane_limits lane_limits(struct lane *lane)
{
    lock_acquire(&lane->lock);
    struct lane_limits limits = lane->limits;
    lock_release(&lane->lock);
    return limits;
}

void lane_reload(struct lane *lane, const struct settings *settings)
{
    lock_acquire(&lane->lock);
    lane->limits = (struct lane_limits){
        .batch = {.rows = settings->writer_batch_rows, .bytes = settings->writer_batch_bytes},
        .batch_wait_ms = settings->writer_batch_wait,
        .breaker = {.share = settings->writer_dead_share,
                    .count = settings->writer_dead_count,
                    .window_ms = settings->writer_dead_window},
    };
    lock_release(&lane->lock);
}

void lane_start(struct lane *lane, const struct settings *settings)
{
    *lane = (struct lane){.settings = settings};
    owner_self(lane->owner, sizeof lane->owner);
    lock_init(&lane->lock);
    stop_init(&lane->stop);
    status_init(&lane->status, settings->writer_stall);
    lane_reload(lane, settings);
    thread_start(&lane->thread, "lane", lane_main, lane);
}

/* True when the thread is at its end. */
static bool wait_for_end(struct lane *lane, int64_t ms)
{
    int64_t deadline = clock_mono_ms() + ms;
    lock_acquire(&lane->lock);
    while (!lane->ended && lock_wait_until(&lane->lock, deadline))
        ;
    bool ended = lane->ended;
    lock_release(&lane->lock);
    return ended;
}

bool lane_stop(struct lane *lane, int64_t grace_ms)
{
    stop_request(&lane->stop);
    if (wait_for_end(lane, grace_ms))
        return true;
    stop_request_now(&lane->stop);
    wait_for_end(lane, ABANDON_MS);
    return false;
}

void lane_done(struct lane *lane)
{
    thread_join(&lane->thread);
    status_done(&lane->status);
    stop_done(&lane->stop);
    lock_done(&lane->lock);
}
