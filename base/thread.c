/* Threads, locks, signals. A failing pthread call is a bug or the end of the machine's resources;
 * neither can be handled here. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/thread.h"
#include "base/assert.h"
#include "base/mem.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

struct start {
    thread_fn *fn;
    void *arg;
};

static void *run(void *arg)
{
    struct start start = *(struct start *)arg;
    free(arg);
    start.fn(start.arg);
    return NULL;
}

void thread_start(struct thread *thread, const char *name, thread_fn *fn, void *arg)
{
    struct start *start = xmalloc(sizeof *start);
    *start = (struct start){fn, arg};
    sigset_t all, before;
    sigfillset(&all);
    ASSERT(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    ASSERT(pthread_create(&thread->id, NULL, run, start) == 0);
    ASSERT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    pthread_setname_np(thread->id, name);
    thread->started = true;
}

void thread_join(struct thread *thread)
{
    if (!thread->started)
        return;
    ASSERT(pthread_join(thread->id, NULL) == 0);
    thread->started = false;
}

void thread_slot_init(struct thread_slot *slot, void (*done)(void *pointer))
{
    ASSERT(pthread_key_create(&slot->key, done) == 0);
}

void *thread_slot_get(const struct thread_slot *slot)
{
    return pthread_getspecific(slot->key);
}

void thread_slot_set(const struct thread_slot *slot, void *pointer)
{
    ASSERT(pthread_setspecific(slot->key, pointer) == 0);
}

void lock_init(struct lock *lock)
{
    pthread_condattr_t monotonic;
    ASSERT(pthread_condattr_init(&monotonic) == 0);
    ASSERT(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    ASSERT(pthread_cond_init(&lock->changed, &monotonic) == 0);
    pthread_condattr_destroy(&monotonic);
    ASSERT(pthread_mutex_init(&lock->mutex, NULL) == 0);
}

void lock_done(struct lock *lock)
{
    ASSERT(pthread_cond_destroy(&lock->changed) == 0);
    ASSERT(pthread_mutex_destroy(&lock->mutex) == 0);
}

void lock_acquire(struct lock *lock)
{
    ASSERT(pthread_mutex_lock(&lock->mutex) == 0);
}

void lock_release(struct lock *lock)
{
    ASSERT(pthread_mutex_unlock(&lock->mutex) == 0);
}

void lock_notify(struct lock *lock)
{
    ASSERT(pthread_cond_broadcast(&lock->changed) == 0);
}

bool lock_wait_until(struct lock *lock, int64_t deadline_mono_ms)
{
    struct timespec deadline = {
        .tv_sec = deadline_mono_ms / 1000,
        .tv_nsec = deadline_mono_ms % 1000 * 1000000,
    };
    int rc = pthread_cond_timedwait(&lock->changed, &lock->mutex, &deadline);
    ASSERT(rc == 0 || rc == ETIMEDOUT);
    return rc == 0;
}

static void awaited_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

void signals_block(void)
{
    sigset_t set;
    awaited_signals(&set);
    ASSERT(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    signal(SIGPIPE, SIG_IGN);
}

int signals_wait(int64_t timeout_ms)
{
    sigset_t set;
    awaited_signals(&set);
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000};
    for (;;) {
        int signal_number =
            timeout_ms < 0 ? sigwaitinfo(&set, NULL) : sigtimedwait(&set, NULL, &timeout);
        if (signal_number > 0)
            return signal_number;
        if (errno != EINTR)
            return 0;
    }
}
