/* The rows of a block as numbers that sort as the rows do, as far as 64 bits reach.
 *
 * Comparing two rows reads up to a dozen places of memory, and sorting compares each row with some
 * seventeen others. A number is made once for each row instead, part by part of the key: of texts
 * the rank among those that occur, or their first bytes behind what all begin with when nearly
 * every row has another; of times and numbers the distance from the smallest.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_ORDER_KEYS_H
#define BATCH_ORDER_KEYS_H
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

struct row;

struct order_key {
    uint64_t number;
    const struct row *row;
};

/* Numbers in the making. */
struct order_keys {
    struct order_key *keys; /* borrowed; number is 0 at first */
    size_t len;
    unsigned bits; /* used of each number, at most 64; the first part has the highest of them */
};

/* Appends a part of which `values` are the rows' values (in the order of the keys). False: not all
 * of it, and so nothing that comes behind it, has room. */
bool order_keys_add_numbers(struct order_keys *keys, const uint64_t values[]);
bool order_keys_add_texts(struct order_keys *keys, const struct slice texts[]);

/* Sorts by number; keys of equal numbers stay in their order. */
void order_keys_sort(struct order_keys *keys);

#endif
