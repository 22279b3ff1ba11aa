/* The coordinator's thread, and the life of the lanes.
 *
 * Threads: the coordinator's own thread registers and decides; main starts, reloads and stops;
 * `lock` guards what they share with the admin listener.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/coordinator.h"
#include "base/clock.h"
#include "base/log.h"

enum {
    LOOK_MS = 200,       /* between two looks at who owns what */
    LOOK_SOON_MS = 50,   /* while lanes of this writer's share are still given up by others */
    RETRY_MAX_MS = 5000, /* between tries to find the topic's lanes */
    ABANDON_MS = 5000,   /* to leave everything as it is */
};

struct lane_limits coordinator_limits(const struct lane_limits *all, size_t wanted)
{
    struct lane_limits limits = *all;
    if (wanted > 1) {
        limits.batch.rows = all->batch.rows / wanted ? all->batch.rows / wanted : 1;
        limits.batch.bytes = all->batch.bytes / wanted;
    }
    return limits;
}

static void note_trouble(struct coordinator *coordinator, const struct err *err)
{
    lock_acquire(&coordinator->lock);
    coordinator->trouble = *err;
    lock_release(&coordinator->lock);
}

/* Which lanes are there? Looks at Kafka and both stores as a lane does, and lets go of them. */
static bool find_lanes(struct coordinator *coordinator, struct err *reterr)
{
    CLEANUP(mem_freep) struct lane *scout = xcalloc(1, sizeof *scout);
    scout->settings = coordinator->settings;
    bool found = lane_claim(scout, reterr);
    if (found)
        roster_init(&coordinator->roster, coordinator->settings, coordinator->owner,
                    scout->ledger.topic_id, coordinator->lanes_len);
    lane_close(scout);
    return found;
}

/* Tells the lanes what was decided. Returns how many this writer is to work on. */
static size_t apply(struct coordinator *coordinator, const bool wanted[])
{
    size_t count = 0;
    bool changed = false;
    for (size_t i = 0; i < coordinator->lanes_len; i++)
        count += wanted[i];
    lock_acquire(&coordinator->lock);
    for (size_t i = 0; i < coordinator->lanes_len; i++) {
        changed = changed || coordinator->wanted[i] != wanted[i];
        coordinator->wanted[i] = wanted[i];
    }
    changed = changed || coordinator->writers != coordinator->roster.writers;
    coordinator->writers = coordinator->roster.writers;
    coordinator->trouble.code = ERR_NONE;
    struct lane_limits limits = coordinator_limits(&coordinator->limits, count);
    lock_release(&coordinator->lock);
    for (size_t i = 0; i < coordinator->lanes_len; i++) {
        lane_set_limits(&coordinator->lanes[i], &limits);
        lane_want(&coordinator->lanes[i], wanted[i]);
    }
    if (changed)
        log_info(LANES_SHARED, log_u64("writers", coordinator->roster.writers),
                 log_u64("lanes", coordinator->lanes_len), log_u64("ours", count));
    return count;
}

/* A lane that works, but has lost its lease and not noticed, hangs in a library. It is in this
 * writer's share, so the others take it only when this writer counts no longer. (One that has just
 * begun to work looks the same for a moment, which is too short to matter.) */
static bool is_well(struct coordinator *coordinator)
{
    const struct roster *roster = &coordinator->roster;
    for (size_t i = 0; i < coordinator->lanes_len; i++)
        if (!roster->mine[i] && status_phase_now(&coordinator->lanes[i].status) == STATUS_WORKING)
            return false;
    return true;
}

/* *ret_pause_ms: until the next look. Lanes that a writer has not let go of yet, but that are this
 * one's by now, are looked for more often. */
static bool look(struct coordinator *coordinator, int64_t *ret_pause_ms, struct err *reterr)
{
    struct roster *roster = &coordinator->roster;
    if ((!roster->topic_id && !find_lanes(coordinator, reterr)) ||
        !roster_read(roster, is_well(coordinator), reterr))
        return false;
    CLEANUP(mem_freep) bool *wanted = xcalloc(coordinator->lanes_len, sizeof *wanted);
    memcpy(wanted, coordinator->wanted, coordinator->lanes_len * sizeof *wanted);
    share_decide(roster->owners, coordinator->lanes_len, roster->writers, roster->me, wanted);
    size_t count = apply(coordinator, wanted);
    *ret_pause_ms = count < coordinator->lanes_len / roster->writers ? LOOK_SOON_MS : LOOK_MS;
    return true;
}

/* A class of error that an operator must look at is logged by coordinator_watch, with its remedy.
 */
static void coordinator_main(void *arg)
{
    struct coordinator *coordinator = arg;
    int64_t backoff_ms = 0;
    while (!stop_requested(&coordinator->stop)) {
        struct err err;
        int64_t pause_ms;
        bool good = look(coordinator, &pause_ms, &err);
        if (good)
            backoff_ms = 0;
        else
            note_trouble(coordinator, &err);
        stop_wait(&coordinator->stop, good ? pause_ms : stop_backoff(&backoff_ms, RETRY_MAX_MS));
    }
    roster_leave(&coordinator->roster);
    lock_acquire(&coordinator->lock);
    coordinator->ended = true;
    lock_notify(&coordinator->lock);
    lock_release(&coordinator->lock);
}

void coordinator_reload(struct coordinator *coordinator, const struct settings *settings)
{
    lock_acquire(&coordinator->lock);
    coordinator->limits = (struct lane_limits){
        .batch = {.rows = settings->writer_batch_rows, .bytes = settings->writer_batch_bytes},
        .batch_wait_ms = settings->writer_batch_wait,
        .breaker = {.share = settings->writer_dead_share,
                    .count = settings->writer_dead_count,
                    .window_ms = settings->writer_dead_window},
    };
    lock_release(&coordinator->lock);
}

void coordinator_start(struct coordinator *coordinator, const struct settings *settings)
{
    *coordinator = (struct coordinator){
        .settings = settings,
        .lanes_len = settings->writer_lanes,
        .lanes = xcalloc(settings->writer_lanes, sizeof *coordinator->lanes),
        .wanted = xcalloc(settings->writer_lanes, sizeof *coordinator->wanted),
    };
    err_set(&coordinator->trouble, ERR_NOT_READY, "starting");
    owner_self(coordinator->owner, sizeof coordinator->owner);
    lock_init(&coordinator->lock);
    stop_init(&coordinator->stop);
    coordinator_reload(coordinator, settings);
    for (uint32_t i = 0; i < coordinator->lanes_len; i++)
        lane_start(&coordinator->lanes[i], settings, i, &coordinator->limits);
    margin_start(&coordinator->margin, settings);
    thread_start(&coordinator->thread, "coordinator", coordinator_main, coordinator);
}

static bool wait_for_end(struct coordinator *coordinator, int64_t deadline_mono_ms)
{
    bool ended = true;
    for (size_t i = 0; i < coordinator->lanes_len; i++)
        ended = lane_wait_end(&coordinator->lanes[i], deadline_mono_ms) && ended;
    lock_acquire(&coordinator->lock);
    while (!coordinator->ended && lock_wait_until(&coordinator->lock, deadline_mono_ms))
        ;
    ended = ended && coordinator->ended;
    lock_release(&coordinator->lock);
    return ended;
}

bool coordinator_stop(struct coordinator *coordinator, int64_t grace_ms)
{
    /* The others share the lanes anew while they are still given up here. */
    stop_request(&coordinator->stop);
    stop_request(&coordinator->margin.stop);
    for (size_t i = 0; i < coordinator->lanes_len; i++)
        lane_end(&coordinator->lanes[i]);
    if (wait_for_end(coordinator, clock_mono_ms() + grace_ms))
        return true;
    for (size_t i = 0; i < coordinator->lanes_len; i++)
        lane_abandon(&coordinator->lanes[i]);
    (void)wait_for_end(coordinator, clock_mono_ms() + ABANDON_MS);
    return false;
}

void coordinator_done(struct coordinator *coordinator)
{
    thread_join(&coordinator->thread);
    margin_stop(&coordinator->margin);
    for (size_t i = 0; i < coordinator->lanes_len; i++)
        lane_done(&coordinator->lanes[i]);
    mem_freep(&coordinator->lanes);
    mem_freep(&coordinator->wanted);
    stop_done(&coordinator->stop);
    lock_done(&coordinator->lock);
}
