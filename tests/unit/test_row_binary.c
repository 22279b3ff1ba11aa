/* Answers of texts. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/row_binary.h"
#include "tests/unit/check.h"

TEST(row_binary, reads_texts_one_after_the_other)
{
    static char bytes[400] = "\x02"
                             "ab"
                             "\x00"
                             "\xac\x02"; /* ab, nothing, and 300 bytes */
    struct slice rest = {bytes, 1 + 2 + 1 + 2 + 300}, text;
    CHECK(row_binary_text(&rest, &text) && slice_equal(text, SLICE("ab")));
    CHECK(row_binary_text(&rest, &text) && text.size == 0);
    CHECK(row_binary_text(&rest, &text) && text.size == 300 && rest.size == 0);
    CHECK(!row_binary_text(&rest, &text));
}

TEST(row_binary, does_not_read_beyond_the_end)
{
    static const struct slice cut[] = {SLICE("\x01"),
                                       SLICE("\x05"
                                             "abcd"),
                                       SLICE("\x80"), SLICE("\xff\xff\xff\xff\xff\xff"),
                                       SLICE("\xff\xff\xff\xff\x07"
                                             "a")};
    for (size_t i = 0; i < ARRAY_LEN(cut); i++) {
        struct slice rest = cut[i], text;
        CHECK(!row_binary_text(&rest, &text));
    }
}

TEST(row_binary, reads_numbers)
{
    struct slice rest = SLICE("\x02-7\x14"
                              "18446744073709551615\x14"
                              "18446744073709551616");
    int64_t number;
    uint64_t large;
    CHECK(row_binary_i64(&rest, &number) && number == -7);
    CHECK(row_binary_u64(&rest, &large) && large == UINT64_MAX);
    CHECK(!row_binary_u64(&rest, &large));
    static const struct slice bad[] = {SLICE("\x00"), SLICE("\x01x"),
                                       SLICE("\x02"
                                             "1x")};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        rest = bad[i];
        CHECK(!row_binary_i64(&rest, &number));
    }
    rest = SLICE("\x02-1");
    CHECK(!row_binary_u64(&rest, &large));
}
