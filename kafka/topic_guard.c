/* Looks at the topic again and again. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/topic_guard.h"

#include "base/clock.h"
#include "base/thread.h"
#include "kafka/topic.h"
#include "kafka/topic_check.h"
#include <stdatomic.h>
#include <stdlib.h>

enum {
    RETRY_MIN_MS = 50, /* when it did not pass: the catalog may only just be on its way */
    RETRY_MAX_MS = 1000,
    TIMEOUT_MS = 3000, /* of one look; a stop waits for it */
};

struct topic_guard {
    /* Set at start, then read-only. */
    const struct settings *settings; /* borrowed */
    topic_in_use_fn *in_use;
    void *context;
    struct thread thread;

    struct topic *topic; /* the thread's own; NULL: not opened yet */

    /* Any thread. */
    atomic_uint partitions; /* 0: never passed */
    atomic_uint risks;
    atomic_bool passes;

    struct lock lock; /* guards what follows */
    struct err failure;
    bool stopping;
};

/* The partitions in use: what was decided, else what the topic has. A number that this process has
 * used once stays: records of one key may be on their way. */
static bool settle_partitions(struct topic_guard *guard, const struct topic_facts *facts,
                              uint32_t *ret_in_use, struct err *reterr)
{
    const char *name = guard->settings->events_topic;
    const uint32_t mine = atomic_load(&guard->partitions);
    uint32_t decided = 0;
    if (guard->in_use && !guard->in_use(guard->context, facts->cluster_id, &decided, reterr))
        return false;
    if (mine > 0 && decided > 0 && mine != decided)
        return err_set(reterr, ERR_TOPIC_MISMATCH,
                       "events go to %u partitions of topic %s, but %u are in use by PostgreSQL's "
                       "table topic. Mend it: restart bxb-server",
                       mine, name, decided);
    uint32_t in_use = mine > 0 ? mine : decided > 0 ? decided : facts->partitions;
    if (!topic_check_partitions(name, facts, in_use, reterr))
        return false;
    *ret_in_use = in_use;
    return true;
}

static bool look(struct topic_guard *guard, struct err *reterr)
{
    if (!guard->topic) {
        guard->topic = topic_open(guard->settings, reterr);
        if (!guard->topic)
            return false;
        topic_set_timeout(guard->topic, TIMEOUT_MS);
    }
    struct topic_facts facts;
    uint32_t in_use = 0;
    if (!topic_describe(guard->topic, &facts, reterr) ||
        !topic_check(guard->settings->events_topic, &facts, guard->settings->server_event_max,
                     reterr) ||
        !settle_partitions(guard, &facts, &in_use, reterr))
        return false;
    atomic_store(&guard->risks, topic_risks(&facts, in_use));
    atomic_store(&guard->partitions, in_use);
    return true;
}

/* After the topic passed once, a look that found nothing out is no finding. */
static bool is_finding(const struct topic_guard *guard, const struct err *err)
{
    return atomic_load(&guard->partitions) == 0 || err->code == ERR_TOPIC_MISMATCH ||
           err->code == ERR_NOT_FOUND;
}

/* Returns whether it passes now. */
static bool look_and_note(struct topic_guard *guard)
{
    struct err err;
    bool ok = look(guard, &err);
    if (!ok && !is_finding(guard, &err))
        return atomic_load(&guard->passes);
    lock_acquire(&guard->lock);
    if (!ok)
        guard->failure = err;
    atomic_store(&guard->passes, ok);
    lock_release(&guard->lock);
    return ok;
}

static void run(void *arg)
{
    struct topic_guard *guard = arg;
    int64_t retry_ms = RETRY_MIN_MS;
    for (;;) {
        bool passes = look_and_note(guard);
        int64_t until = clock_mono_ms() + (passes ? guard->settings->events_topic_check : retry_ms);
        int64_t longer_ms = 2 * retry_ms < RETRY_MAX_MS ? 2 * retry_ms : RETRY_MAX_MS;
        retry_ms = passes ? RETRY_MIN_MS : longer_ms;
        lock_acquire(&guard->lock);
        while (!guard->stopping && lock_wait_until(&guard->lock, until))
            continue;
        bool stopping = guard->stopping;
        lock_release(&guard->lock);
        if (stopping)
            return;
    }
}

struct topic_guard *topic_guard_start(const struct settings *settings, topic_in_use_fn *in_use,
                                      void *context)
{
    struct topic_guard *guard = xcalloc(1, sizeof(*guard));
    guard->settings = settings;
    guard->in_use = in_use;
    guard->context = context;
    err_set(&guard->failure, ERR_NOT_READY, "the topic was not seen yet");
    lock_init(&guard->lock);
    thread_start(&guard->thread, "bxb-topic", run, guard);
    return guard;
}

void topic_guard_stop(struct topic_guard *guard)
{
    if (!guard)
        return;
    lock_acquire(&guard->lock);
    guard->stopping = true;
    lock_notify(&guard->lock);
    lock_release(&guard->lock);
    thread_join(&guard->thread);
    topic_close(guard->topic);
    lock_done(&guard->lock);
    free(guard);
}

bool topic_guard_passes(struct topic_guard *guard, struct err *reterr)
{
    if (atomic_load_explicit(&guard->passes, memory_order_relaxed))
        return true;
    lock_acquire(&guard->lock);
    struct err failure = guard->failure;
    lock_release(&guard->lock);
    return err_set(reterr, ERR_NOT_READY, "%s", failure.text);
}

uint32_t topic_guard_partitions(const struct topic_guard *guard)
{
    return atomic_load_explicit(&guard->partitions, memory_order_relaxed);
}

uint32_t topic_guard_risks(const struct topic_guard *guard)
{
    return atomic_load_explicit(&guard->risks, memory_order_relaxed);
}
