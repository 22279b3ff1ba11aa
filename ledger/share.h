/* Which lanes a writer should work on, from who owns which now.
 *
 * Each writer decides for itself, from what all of them read in PostgreSQL. Who has the most lanes
 * keeps the most, so that as few as possible change hands; a lane is given up by its owner and
 * never taken away. Writers that see different things for a moment can at worst want the same free
 * lane; then one of them gets it.
 *
 * Pure. Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef LEDGER_SHARE_H
#define LEDGER_SHARE_H
#include <stdbool.h>
#include <stddef.h>

enum {
    SHARE_FREE = -1,     /* nobody owns the lane */
    SHARE_STRANGER = -2, /* a writer that takes part no longer; it stops, or its lease runs out */
};

/* How many of `lanes` the writer `me` should have: an equal share, and one of those left over if
 * it is among those that hold the most (`held`, by writer). All shares together are all lanes. */
size_t share_quota(const size_t held[], size_t writers, size_t me, size_t lanes);

/* `owners[i]`: the writer that owns lane i, or one of the above; writers are numbered the same way
 * by everybody. `wanted[i]`: the writer `me` works on lane i or is about to; changed to what it
 * should be. */
void share_decide(const int owners[], size_t lanes, size_t writers, size_t me, bool wanted[]);

#endif
