/* Exact comparison of numbers by their decimal text, of any length and with any exponent; never a
 * double. All costs grow with the bytes of the texts and not with what the exponents say: exponents
 * beyond DECIMAL_POINT_MAX count as that.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_NUMBER_H
#define SCHEMAS_NUMBER_H
#include "schemas/decimal.h"
#include <stdbool.h>
#include <stdint.h>

/* digits × 10^exponent, with no zero at either end of the digits. */
struct number {
    struct decimal decimal;
    int64_t first, last; /* the digits that count: [first, last) of the decimal's; none is zero */
    int64_t exponent;    /* of the last digit */
};

enum { NUMBER_DIVISOR_DIGITS = 18 };

/* Reads a valid JSON number; the slices point into `text`. */
struct number number_read(struct slice text);

/* Below 0, 0 or above 0. */
int number_compare(const struct number *a, const struct number *b);

/* Whether it has no fraction: 1.0 and 10e-1 are integers too. */
bool number_is_integer(const struct number *number);

/* Whether `divisor` can be one: above zero, at most NUMBER_DIVISOR_DIGITS digits that count. */
bool number_is_divisor(const struct number *divisor);

/* Whether the number is a whole multiple of a divisor that number_is_divisor takes. */
bool number_is_multiple(const struct number *number, const struct number *divisor);

/* The number as a count, for minLength and its like: false when it is negative, no integer or above
 * `max`. */
bool number_to_count(const struct number *number, uint64_t max, uint64_t *ret_count);

/* Equal numbers have equal hashes. */
uint64_t number_hash(const struct number *number);

#endif
