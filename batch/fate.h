/* What becomes of a record: decided once, in reading order, before the intent, and pinned there.
 *
 *     fate_decide(&row, columns, arena);    what the record by itself says: stored or dead letter
 *     …                                     what was seen before can make it a duplicate
 *     fates_pin(…)                          batch/fates.h: into the intent
 *
 * The decision depends on the record's bytes and the table's columns alone. A duplicate is one
 * whatever else is wrong with it: whoever finds that a row's transaction_id is known already sets
 * the row's fate to FATE_DUPLICATE, stored or dead letter as it may be. Only what is stored may be
 * remembered as seen.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_FATE_H
#define BATCH_FATE_H
#include "base/arena.h"
#include "batch/columns.h"

/* Reads row->message and fills in the rest. `columns`: of the table. */
void fate_decide(struct row *row, const struct columns *columns, struct arena *arena);

/* Whose record it is: what it says or, when it cannot be read, its key; size 0 when that is no
 * organization either. */
struct slice fate_organization(const struct row *row);

/* The code of a reason, as "record_invalid"; "" for none. */
const char *fate_reason_code(enum fate_reason reason);
/* The reason of a code; FATE_NO_REASON when there is none. */
enum fate_reason fate_reason_of(struct slice code);
const char *fate_reason_title(enum fate_reason reason);
/* Whether the breaker counts it. */
bool fate_reason_counts(enum fate_reason reason);

#endif
