/* Dead letters of a batch: what is kept of records that cannot be stored, until the transaction
 * that completes the batch writes it down.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_DEAD_H
#define BATCH_DEAD_H
#include "base/arena.h"
#include "batch/row.h"

struct dead_letter {
    uint32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* LogAppendTime */
    enum fate_reason reason;
    struct slice detail;          /* all slices in the arena; size 0: nothing to say */
    struct slice organization_id; /* size 0: it cannot be read */
    struct slice key;
    struct slice value;
};

struct dead_letters {
    struct dead_letter *list; /* owned */
    size_t len, capacity;
};

void dead_letters_done(struct dead_letters *letters); /* a zeroed one is fine */

/* Copies what is kept of the row, whose fate is FATE_DEAD. Errors: OVERLOADED beyond the arena's
 * cap. */
bool dead_letters_add(struct dead_letters *letters, const struct row *row, struct arena *arena,
                      struct err *reterr) MUST_CHECK;

#endif
