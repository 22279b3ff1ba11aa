/* Ids by shard. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "dedup/seen_load.h"
#include "base/mem.h"
#include <sys/mman.h>

enum {
    PAGE_SIZE = 4096,
    VISITS = 4,     /* of a shard, while as many ids come as were announced */
    TAGS_MAX = 255, /* between the oldest and the newest that are gathered */
};

void seen_load_init(struct seen_load *load, struct seen *seen, uint64_t ids)
{
    uint64_t room = ids / SEEN_SHARDS / VISITS;
    room = room < SEEN_LOAD_MIN ? SEEN_LOAD_MIN : room > SEEN_LOAD_MAX ? SEEN_LOAD_MAX : room;
    *load = (struct seen_load){
        .seen = seen,
        .stored = xmalloc(SEEN_SHARDS * room * sizeof *load->stored),
        .tags = xmalloc(SEEN_SHARDS * room),
        .lens = xcalloc(SEEN_SHARDS, sizeof *load->lens),
        .room = (uint32_t)room,
        .appended_ms = INT64_MIN,
        .oldest = INT64_MAX,
        .newest = INT64_MIN,
    };
}

static void flush_shard(struct seen_load *load, size_t shard)
{
    size_t at = shard * load->room;
    seen_add_to(load->seen, shard, load->stored + at, load->tags + at, load->lens[shard],
                load->newest);
    load->lens[shard] = 0;
}

/* Takes the pages that lie within the memory from it, so that what the table takes for these ids
 * does not come on top. What they hold is lost; the memory is still ours. */
static void give_back(void *memory, size_t size)
{
    uintptr_t from = ((uintptr_t)memory + PAGE_SIZE - 1) & ~(uintptr_t)(PAGE_SIZE - 1);
    uintptr_t to = ((uintptr_t)memory + size) & ~(uintptr_t)(PAGE_SIZE - 1);
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_DONTNEED);
}

void seen_load_done(struct seen_load *load)
{
    for (size_t shard = 0; load->seen && shard < SEEN_SHARDS; shard++) {
        if (load->lens[shard] > 0)
            flush_shard(load, shard);
        give_back(load->stored + shard * load->room, load->room * sizeof *load->stored);
    }
    mem_freep(&load->stored);
    mem_freep(&load->tags);
    mem_freep(&load->lens);
    *load = (struct seen_load){.seen = NULL};
}

void seen_load_flush(struct seen_load *load)
{
    for (size_t shard = 0; shard < SEEN_SHARDS; shard++)
        if (load->lens[shard] > 0)
            flush_shard(load, shard);
    load->appended_ms = INT64_MIN;
    load->oldest = INT64_MAX;
    load->newest = INT64_MIN;
}

/* Takes note of another time. What is gathered must be within TAGS_MAX of each other. */
static void turn_to(struct seen_load *load, int64_t appended_ms)
{
    int64_t tag = seen_tag(load->seen, appended_ms);
    bool gathered = load->oldest <= load->newest;
    if (gathered && tag >= load->seen->horizon &&
        (tag - load->oldest > TAGS_MAX || load->newest - tag > TAGS_MAX))
        seen_load_flush(load);
    load->appended_ms = appended_ms;
    load->tag = tag;
}

void seen_load_add(struct seen_load *load, struct seen_id id, int64_t appended_ms)
{
    if (appended_ms != load->appended_ms)
        turn_to(load, appended_ms);
    int64_t tag = load->tag;
    if (tag < load->seen->horizon)
        return;
    load->oldest = tag < load->oldest ? tag : load->oldest;
    load->newest = tag > load->newest ? tag : load->newest;
    size_t shard = id.place % SEEN_SHARDS, at = shard * load->room + load->lens[shard];
    load->stored[at] = id.stored;
    load->tags[at] = (uint8_t)tag;
    if (++load->lens[shard] == load->room)
        flush_shard(load, shard);
}
