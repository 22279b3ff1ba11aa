/* An event's identity as it is remembered: 128 bits of a keyed hash of organization and
 * transaction id.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef DEDUP_SEEN_ID_H
#define DEDUP_SEEN_ID_H
#include "base/slice.h"
#include "dedup/siphash.h"
#include <stdint.h>

/* The secret of an installation. With another one every id is another. */
struct seen_key {
    uint8_t secret[SIPHASH_KEY_SIZE];
    uint64_t id; /* tells keys apart, and nothing of the secret */
};

/* 64 bits are stored; which part of the table they are stored in comes from the other 64 (of which
 * 16 are kept, for a table of any size). Two ids that are not equal are taken for each other only
 * when both parts agree. */
struct seen_id {
    uint64_t stored; /* never 0 */
    uint16_t place;
};

void seen_key_init(struct seen_key *key, const uint8_t secret[SIPHASH_KEY_SIZE]);

/* Both texts are hashed with their sizes before them: ("a","bc") and ("ab","c") differ. */
struct seen_id seen_id_of(const struct seen_key *key, struct slice organization_id,
                          struct slice transaction_id);

#endif
