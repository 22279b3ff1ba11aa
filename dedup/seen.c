/* Shards of ascending ids. An id's home in its shard follows from its value, ascending too; it
 * stands there or to the right of it, with no gap between. A search begins at the home and ends at
 * the first value that is not smaller. Nothing else has to be stored to lay a shard out anew, at
 * any size: reading it from left to right gives the ids in their order.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "dedup/seen.h"
#include "base/assert.h"
#include "base/mem.h"
#include <sys/mman.h>

enum {
    PAGE_SIZE = 4096,
    SLOT_SIZE = sizeof(uint64_t) + sizeof(uint8_t),
    SLACK = 32, /* slots behind the last home, for ids that are pushed to the right */
    /* Of 256: a shard grows when it is fuller than FILL_MAX, to be as full as FILL_GROWN. */
    FILL_MAX = 235,
    FILL_GROWN = 209,
    TAGS = 256,          /* that a byte can tell apart */
    SWEEP_EVERY = 10,    /* tags between the passes that drop old ids */
    SWEEP_SHARDS = 8,    /* of one call */
    PREFETCH_AHEAD = 12, /* ids */
    LINE_SIZE = 64,
    MERGE_FROM = 8, /* a shard is laid out anew for an eighth as many ids as it has */
};

static inline uint32_t capacity_of(uint32_t pages)
{
    return (uint32_t)((uint64_t)pages * PAGE_SIZE / SLOT_SIZE);
}

static inline uint8_t *tags_of(const struct seen_shard *shard)
{
    return (uint8_t *)(shard->slots + capacity_of(shard->pages));
}

static inline uint32_t used_max(uint32_t pages)
{
    return (uint32_t)((uint64_t)(capacity_of(pages) - SLACK) * FILL_MAX / 256);
}

static inline size_t home_of(const struct seen_shard *shard, uint64_t id)
{
    return (size_t)((unsigned __int128)id * (capacity_of(shard->pages) - SLACK) >> 64);
}

/* Where the id stands or would be put. The shard must have pages. */
static inline size_t find(const struct seen_shard *shard, uint64_t id)
{
    size_t at = home_of(shard, id);
    while (shard->slots[at] != 0 && shard->slots[at] < id)
        at++;
    return at;
}

static inline struct seen_shard *shard_of(const struct seen *seen, struct seen_id id)
{
    return &seen->shards[id.place % SEEN_SHARDS];
}

/* Times and tags */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The tag that a byte of the table stands for: all of them are within TAGS of the newest. */
static inline int64_t tag_of(const struct seen *seen, uint8_t byte)
{
    return seen->newest - (uint8_t)((uint8_t)seen->newest - byte);
}

/* Laying a shard out anew */

/* Copies the shard's ids into the scratch, in their order. */
static void collect(struct seen *seen, const struct seen_shard *shard)
{
    struct run *to = &seen->scratch;
    run_reserve(to,
                shard->used + 1); /* what an empty slot brings is overwritten, or is not counted */
    to->len = 0;
    if (shard->used == 0)
        return;
    const uint8_t *tags = tags_of(shard);
    for (size_t at = 0; to->len < shard->used; at++) {
        to->ids[to->len] = shard->slots[at];
        to->tags[to->len] = tags[at];
        to->len += shard->slots[at] != 0;
    }
}

/* Leaves what is still wanted of the scratch. */
static void drop_old(struct seen *seen)
{
    struct run *run = &seen->scratch;
    size_t kept = 0;
    for (size_t i = 0; i < run->len; i++) {
        run->ids[kept] = run->ids[i];
        run->tags[kept] = run->tags[i];
        kept += tag_of(seen, run->tags[i]) >= seen->horizon;
    }
    run->len = kept;
}

/* Puts the ids of the scratch into an empty shard; false when they do not fit. */
static bool lay_out(const struct seen *seen, struct seen_shard *shard)
{
    const struct run *from = &seen->scratch;
    uint8_t *tags = tags_of(shard);
    size_t next = 0, end = capacity_of(shard->pages) - 1;
    for (size_t i = 0; i < from->len; i++) {
        size_t home = home_of(shard, from->ids[i]);
        size_t at = home > next ? home : next;
        if (at >= end)
            return false;
        shard->slots[at] = from->ids[i];
        tags[at] = from->tags[i];
        next = at + 1;
    }
    return true;
}

static void resize(struct seen *seen, struct seen_shard *shard, uint32_t pages)
{
    size_t old_size = (size_t)shard->pages * PAGE_SIZE, size = (size_t)pages * PAGE_SIZE;
    if (old_size != size) {
        void *memory = old_size == 0 ? mmap(NULL, size, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
                                     : mremap(shard->slots, old_size, size, MREMAP_MAYMOVE);
        ASSERT(memory != MAP_FAILED);
        shard->slots = memory;
        shard->pages = pages;
        seen->size += size - old_size;
    }
    memset(shard->slots, 0, capacity_of(pages) * sizeof *shard->slots);
}

/* Pages for that many ids, so that there is room for more of them. */
static uint32_t pages_for(uint64_t len)
{
    uint64_t slots = len * 256 / FILL_GROWN + SLACK + 1;
    return (uint32_t)((slots * SLOT_SIZE + PAGE_SIZE - 1) / PAGE_SIZE);
}

/* Gives the shard that many pages and the ids of the scratch, without those that are no longer
 * wanted; when it may not have so many pages, also without the oldest ones that still are. */
static void fill(struct seen *seen, struct seen_shard *shard, uint32_t pages)
{
    const size_t *len = &seen->scratch.len;
    if (pages > seen->pages_max)
        pages = seen->pages_max;
    if (seen->horizon > seen->swept)
        drop_old(seen);
    for (;;) {
        if (pages == seen->pages_max)
            for (; *len > used_max(pages) - used_max(pages) / 8; drop_old(seen))
                seen->horizon++;
        resize(seen, shard, pages);
        if (lay_out(seen, shard))
            break;
        if (pages < seen->pages_max)
            pages++;
        else
            seen->horizon++; /* too many at its very end: once in a blue moon */
        drop_old(seen);
    }
    seen->len = seen->len - shard->used + *len;
    shard->used = (uint32_t)*len;
}

static void rebuild(struct seen *seen, struct seen_shard *shard, uint32_t pages)
{
    collect(seen, shard);
    fill(seen, shard, pages);
}

static void make_room(struct seen *seen, struct seen_shard *shard)
{
    uint32_t pages = pages_for((uint64_t)shard->used + 1);
    rebuild(seen, shard, pages > shard->pages ? pages : shard->pages + 1);
}

/* Dropping what is old */

/* How many of the shard's ids are still wanted. Tags of empty slots hold anything. */
static size_t wanted_of(const struct seen *seen, const struct seen_shard *shard)
{
    const uint8_t *tags = tags_of(shard);
    size_t wanted = 0;
    for (size_t at = 0, end = capacity_of(shard->pages); at < end; at++)
        wanted += shard->slots[at] != 0 && tag_of(seen, tags[at]) >= seen->horizon;
    return wanted;
}

static void sweep_shard(struct seen *seen, struct seen_shard *shard)
{
    if (shard->pages == 0)
        return;
    size_t wanted = wanted_of(seen, shard);
    uint32_t pages = pages_for(wanted);
    bool smaller = pages < shard->pages - shard->pages / 4;
    if (wanted < shard->used || smaller)
        rebuild(seen, shard, smaller ? pages : shard->pages);
}

/* Goes on with the pass, or begins one when enough has become old. */
static void sweep(struct seen *seen, size_t shards)
{
    if (seen->sweep_at == SEEN_SHARDS) {
        if (seen->horizon - seen->swept < SWEEP_EVERY)
            return;
        seen->sweep_at = 0;
        seen->sweep_to = seen->horizon;
    }
    for (; shards > 0 && seen->sweep_at < SEEN_SHARDS; shards--)
        sweep_shard(seen, &seen->shards[seen->sweep_at++]);
    if (seen->sweep_at == SEEN_SHARDS)
        seen->swept = seen->sweep_to;
}

/* Takes note of a tag. Before a byte would stand for two tags, everything old must have left. */
static void reach(struct seen *seen, int64_t tag)
{
    if (tag <= seen->newest)
        return;
    if (tag - seen->swept >= TAGS - 1) {
        if (seen->horizon < tag - (TAGS - 2))
            seen->horizon = tag - (TAGS - 2);
        seen->sweep_at = 0;
        seen->sweep_to = seen->horizon;
        sweep(seen, SEEN_SHARDS);
    }
    seen->newest = tag;
}

/* The interface */

void seen_init(struct seen *seen, int64_t window_ms, uint64_t max_size, int64_t from_ms)
{
    ASSERT(max_size >= SEEN_SIZE_MIN && window_ms > 0);
    int64_t step_ms = (window_ms + SEEN_TAGS_PER_WINDOW - 1) / SEEN_TAGS_PER_WINDOW;
    int64_t from = floor_div(from_ms, step_ms);
    *seen = (struct seen){
        .shards = xcalloc(SEEN_SHARDS, sizeof *seen->shards),
        .step_ms = step_ms,
        .pages_max =
            (uint32_t)((max_size - SEEN_SHARDS * sizeof *seen->shards) / PAGE_SIZE / SEEN_SHARDS),
        .size = SEEN_SHARDS * sizeof *seen->shards,
        .newest = from,
        .horizon = from,
        .swept = from,
        .sweep_at = SEEN_SHARDS,
    };
}

void seen_done(struct seen *seen)
{
    for (size_t i = 0; seen->shards && i < SEEN_SHARDS; i++)
        if (seen->shards[i].pages > 0)
            munmap(seen->shards[i].slots, (size_t)seen->shards[i].pages * PAGE_SIZE);
    mem_freep(&seen->shards);
    run_done(&seen->scratch);
    run_done(&seen->fresh);
    *seen = (struct seen){0};
}

/* Asks for the memory that an id's search will read. A search rarely reads more than two lines. */
static inline size_t prefetch(const struct seen_shard *shard, uint64_t id)
{
    if (shard->pages == 0)
        return 0;
    size_t home = home_of(shard, id);
    __builtin_prefetch((const char *)&shard->slots[home]);
    __builtin_prefetch((const char *)&shard->slots[home] + LINE_SIZE);
    return home;
}

/* The same, and what adding it will write. */
static inline void prefetch_to_add(const struct seen_shard *shard, uint64_t id)
{
    if (shard->pages > 0)
        __builtin_prefetch(&tags_of(shard)[prefetch(shard, id)], 1);
}

void seen_check(const struct seen *seen, const struct seen_id ids[], size_t len, bool ret_seen[])
{
    for (size_t i = 0; i < len && i < PREFETCH_AHEAD; i++)
        prefetch(shard_of(seen, ids[i]), ids[i].stored);
    for (size_t i = 0; i < len; i++) {
        if (i + PREFETCH_AHEAD < len)
            prefetch(shard_of(seen, ids[i + PREFETCH_AHEAD]), ids[i + PREFETCH_AHEAD].stored);
        const struct seen_shard *shard = shard_of(seen, ids[i]);
        ret_seen[i] = shard->used > 0 && shard->slots[find(shard, ids[i].stored)] == ids[i].stored;
    }
}

/* Opens a gap at `at` by pushing what stands there to the right; false when the end is reached. */
static bool open_gap(struct seen_shard *shard, size_t at)
{
    uint64_t *slots = shard->slots;
    uint8_t *tags = tags_of(shard);
    size_t gap = at, end = capacity_of(shard->pages) - 1;
    while (slots[gap] != 0)
        gap++;
    if (gap >= end)
        return false;
    memmove(&slots[at + 1], &slots[at], (gap - at) * sizeof *slots);
    memmove(&tags[at + 1], &tags[at], gap - at);
    return true;
}

static void add(struct seen *seen, struct seen_shard *shard, uint64_t id, int64_t tag)
{
    for (;;) {
        size_t at = shard->pages > 0 ? find(shard, id) : 0;
        if (shard->used > 0 && shard->slots[at] == id) {
            if (tag > tag_of(seen, tags_of(shard)[at]))
                tags_of(shard)[at] = (uint8_t)tag;
            return;
        }
        if (shard->pages > 0 && shard->used < used_max(shard->pages) && open_gap(shard, at)) {
            shard->slots[at] = id;
            tags_of(shard)[at] = (uint8_t)tag;
            shard->used++;
            seen->len++;
            return;
        }
        make_room(seen, shard);
        if (tag < seen->horizon)
            return; /* there is no room for ids as old as this one */
    }
}

void seen_add(struct seen *seen, const struct seen_id ids[], size_t len, int64_t appended_ms)
{
    int64_t tag = seen_tag(seen, appended_ms);
    if (tag < seen->horizon)
        return;
    reach(seen, tag);
    for (size_t i = 0; i < len && i < PREFETCH_AHEAD; i++)
        prefetch_to_add(shard_of(seen, ids[i]), ids[i].stored);
    for (size_t i = 0; i < len; i++) {
        if (i + PREFETCH_AHEAD < len)
            prefetch_to_add(shard_of(seen, ids[i + PREFETCH_AHEAD]),
                            ids[i + PREFETCH_AHEAD].stored);
        if (tag >= seen->horizon)
            add(seen, shard_of(seen, ids[i]), ids[i].stored, tag);
    }
    sweep(seen, SWEEP_SHARDS);
}

/* Many at once */

/* Lays the shard out anew with the sorted ids. Its memory is then read and written from one end to
 * the other, which costs far less than to visit a random place in it for each of many. */
static void merge(struct seen *seen, struct seen_shard *shard, int64_t newest)
{
    collect(seen, shard);
    run_merge(&seen->scratch, &seen->fresh, (uint8_t)newest);
    size_t len = seen->scratch.len;
    bool fits = shard->pages > 0 && len <= used_max(shard->pages);
    fill(seen, shard, fits ? shard->pages : pages_for(len));
}

static void add_each(struct seen *seen, struct seen_shard *shard, int64_t newest)
{
    const struct run *fresh = &seen->fresh;
    for (size_t i = 0; i < fresh->len && i < PREFETCH_AHEAD; i++)
        prefetch_to_add(shard, fresh->ids[i]);
    for (size_t i = 0; i < fresh->len; i++) {
        if (i + PREFETCH_AHEAD < fresh->len)
            prefetch_to_add(shard, fresh->ids[i + PREFETCH_AHEAD]);
        int64_t tag = newest - (uint8_t)((uint8_t)newest - fresh->tags[i]);
        if (tag >= seen->horizon)
            add(seen, shard, fresh->ids[i], tag);
    }
}

int64_t seen_tag(const struct seen *seen, int64_t appended_ms)
{
    return floor_div(appended_ms, seen->step_ms);
}

void seen_add_to(struct seen *seen, size_t number, const uint64_t ids[], const uint8_t tags[],
                 size_t len, int64_t newest)
{
    struct seen_shard *shard = &seen->shards[number];
    if (newest < seen->horizon)
        return;
    reach(seen, newest);
    int64_t back = newest - seen->horizon;
    run_sort(&seen->fresh, ids, tags, len, (uint8_t)newest,
             (uint8_t)(back < TAGS ? back : TAGS - 1));
    if (len > shard->used / MERGE_FROM)
        merge(seen, shard, newest);
    else
        add_each(seen, shard, newest);
    sweep(seen, SWEEP_SHARDS);
}

void seen_advance(struct seen *seen, int64_t from_ms)
{
    int64_t tag = floor_div(from_ms, seen->step_ms);
    if (tag <= seen->horizon)
        return;
    seen->horizon = tag;
    reach(seen, tag);
    sweep(seen, SWEEP_SHARDS);
}

int64_t seen_from_ms(const struct seen *seen)
{
    return seen->horizon * seen->step_ms;
}
