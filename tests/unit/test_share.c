/* Fair shares of lanes. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/unit/check.h"
#include "ledger/share.h"
#include <string.h>

enum { LANES_MAX = 12, WRITERS_MAX = 5 };

TEST(share, quotas_are_equal_and_together_all_lanes)
{
    unsigned seed = 1;
    for (int round = 0; round < 2000; round++) {
        seed = seed * 1664525u + 1013904223u;
        size_t writers = 1 + (seed >> 8) % WRITERS_MAX, lanes = 1 + (seed >> 16) % LANES_MAX;
        size_t held[WRITERS_MAX] = {0}, sum = 0;
        for (size_t i = 0; i < lanes; i++)
            held[(seed >> (i % 24)) % writers]++;
        for (size_t i = 0; i < writers; i++) {
            size_t quota = share_quota(held, writers, i, lanes);
            CHECK(quota >= lanes / writers && quota <= (lanes + writers - 1) / writers);
            sum += quota;
        }
        CHECK(sum == lanes);
    }
}

TEST(share, who_has_the_most_keeps_the_most)
{
    const size_t held[] = {1, 2, 0};
    CHECK(share_quota(held, 3, 0, 4) == 1);
    CHECK(share_quota(held, 3, 1, 4) == 2);
    CHECK(share_quota(held, 3, 2, 4) == 1);
    const size_t equal[] = {0, 0, 0};
    CHECK(share_quota(equal, 3, 0, 4) == 2 && share_quota(equal, 3, 2, 4) == 1);
}

TEST(share, decides)
{
    enum { F = SHARE_FREE, S = SHARE_STRANGER };
    const struct {
        const char *what;
        size_t lanes, writers, me;
        int owners[4];
        bool wanted[4], want[4];
    } table[] = {
        {"alone: all", 4, 1, 0, {F, F, F, F}, {0}, {1, 1, 1, 1}},
        {"two begin: each its half", 4, 2, 0, {F, F, F, F}, {0}, {1, 1, 0, 0}},
        {"two begin: each its half", 4, 2, 1, {F, F, F, F}, {0}, {0, 0, 1, 1}},
        {"a second one comes", 4, 2, 0, {0, 0, 0, 0}, {1, 1, 1, 1}, {1, 1, 0, 0}},
        {"nothing is free yet", 4, 2, 1, {0, 0, 0, 0}, {0}, {0}},
        {"what was given up", 4, 2, 1, {0, 0, 0, F}, {0}, {0, 0, 0, 1}},
        {"no more than a share", 4, 2, 1, {0, F, F, F}, {0}, {0, 0, 1, 1}},
        {"a third one comes", 4, 3, 0, {0, 0, 1, 1}, {1, 1, 0, 0}, {1, 1, 0, 0}},
        {"a third one comes", 4, 3, 1, {0, 0, 1, 1}, {0, 0, 1, 1}, {0, 0, 1, 0}},
        {"what is left over goes to one", 4, 3, 0, {0, F, 1, 1}, {1, 0, 0, 0}, {1, 0, 0, 0}},
        {"what is left over goes to one", 4, 3, 2, {0, F, 1, 1}, {0}, {0, 1, 0, 0}},
        {"another one was faster", 2, 2, 0, {1, F}, {1, 0}, {0, 1}},
        {"a stranger still has it", 2, 1, 0, {S, F}, {0}, {0, 1}},
        {"what is being given up stays so", 2, 2, 0, {0, 0}, {1, 0}, {1, 0}},
        {"what is not owned yet is dropped first", 2, 2, 0, {F, 0}, {1, 1}, {0, 1}},
        {"more writers than lanes", 1, 3, 1, {0}, {0}, {0}},
        {"the lane of one that left", 1, 2, 1, {F}, {0}, {0}},
        {"the lane of one that left", 1, 2, 0, {F}, {0}, {1}},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        bool wanted[4];
        memcpy(wanted, table[i].wanted, sizeof wanted);
        share_decide(table[i].owners, table[i].lanes, table[i].writers, table[i].me, wanted);
        CHECK(memcmp(wanted, table[i].want, sizeof wanted) == 0);
    }
}

/* One round: everybody decides, gives up what it no longer wants and takes what is free, in some
 * order. Returns how many lanes changed hands. */
static int play(int owners[], size_t lanes, size_t writers, unsigned seed)
{
    int moves = 0;
    for (size_t turn = 0; turn < writers; turn++) {
        size_t me = (turn + seed) % writers;
        bool wanted[LANES_MAX];
        for (size_t i = 0; i < lanes; i++)
            wanted[i] = owners[i] == (int)me;
        share_decide(owners, lanes, writers, me, wanted);
        for (size_t i = 0; i < lanes; i++) {
            int before = owners[i];
            if (wanted[i] && before == SHARE_FREE)
                owners[i] = (int)me;
            else if (!wanted[i] && before == (int)me)
                owners[i] = SHARE_FREE;
            moves += owners[i] != before;
        }
    }
    return moves;
}

/* From any beginning: after a few rounds all lanes are owned, evenly, and nothing moves. */
TEST(share, comes_to_rest_evenly)
{
    unsigned seed = 7;
    for (int round = 0; round < 2000; round++) {
        seed = seed * 1664525u + 1013904223u;
        size_t writers = 1 + (seed >> 8) % WRITERS_MAX, lanes = 1 + (seed >> 16) % LANES_MAX;
        int owners[LANES_MAX];
        for (size_t i = 0; i < lanes; i++)
            owners[i] = (int)((seed >> (i + 3)) % (writers + 1)) - 1;
        for (int i = 0; i < 4; i++)
            play(owners, lanes, writers, seed + (unsigned)i);
        CHECK(play(owners, lanes, writers, seed) == 0);
        size_t held[WRITERS_MAX] = {0};
        for (size_t i = 0; i < lanes; i++) {
            CHECK(owners[i] >= 0);
            held[owners[i]]++;
        }
        for (size_t i = 0; i < writers; i++)
            CHECK(held[i] >= lanes / writers && held[i] <= (lanes + writers - 1) / writers);
    }
}
