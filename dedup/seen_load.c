/* Ids by shard. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "dedup/seen_load.h"
#include "base/mem.h"

void seen_load_init(struct seen_load *load, struct seen *seen)
{
    *load = (struct seen_load){
        .seen = seen,
        .ids = xcalloc(SEEN_SHARDS, sizeof *load->ids),
        .lens = xcalloc(SEEN_SHARDS, sizeof *load->lens),
    };
}

static void add_shard(struct seen_load *load, size_t shard)
{
    seen_add(load->seen, load->ids[shard], load->lens[shard], load->appended_ms);
    load->lens[shard] = 0;
}

static void add_all(struct seen_load *load)
{
    for (size_t shard = 0; shard < SEEN_SHARDS; shard++)
        if (load->lens[shard] > 0)
            add_shard(load, shard);
}

void seen_load_done(struct seen_load *load)
{
    add_all(load);
    mem_freep(&load->ids);
    mem_freep(&load->lens);
}

void seen_load_add(struct seen_load *load, struct seen_id id, int64_t appended_ms)
{
    int64_t step_ms = load->seen->step_ms, end_ms = (appended_ms / step_ms + 1) * step_ms;
    if (end_ms != load->appended_ms) {
        add_all(load);
        load->appended_ms = end_ms;
    }
    size_t shard = id.place % SEEN_SHARDS;
    load->ids[shard][load->lens[shard]++] = id;
    if (load->lens[shard] == SEEN_LOAD_LEN)
        add_shard(load, shard);
}
