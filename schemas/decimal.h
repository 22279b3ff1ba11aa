/* Decimal numbers as text. They are never turned into a double, so no digit is lost.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_DECIMAL_H
#define SCHEMAS_DECIMAL_H
#include "base/mem.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

/* A number taken apart: its digits without the point, and where the point stands among them. */
struct decimal {
    bool negative;
    bool exponent;      /* it was written with one */
    struct slice whole; /* digits before the point, as written */
    struct slice part;  /* digits behind it, as written */
    int64_t point;      /* digits before the point once the exponent is applied; may lie outside of
                           the digits; bounded by DECIMAL_POINT_MAX whatever the text says */
};

enum {
    DECIMAL_POINT_MAX = 1 << 30,
    DECIMAL_TEXT_SIZE = 64, /* of decimal_format: the most digits are whole_max + part_max */
};

/* Reads a JSON number (RFC 8259: no '+', no leading zeros, digits on both sides of the point). The
 * slices point into `text`. False: it is not one. */
bool decimal_parse(struct slice text, struct decimal *ret_decimal) MUST_CHECK;

/* Whether the text is what decimal_format would write of it: a number without exponent, not too
 * long even with the zeros at its end. False tells nothing. */
bool decimal_is_plain(struct slice text, int whole_max, int part_max);

/* The digit at `index`, counted from the first; '0' outside. */
char decimal_digit(const struct decimal *decimal, int64_t index);

/* Writes the number without exponent into `text` and returns it. Digits stay as they were sent,
 * also zeros at the end; those that do not fit into part_max are cut when they are zeros. data is
 * NULL when there are more than whole_max digits before the point (zeros in front not counted) or
 * more than part_max behind it. whole_max + part_max is at most DECIMAL_TEXT_SIZE - 3. */
struct slice decimal_format(const struct decimal *decimal, int whole_max, int part_max,
                            char text[DECIMAL_TEXT_SIZE]);

#endif
