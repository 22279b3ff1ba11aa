/* The ids that a lane has seen lately: a set of seen_id, each with the time it was appended to the
 * log, held in about ten bytes an id.
 *
 *     seen_init(&seen, window_ms, max_size, from_ms);
 *     seen_check(&seen, ids, len, known);        // a batch at a time: look-ups overlap
 *     seen_add(&seen, ids, len, appended_ms);
 *     seen_advance(&seen, from_ms);              // what was appended before is no longer wanted
 *
 * Ids live in 1,024 shards, chosen by seen_id.place; within a shard they are compared by all 64
 * stored bits. An id that was never added is taken for a known one with a probability of (ids held)
 * / 2^74: with 100 million ids and 10,000 checks a second, once in about 600 years.
 *
 * A shard is an array in ascending order with gaps, and grows by an eighth; so growth and the
 * dropping of what is too old touch one shard at a time (100,000 ids of 100 million; half a ms).
 *
 * Memory: `size` counts it, to the page. 10 to 12 bytes an id from three million ids on, growth
 * included; before that a page a shard (4 MiB) or some. It never exceeds the cap: instead
 * the oldest ids are dropped early, and seen_from_ms tells from when on nothing is missing.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef DEDUP_SEEN_H
#define DEDUP_SEEN_H
#include "dedup/run.h"
#include "dedup/seen_id.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SEEN_SHARDS = 1024,
    SEEN_TAGS_PER_WINDOW = 200, /* how finely times are told apart */
    SEEN_SIZE_MIN = 16 << 20,   /* of the cap */
};

struct seen_shard {
    uint64_t *slots; /* ascending, 0: empty; the last one stays empty. A tag each behind them */
    uint32_t pages;  /* of memory at `slots` */
    uint32_t used;
};

struct seen {
    struct seen_shard *shards; /* owned */
    int64_t step_ms;           /* of a tag */
    uint32_t pages_max;        /* of a shard */
    uint64_t size;             /* bytes of memory */
    uint64_t len;              /* ids held */
    int64_t newest;            /* tag */
    int64_t horizon;           /* ids of older tags are dropped when their shard is touched */
    int64_t swept;             /* no id of an older tag is left */
    int64_t sweep_to;          /* what `swept` becomes when the pass that goes on has ended */
    size_t sweep_at;           /* shard where it goes on; SEEN_SHARDS: none goes on */
    struct run scratch;        /* the ids of one shard, while it is laid out anew */
    struct run fresh;          /* that come in many at once */
};

/* `window_ms`: for how long ids are wanted, which sets how finely times are kept (a 200th).
 * `max_size`: bytes of memory at most, at least SEEN_SIZE_MIN. `from_ms`: nothing appended before
 * is wanted. */
void seen_init(struct seen *seen, int64_t window_ms, uint64_t max_size, int64_t from_ms);
void seen_done(struct seen *seen); /* a zeroed one is fine */

/* ret_seen[i]: ids[i] was added, and not yet dropped. */
void seen_check(const struct seen *seen, const struct seen_id ids[], size_t len, bool ret_seen[]);

/* Adds ids that were appended to the log at that time; ids that are too old are left out. One that
 * is there keeps the later of its times. */
void seen_add(struct seen *seen, const struct seen_id ids[], size_t len, int64_t appended_ms);

/* Ids appended before from_ms are no longer wanted. Never goes back. They leave little by little:
 * an id may be found for up to a tenth of the window longer. */
void seen_advance(struct seen *seen, int64_t from_ms);

/* Every id that was appended since then, and added, is held. */
int64_t seen_from_ms(const struct seen *seen);

/* For seen_load.c: the tag of a time, and adding many ids to one shard (seen_id.place modulo
 * SEEN_SHARDS). tags[i] is the lowest byte of a tag, all of which are within 255 of `newest`. */
int64_t seen_tag(const struct seen *seen, int64_t appended_ms);
void seen_add_to(struct seen *seen, size_t shard, const uint64_t ids[], const uint8_t tags[],
                 size_t len, int64_t newest);

#endif
