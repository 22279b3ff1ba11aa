/* Arenas: blocks that double in size, freed together. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/arena.h"
#include "base/assert.h"
#include "base/mem.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(at, size)   ASAN_POISON_MEMORY_REGION(at, size)
#define UNPOISON(at, size) ASAN_UNPOISON_MEMORY_REGION(at, size)
#else
#define POISON(at, size)   ((void)(at), (void)(size))
#define UNPOISON(at, size) ((void)(at), (void)(size))
#endif

enum {
    FIRST_BLOCK = 4096,
    LARGEST_BLOCK = 1 << 20, /* larger ones are made only for one large allocation */
    /* With larger ones malloc gives pages back to the kernel and takes them again. */
    LARGEST_EXPECTED = 256 << 10,
};

struct arena_block {
    struct arena_block *next; /* older */
    size_t size, used;        /* of bytes[] */
    alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *arena, size_t max)
{
    *arena = (struct arena){.max = max};
}

void arena_ask(struct arena *arena, bool (*take)(void *context, size_t bytes), void *context)
{
    arena->take = take;
    arena->take_context = context;
}

void arena_expect(struct arena *arena, size_t size)
{
    const struct arena_block *block = arena->blocks;
    const size_t left = block ? block->size - block->used : 0;
    arena->expected = size > left ? size : 0;
}

static void free_blocks(struct arena_block *block)
{
    while (block != NULL) {
        struct arena_block *older = block->next;
        UNPOISON(block->bytes, block->size);
        free(block);
        block = older;
    }
}

void arena_done(struct arena *arena)
{
    free_blocks(arena->blocks);
    *arena = (struct arena){.max = arena->max};
}

void arena_reset(struct arena *arena)
{
    arena->used = arena->held = arena->expected = 0;
    arena->full = false;
    if (arena->blocks == NULL)
        return;
    /* The newest block is the largest: it is the one worth keeping. */
    free_blocks(arena->blocks->next);
    arena->blocks->next = NULL;
    arena->blocks->used = 0;
    arena->held = sizeof(struct arena_block) + arena->blocks->size;
    POISON(arena->blocks->bytes, arena->blocks->size);
}

/* Of the next block: what is expected, or twice as much as the last. */
static size_t next_size(struct arena *arena, size_t at_least)
{
    if (arena->expected > 0) {
        const size_t max = at_least > LARGEST_EXPECTED / 4 ? LARGEST_BLOCK : LARGEST_EXPECTED;
        size_t size = arena->expected < max ? arena->expected : max;
        arena->expected -= size;
        return size;
    }
    size_t size = arena->blocks ? arena->blocks->size * 2 : FIRST_BLOCK;
    return size < LARGEST_BLOCK ? size : LARGEST_BLOCK;
}

static bool add_block(struct arena *arena, size_t at_least)
{
    size_t size = next_size(arena, at_least);
    if (size < at_least)
        size = at_least;
    if (arena->take && !arena->take(arena->take_context, sizeof(struct arena_block) + size))
        return false;
    struct arena_block *block = xmalloc(sizeof *block + size);
    *block = (struct arena_block){.next = arena->blocks, .size = size};
    POISON(block->bytes, size);
    arena->blocks = block;
    arena->held += sizeof(*block) + size;
    return true;
}

static size_t round_up(size_t size)
{
    const size_t alignment = alignof(max_align_t);
    return (size + alignment - 1) & ~(alignment - 1);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX - alignof(max_align_t))
        return NULL;
    size_t rounded = round_up(size);
    if (rounded > arena->max || arena->used > arena->max - rounded) {
        arena->full = true;
        return NULL;
    }
    if ((arena->blocks == NULL || arena->blocks->size - arena->blocks->used < rounded) &&
        !add_block(arena, rounded)) {
        arena->full = true;
        return NULL;
    }
    struct arena_block *block = arena->blocks;
    void *memory = block->bytes + block->used;
    block->used += rounded;
    arena->used += rounded;
    UNPOISON(memory, size);
    return memory;
}

void arena_trim(struct arena *arena, void *memory, size_t size)
{
    struct arena_block *block = arena->blocks;
    size_t before = (size_t)((char *)memory - block->bytes), needed = before + round_up(size);
    ASSERT(before <= block->used && needed <= block->used);
    arena->used -= block->used - needed;
    block->used = needed;
    POISON((char *)memory + size, block->size - before - size);
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    void *memory = arena_alloc(arena, total);
    return memory ? memset(memory, 0, total) : NULL;
}

struct slice arena_copy(struct arena *arena, struct slice bytes)
{
    char *copy = bytes.size < SIZE_MAX ? arena_alloc(arena, bytes.size + 1) : NULL;
    if (copy == NULL)
        return (struct slice){NULL, 0};
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = '\0';
    return (struct slice){copy, bytes.size};
}
