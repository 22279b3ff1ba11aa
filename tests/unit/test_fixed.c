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

/* Short texts have a way of their own: each digit count, with and without a sign and a fraction. */
TEST(fixed, short_texts_are_as_long_ones)
{
    static const char digits[] = "9081726354098172635";
    char text[64];
    struct err err;
    for (int size = 1; size <= 19; size++) {
        for (int point = 1; point <= size; point++) {
            for (int negative = 0; negative < 2; negative++) {
                __int128 value;
                uint64_t wide[FIXED_WIDE_LIMBS];
                bool has_part = point < size;
                snprintf(text, sizeof text, "%s%.*s%s%.*s", negative ? "-" : "", point, digits,
                         has_part ? "." : "", size - point, digits + point);
                bool good = fixed_parse(slice_from(text), 38, 18, &value, &err);
                CHECK(good == fixed_parse_wide(slice_from(text), 38, 18, wide, &err));
                CHECK(!good ||
                      (unsigned __int128)value == ((unsigned __int128)wide[1] << 64 | wide[0]));
            }
        }
    }
    static const char *const wrong[] = {"",   "-",    ".5",  "5.", "-.5", "00",  "01.5", "--1",
                                        "1-", "1.2.", "1,5", "+1", " 1",  "1e3", "0x1",  "1\n"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct fixed_short number;
        CHECK(!fixed_short_read(slice_from(wrong[i]), &number));
    }
}
