/* Sorting and merging. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "dedup/run.h"
#include "base/mem.h"
#include <stdbool.h>
#include <string.h>

void run_done(struct run *run)
{
    mem_freep(&run->ids);
    mem_freep(&run->tags);
    mem_freep(&run->places);
    *run = (struct run){.len = 0};
}

void run_reserve(struct run *run, size_t room)
{
    if (run->room >= room)
        return;
    run->room = room;
    run->ids = xrealloc(run->ids, room * sizeof *run->ids);
    run->tags = xrealloc(run->tags, room);
}

/* Sorting */

/* Zeroes a counter for each place and one more. */
static uint32_t *make_places(struct run *run, size_t len)
{
    if (run->places_room < len + 1) {
        run->places_room = len + 1;
        run->places = xrealloc(run->places, run->places_room * sizeof *run->places);
    }
    memset(run->places, 0, (len + 1) * sizeof *run->places);
    return run->places;
}

/* Ends what was sorted by the highest bits: nearly all stand where they belong. */
static void insertion_sort(struct run *run)
{
    uint64_t *ids = run->ids;
    uint8_t *tags = run->tags;
    for (size_t i = 1; i < run->len; i++) {
        uint64_t id = ids[i];
        uint8_t tag = tags[i];
        size_t at = i;
        for (; at > 0 && ids[at - 1] > id; at--) {
            ids[at] = ids[at - 1];
            tags[at] = tags[at - 1];
        }
        ids[at] = id;
        tags[at] = tag;
    }
}

static bool is_within(uint8_t tag, uint8_t newest, uint8_t back)
{
    return (uint8_t)(newest - tag) <= back;
}

void run_sort(struct run *run, const uint64_t ids[], const uint8_t tags[], size_t len,
              uint8_t newest, uint8_t back)
{
    /* About as many places as ids: some bits from above tell nearly all apart. */
    unsigned bits = 1;
    while (len >> (bits + 1) > 0)
        bits++;
    unsigned shift = 64 - bits;
    size_t places_len = (size_t)1 << bits;
    uint32_t *places = make_places(run, places_len);
    run_reserve(run, len);
    for (size_t i = 0; i < len; i++)
        places[(ids[i] >> shift) + 1] += is_within(tags[i], newest, back);
    for (size_t place = 0; place < places_len; place++)
        places[place + 1] += places[place];
    run->len = places[places_len];
    for (size_t i = 0; i < len; i++) {
        if (!is_within(tags[i], newest, back))
            continue;
        uint32_t to = places[ids[i] >> shift]++;
        run->ids[to] = ids[i];
        run->tags[to] = tags[i];
    }
    insertion_sort(run);
}

/* Merging */

/* Leaves each id once. */
static void unite(struct run *run, uint8_t newest)
{
    size_t kept = 0;
    for (size_t i = 0; i < run->len; i++) {
        if (kept > 0 && run->ids[kept - 1] == run->ids[i]) {
            if ((uint8_t)(newest - run->tags[i]) < (uint8_t)(newest - run->tags[kept - 1]))
                run->tags[kept - 1] = run->tags[i];
            continue;
        }
        run->ids[kept] = run->ids[i];
        run->tags[kept++] = run->tags[i];
    }
    run->len = kept;
}

/* From the back to the front, so that nothing is in its own way. */
void run_merge(struct run *run, const struct run *fresh, uint8_t newest)
{
    run_reserve(run, run->len + fresh->len);
    uint64_t *ids = run->ids;
    uint8_t *tags = run->tags;
    size_t old = run->len, new = fresh->len, equal = 0;
    for (size_t i = 1; i < fresh->len; i++)
        equal += fresh->ids[i - 1] == fresh->ids[i];
    while (old > 0 && new > 0) {
        uint64_t a = ids[old - 1], b = fresh->ids[new - 1];
        uint8_t tag_a = tags[old - 1], tag_b = fresh->tags[new - 1];
        /* Without a branch: which one comes next is as random as the ids. */
        size_t is_old = a > b;
        equal += a == b;
        ids[old + new - 1] = is_old ? a : b;
        tags[old + new - 1] = is_old ? tag_a : tag_b;
        old -= is_old;
        new -= !is_old;
    }
    if (new > 0) {
        memcpy(ids, fresh->ids, new * sizeof *ids);
        memcpy(tags, fresh->tags, new);
    }
    run->len += fresh->len;
    if (equal > 0)
        unite(run, newest);
}
