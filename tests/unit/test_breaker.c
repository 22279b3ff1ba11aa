/* The breaker's rule. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/breaker.h"
#include "tests/unit/check.h"

TEST(breaker, acts_when_both_share_and_count_are_reached)
{
    const struct {
        int64_t share, count, records, dead;
        bool holds;
    } rows[] = {
        {10, 100, 1000, 0, true},   {10, 100, 1000, 100, true}, {10, 100, 1000, 101, false},
        {10, 100, 100, 99, true}, /* too few */
        {10, 100, 100, 100, false}, {0, 1, 1000000, 1, false},  {100, 1, 100, 100, true},
        {99, 1, 100, 100, false},   {10, 1, 9, 1, false},       {10, 1, 10, 1, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct breaker_limits limits = {rows[i].share, rows[i].count, 60000};
        const struct breaker_counts counts = {rows[i].records, rows[i].dead};
        struct err err;
        bool holds = breaker_holds(&limits, &counts, &err);
        CHECK(holds == rows[i].holds);
        CHECK(holds || err.code == ERR_DEAD_LETTERS);
    }
}
