/* Memory that lives and dies together: one arena per request, one per batch.
 *
 * Allocation is a pointer addition; all of it is freed at once. The cap is stated when it is made.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first; owned */
    size_t used;                /* bytes handed out */
    size_t held;                /* bytes of memory, with what is not handed out yet */
    size_t max;                 /* bytes at most */
    size_t expected;            /* bytes of blocks to come: see arena_expect */
    bool full;                  /* the cap, or `take`, forbade something */
    bool (*take)(void *context, size_t bytes); /* NULL: nobody is asked */
    void *take_context;                        /* borrowed */
};

void arena_init(struct arena *arena, size_t max);

/* From now on `take` is asked for each block before it is made; where it says no, so does the
 * arena. */
void arena_ask(struct arena *arena, bool (*take)(void *context, size_t bytes), void *context);

/* About so many bytes more will be asked for: they get blocks of just that size, few of them,
 * instead of ones that double in size. */
void arena_expect(struct arena *arena, size_t size);

void arena_done(struct arena *arena);  /* frees everything; a zeroed arena is fine */
void arena_reset(struct arena *arena); /* forgets everything, keeps the first block */

/* `size` bytes aligned for any type, not zeroed; NULL when the cap or `take` forbids it. */
void *arena_alloc(struct arena *arena, size_t size);

/* Gives back what the last allocation does not need: all but its first `size` bytes. */
void arena_trim(struct arena *arena, void *memory, size_t size);

/* A zeroed array; NULL when the cap forbids it. */
void *arena_calloc(struct arena *arena, size_t count, size_t size);

/* A copy of the bytes, with a NUL behind them that is not counted. data is NULL when the cap
 * forbids it. */
struct slice arena_copy(struct arena *arena, struct slice bytes);

#endif
