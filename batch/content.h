/* Whether two events with one identity are one event: what a retry repeats, and what it does not.
 *
 * Left out are ingested_at, and a timestamp that the event did not have: the server then took the
 * time of receipt, so that both are equal in its record.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_CONTENT_H
#define BATCH_CONTENT_H
#include "schemas/record.h"

/* The timestamp is the time of receipt. */
bool content_is_timeless(const struct record *record);

/* What is left out besides. */
enum content_part {
    CONTENT_WHOLE,
    CONTENT_WITHOUT_SUBSCRIPTION, /* where external_subscription_id is not kept */
};

/* Values are compared by what they are worth, everything else byte by byte. */
bool content_equal(const struct record *record, const struct record *first, enum content_part part);

#endif
