/* What counting a block's rows means. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/read_back.h"
#include "tests/unit/check.h"

TEST(read_back, judges_counts)
{
    const struct {
        int64_t rows, count, places;
        bool replaces;
        enum read_back want;
    } table[] = {
        {5, 0, 0, true, READ_BACK_NONE},
        {5, 0, 0, false, READ_BACK_NONE},
        {5, 5, 5, true, READ_BACK_LANDED},
        {5, 5, 5, false, READ_BACK_LANDED},
        /* A merge replaced rows whose key came again. */
        {5, 3, 3, true, READ_BACK_LANDED},
        {5, 3, 3, false, READ_BACK_WRONG},
        /* Twice, or more than was sent. */
        {5, 6, 6, true, READ_BACK_WRONG},
        {5, 10, 5, true, READ_BACK_WRONG},
        {5, 5, 4, true, READ_BACK_WRONG},
        {5, 4, 3, true, READ_BACK_WRONG},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        CHECK(read_back_judge(table[i].rows, table[i].count, table[i].places, table[i].replaces) ==
              table[i].want);
}
