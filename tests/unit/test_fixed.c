/* Decimal text to scaled integers. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/fixed.h"
#include "tests/unit/check.h"

static const __int128 unit = (__int128)1000000000000000000; /* 10^18 */

TEST(fixed, scales_exactly)
{
    const struct {
        const char *text;
        unsigned precision, scale;
        __int128 want;
    } rows[] = {
        {"0", 38, 18, 0},
        {"-0.0", 38, 18, 0},
        {"12.50", 38, 18, 12 * unit + unit / 2},
        {"-12.5", 38, 18, -12 * unit - unit / 2},
        {"0.000000000000000001", 38, 18, 1},
        {"1.000", 4, 0, 1},
        {"12.340", 4, 2, 1234},
        {"99.99", 4, 2, 9999},
        {"-0.07", 2, 2, -7},
        {"99999999999999999999.999999999999999999", 38, 18, unit * unit * 100 - 1},
        {"99999999999999999999999999999999999999", 38, 0, unit * unit * 100 - 1},
        {"-99999999999999999999999999999999999999", 38, 0, 1 - unit * unit * 100},
        {"123456789012.00000000000000000000000001", 38, 26,
         ((__int128)123456789012 * unit) * 100000000 + 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        __int128 value = 7;
        struct err err;
        CHECK(
            fixed_parse(slice_from(rows[i].text), rows[i].precision, rows[i].scale, &value, &err));
        CHECK(value == rows[i].want);
    }
}

TEST(fixed, refuses_what_the_type_cannot_keep)
{
    const struct {
        const char *text;
        unsigned precision, scale;
    } rows[] = {
        {"100", 4, 2},
        {"0.001", 4, 2},
        {"10", 1, 0},
        {"0.1", 1, 0},
        {"1", 2, 2},
        {"100000000000000000000", 38, 18},
        {"1.0000000000000000001", 38, 18},
        {"1000000000000", 38, 26},
        {"100000000000000000000000000000000000000", 38, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        __int128 value = 7;
        struct err err;
        CHECK(
            !fixed_parse(slice_from(rows[i].text), rows[i].precision, rows[i].scale, &value, &err));
        CHECK(err.code == ERR_VALUE_OUT_OF_RANGE);
        CHECK(value == 7);
    }
}

TEST(fixed, refuses_what_is_not_a_plain_decimal)
{
    const char *rows[] = {"",    "-",  "+1", ".5",   "5.",  "01",
                          "1e3", "1 ", " 1", "0x10", "nan", "1.2.3"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        __int128 value = 7;
        struct err err;
        CHECK(!fixed_parse(slice_from(rows[i]), 38, 18, &value, &err));
        CHECK(err.code == ERR_VALUE_INVALID);
        CHECK(value == 7);
    }
}

TEST(fixed, wide_ones_have_76_digits)
{
    uint64_t limbs[FIXED_WIDE_LIMBS];
    struct err err;
    CHECK(fixed_parse_wide(SLICE("-1"), 76, 0, limbs, &err));
    for (size_t i = 0; i < FIXED_WIDE_LIMBS; i++)
        CHECK(limbs[i] == UINT64_MAX);
    /* 2^128 */
    CHECK(fixed_parse_wide(SLICE("340282366920938463463374607431768211456"), 76, 0, limbs, &err));
    CHECK(limbs[0] == 0 && limbs[1] == 0 && limbs[2] == 1 && limbs[3] == 0);
    CHECK(fixed_parse_wide(SLICE("0.5"), 76, 76, limbs, &err));
    CHECK(!fixed_parse_wide(SLICE("1"), 76, 76, limbs, &err) && err.code == ERR_VALUE_OUT_OF_RANGE);
}
