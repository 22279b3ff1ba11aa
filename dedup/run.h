/* Ids in ascending order, with a byte each that says when they were added: what a shard of the
 * table is taken apart into, and laid out from.
 *
 * The byte is the lowest of a tag (seen.c). Of two ids that are equal the one stays whose byte is
 * less far back from `newest`.
 *
 * Memory: kept from one use to the next. Threads: one at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DEDUP_RUN_H
#define DEDUP_RUN_H
#include <stddef.h>
#include <stdint.h>

struct run {
    uint64_t *ids; /* owned */
    uint8_t *tags; /* owned */
    size_t len;
    size_t room;
    uint32_t *places; /* of run_sort; owned */
    size_t places_room;
};

void run_done(struct run *run); /* a zeroed one is fine */

/* Room for that many ids in all. */
void run_reserve(struct run *run, size_t room);

/* Replaces what is in the run by these ids, sorted, without those whose byte is more than `back`
 * before `newest`. Ids are taken to be spread evenly. */
void run_sort(struct run *run, const uint64_t ids[], const uint8_t tags[], size_t len,
              uint8_t newest, uint8_t back);

/* Adds what is in `fresh`. */
void run_merge(struct run *run, const struct run *fresh, uint8_t newest);

#endif
