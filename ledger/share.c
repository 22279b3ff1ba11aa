/* Fair shares. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ledger/share.h"
#include "base/mem.h"

size_t share_quota(const size_t held[], size_t writers, size_t me, size_t lanes)
{
    size_t before = 0; /* writers that come before this one when what is left over is dealt out */
    for (size_t i = 0; i < writers; i++)
        before += held[i] > held[me] || (held[i] == held[me] && i < me);
    return lanes / writers + (before < lanes % writers);
}

/* Gives up `count` lanes, the last first: those that are not owned yet before those that are. */
static void drop(const int owners[], size_t lanes, size_t count, bool wanted[])
{
    for (int owned = 0; owned < 2; owned++)
        for (size_t i = lanes; i-- > 0 && count > 0;)
            if (wanted[i] && (owners[i] != SHARE_FREE) == owned) {
                wanted[i] = false;
                count--;
            }
}

/* Wants `count` free lanes more. Writers begin at different ones, so that they seldom meet. */
static void take(const int owners[], size_t lanes, size_t first, size_t count, bool wanted[])
{
    for (size_t i = 0; i < lanes && count > 0; i++) {
        size_t lane = (first + i) % lanes;
        if (!wanted[lane] && owners[lane] == SHARE_FREE) {
            wanted[lane] = true;
            count--;
        }
    }
}

void share_decide(const int owners[], size_t lanes, size_t writers, size_t me, bool wanted[])
{
    CLEANUP(mem_freep) size_t *held = xcalloc(writers, sizeof *held);
    for (size_t i = 0; i < lanes; i++) {
        bool mine = owners[i] == SHARE_FREE || owners[i] == (int)me;
        wanted[i] = wanted[i] && mine;
        if (wanted[i])
            held[me]++;
        else if (owners[i] >= 0 && owners[i] != (int)me)
            held[owners[i]]++;
    }
    size_t quota = share_quota(held, writers, me, lanes);
    if (held[me] > quota)
        drop(owners, lanes, held[me] - quota, wanted);
    else
        take(owners, lanes, me * lanes / writers, quota - held[me], wanted);
}
