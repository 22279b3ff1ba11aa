/* Fixed-point numbers: decimal text to a scaled integer, exactly, never through a double.
 *
 *     fixed_parse(SLICE("12.50"), 38, 18, &value, &err)   value = 12.50 * 10^18
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLICKHOUSE_FIXED_H
#define CLICKHOUSE_FIXED_H
#include "base/err.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

enum {
    FIXED_DIGITS_MAX = 38,      /* of 10^38 - 1, the largest that 128 bits hold */
    FIXED_WIDE_DIGITS_MAX = 76, /* the same of 256 bits */
    FIXED_WIDE_LIMBS = 4,
};

/* Reads a plain decimal ("-12.50", a JSON number without exponent). The result is text * 10^scale,
 * as ClickHouse stores Decimal(precision, scale). Zeros at the end of the fraction are free; any
 * other digit that the type cannot keep is an error, never cut.
 * precision 1 to FIXED_DIGITS_MAX, scale 0 to precision.
 * Errors: VALUE_INVALID (not a plain decimal), VALUE_OUT_OF_RANGE (more digits than the type has).
 */
bool fixed_parse(struct slice text, unsigned precision, unsigned scale, __int128 *ret_value,
                 struct err *reterr) MUST_CHECK;

/* A plain decimal of at most 18 bytes behind the sign, which is nearly every one: its digits as a
 * number, and how many stand before and after the point. False for any other text, right or wrong.
 */
struct fixed_short {
    uint64_t digits; /* below 10^18 */
    bool negative;
    unsigned whole, part;
};
bool fixed_short_read(struct slice text, struct fixed_short *ret_number) MUST_CHECK;

/* The same as fixed_parse with up to FIXED_WIDE_DIGITS_MAX digits: a 256-bit integer in two's
 * complement, in four pieces of 64 bits, the least one first. */
bool fixed_parse_wide(struct slice text, unsigned precision, unsigned scale,
                      uint64_t ret_limbs[FIXED_WIDE_LIMBS], struct err *reterr) MUST_CHECK;

#endif
