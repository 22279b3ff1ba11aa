/* Filling a large table quickly: ids are gathered by shard and added many to a shard at a time, so
 * that the memory of one shard is worked on while the caches have it.
 *
 *     seen_load_init(&load, &seen);
 *     … seen_load_add(&load, id, appended_ms) …   // best in the order of appended_ms
 *     seen_load_done(&load);                      // adds what is still gathered
 *
 * Memory: 4 MiB until done. Threads: as the table. SPDX-License-Identifier: Apache-2.0 */
#ifndef DEDUP_SEEN_LOAD_H
#define DEDUP_SEEN_LOAD_H
#include "dedup/seen.h"

enum { SEEN_LOAD_LEN = 256 }; /* ids gathered for a shard */

struct seen_load {
    struct seen *seen;                    /* borrowed */
    struct seen_id (*ids)[SEEN_LOAD_LEN]; /* by shard; owned */
    uint16_t *lens;                       /* by shard; owned */
    int64_t appended_ms;                  /* of all that is gathered */
};

void seen_load_init(struct seen_load *load, struct seen *seen);
void seen_load_done(struct seen_load *load);

/* As seen_add. A time is rounded up by a 200th of the window at most: ids stay that much longer. */
void seen_load_add(struct seen_load *load, struct seen_id id, int64_t appended_ms);

#endif
