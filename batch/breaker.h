/* The breaker: a bad deploy must not turn the topic into dead letters. When too large a share of
 * what was read lately becomes dead letters, the lane stops before the next batch is announced:
 * nothing of it has happened yet, and a writer that can read the records takes up where this one
 * stopped.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_BREAKER_H
#define BATCH_BREAKER_H
#include "base/err.h"
#include <stdint.h>

struct breaker_limits {
    int64_t share;     /* percent of the records of the window; 100: the breaker never acts */
    int64_t count;     /* fewer dead letters than this never stop anything */
    int64_t window_ms; /* how far back batches count */
};

struct breaker_counts {
    int64_t records; /* read, the next batch among them */
    int64_t dead;    /* of them, dead letters that the breaker counts (batch/fate_reasons.def) */
};

/* Errors: DEAD_LETTERS. */
bool breaker_holds(const struct breaker_limits *limits, const struct breaker_counts *counts,
                   struct err *reterr) MUST_CHECK;

#endif
