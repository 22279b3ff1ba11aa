/* Adding many ids quickly: they are gathered by shard and added many to a shard at a time, so that
 * the memory of one shard is worked on while the caches have it.
 *
 *     seen_load_init(&load, &seen, about_so_many);
 *     … seen_load_add(&load, id, appended_ms) …   // best in the order of appended_ms
 *     seen_load_flush(&load);                     // adds what is gathered
 *     seen_load_done(&load);                      // the same, and ends
 *
 * Memory: 2.25 bytes for each of `ids`, but 1.1 MiB at least and 144 MiB at most.
 * Threads: as the table. SPDX-License-Identifier: Apache-2.0 */
#ifndef DEDUP_SEEN_LOAD_H
#define DEDUP_SEEN_LOAD_H
#include "dedup/seen.h"

enum {
    /* Ids gathered for a shard. */
    SEEN_LOAD_MIN = 128,
    SEEN_LOAD_MAX = 16384,
};

struct seen_load {
    struct seen *seen; /* borrowed */
    uint64_t *stored;  /* `room` for each shard; owned */
    uint8_t *tags;     /* the same; owned */
    uint32_t *lens;    /* by shard; owned */
    uint32_t room;
    int64_t appended_ms; /* of the latest id, and its tag */
    int64_t tag;
    int64_t oldest, newest; /* tags of what is gathered */
};

/* `ids`: about how many will come until the next flush; 0: no idea. */
void seen_load_init(struct seen_load *load, struct seen *seen, uint64_t ids);
void seen_load_done(
    struct seen_load *load); /* what was not flushed is lost. A zeroed one is fine */

/* As seen_add, at the next flush at the latest. */
void seen_load_add(struct seen_load *load, struct seen_id id, int64_t appended_ms);
void seen_load_flush(struct seen_load *load);

#endif
