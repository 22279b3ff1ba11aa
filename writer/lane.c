/* The lane's thread: turn after turn, and the waits between them.
 *
 * Threads: the lane's thread runs lane_main; the coordinator and main start, steer and end it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/lane.h"
#include "base/clock.h"
#include "base/log.h"
#include <inttypes.h>

enum {
    RETRY_MAX_MS = 5000,    /* between turns, when it can pass */
    STOPPED_MAX_MS = 60000, /* when an operator must act first */
    HELD_MS = 250,          /* while another writer owns the lane */
    READ_STEP_MS = 100,
    NAME_SIZE = 16, /* of a thread */
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

enum consumer_step lane_read(struct lane *lane, struct consumer *consumer,
                             struct consumer_message *ret_message, struct err *reterr)
{
    if (!lane_go_on(lane, reterr))
        return CONSUMER_ERROR;
    enum consumer_step step = consumer_next(consumer, READ_STEP_MS, ret_message, reterr);
    if (step == CONSUMER_TIMEOUT && !consumer_connected(consumer, reterr))
        return CONSUMER_ERROR;
    return step;
}

/* Says what ended a turn; returns how long to wait before the next. */
static int64_t report(struct lane *lane, const struct err *err, int64_t *backoff_ms)
{
    bool working = lane->status.phase == STATUS_WORKING;
    if (lane->completed > 0)
        *backoff_ms = 0;
    if (err->code == ERR_SHUTTING_DOWN)
        return 0;
    if (err->code == ERR_LANE_LOST) {
        status_phase(&lane->status, STATUS_WAITING, err);
        if (working)
            log_warning(LANE_WAITING, log_u64("lane", lane->number), log_error_of(err));
        return HELD_MS;
    }
    bool stopped =
        err_code_class(err->code) == ERR_CLASS_STOP || err_code_class(err->code) == ERR_CLASS_BUG;
    status_phase(&lane->status, stopped ? STATUS_STOPPED : STATUS_STARTING, err);
    if (stopped)
        log_error(LANE_STOPPED, log_u64("lane", lane->number), log_error_of(err),
                  log_str("remedy", err_code_remedy(err->code)));
    return stop_backoff(backoff_ms, stopped ? STOPPED_MAX_MS : RETRY_MAX_MS);
}

/* Waits until the lane is wanted; false when the program ends. */
static bool await_turn(struct lane *lane)
{
    if (stop_paused(&lane->stop))
        status_phase(&lane->status, STATUS_IDLE, NULL);
    if (!stop_wait_resumed(&lane->stop))
        return false;
    if (status_phase_now(&lane->status) == STATUS_IDLE)
        status_phase(&lane->status, STATUS_STARTING, NULL);
    return true;
}

static void lane_main(void *arg)
{
    struct lane *lane = arg;
    int64_t backoff_ms = 0;
    while (await_turn(lane)) {
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

void lane_set_limits(struct lane *lane, const struct lane_limits *limits)
{
    lock_acquire(&lane->lock);
    lane->limits = *limits;
    lock_release(&lane->lock);
}

void lane_start(struct lane *lane, const struct settings *settings, uint32_t number,
                const struct lane_limits *limits)
{
    char name[NAME_SIZE];
    *lane = (struct lane){.settings = settings, .number = number, .limits = *limits};
    owner_self(lane->owner, sizeof lane->owner);
    lock_init(&lane->lock);
    stop_init(&lane->stop);
    stop_pause(&lane->stop);
    status_init(&lane->status, settings->writer_stall);
    snprintf(name, sizeof name, "lane-%" PRIu32, number);
    thread_start(&lane->thread, name, lane_main, lane);
}

void lane_want(struct lane *lane, bool wanted)
{
    if (wanted)
        stop_resume(&lane->stop);
    else
        stop_pause(&lane->stop);
}

void lane_end(struct lane *lane)
{
    stop_request(&lane->stop);
}

bool lane_wait_end(struct lane *lane, int64_t deadline_mono_ms)
{
    lock_acquire(&lane->lock);
    while (!lane->ended && lock_wait_until(&lane->lock, deadline_mono_ms))
        ;
    bool ended = lane->ended;
    lock_release(&lane->lock);
    return ended;
}

void lane_abandon(struct lane *lane)
{
    stop_request_now(&lane->stop);
}

void lane_done(struct lane *lane)
{
    thread_join(&lane->thread);
    status_done(&lane->status);
    stop_done(&lane->stop);
    lock_done(&lane->lock);
}
