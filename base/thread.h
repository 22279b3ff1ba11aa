/* Threads, locks and waiting: the only place that calls pthread. Hold at most one lock.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct thread {
    pthread_t id;
    bool started;
};

typedef void thread_fn(void *arg);

/* Starts a named thread (at most 15 characters) with all signals blocked. Cannot fail: a process
 * that cannot start its threads stops. */
void thread_start(struct thread *thread, const char *name, thread_fn *fn, void *arg);
void thread_join(struct thread *thread); /* a thread that was never started is fine */

/* A pointer of each thread's own, NULL at first; `done` is called with one that is not NULL when
 * its thread ends (the main thread's stays). */
struct thread_slot {
    pthread_key_t key;
};

void thread_slot_init(struct thread_slot *slot, void (*done)(void *pointer));
void *thread_slot_get(const struct thread_slot *slot);
void thread_slot_set(const struct thread_slot *slot, void *pointer);

struct lock {
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
};

void lock_init(struct lock *lock);
void lock_done(struct lock *lock);
void lock_acquire(struct lock *lock);
void lock_release(struct lock *lock);
void lock_notify(struct lock *lock); /* wakes all that wait */

/* Waits for a notification until clock_mono_ms() reaches the deadline; false when it did. */
bool lock_wait_until(struct lock *lock, int64_t deadline_mono_ms);

/* The life of a daemon. `signals_block` first in main, before any thread; `signals_wait` returns
 * SIGTERM, SIGINT or SIGHUP, or 0 after timeout_ms (negative: for ever). SIGPIPE is ignored. */
void signals_block(void);
int signals_wait(int64_t timeout_ms);

#endif
