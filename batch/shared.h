/* Texts that many records of a batch have, held once: organizations, customers, codes, values.
 *
 * Each record brings its own bytes of them. These are compared and copied much later, row by row in
 * another order, when they have long left the caches. So each text is looked up here while its
 * record has just been read, and where an equal one came not long ago, the record points to that
 * one's bytes from then on, which stay in the caches.
 *
 * Equal texts may have different bytes all the same; they are compared as ever.
 *
 * Memory: 102 KiB, whatever comes. Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_SHARED_H
#define BATCH_SHARED_H
#include "schemas/record.h"
#include <stdint.h>

enum {
    SHARED_NAMES = 4096,
    SHARED_VALUES = 256, /* of which few come again and again, or hardly any comes twice */
};

struct shared_text {
    struct slice text; /* borrowed */
    uint64_t hash;
};

/* For each hash the text that came last. Zeroed: none. */
struct shared {
    struct shared_text names[SHARED_NAMES];
    struct shared_text values[SHARED_VALUES]; /* apart, so that they do not drive out names */
};

/* Lets the record's texts point to equal ones of earlier records. Those that it keeps are borrowed
 * until the reset. */
void shared_take(struct shared *shared, struct record *record);

void shared_reset(struct shared *shared);

#endif
