/* When two JSON values are the same: numbers by what they are worth (1, 1.0 and 10e-1), texts
 * without their escapes, objects whatever the order of their members.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_EQUAL_H
#define SCHEMAS_EQUAL_H
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

/* Both are valid JSON values. `work` is lessened by the bytes that are looked at; once it is below
 * zero the answer is false and means nothing. */
bool equal_values(struct slice a, struct slice b, int64_t *work);

/* Equal values have equal hashes. Callers can choose values that collide, so a hash only saves
 * comparisons and never stands for one. */
uint64_t equal_hash(struct slice value);

#endif
