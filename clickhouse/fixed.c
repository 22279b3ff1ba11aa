/* Decimal text to a scaled integer. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/fixed.h"
#include "base/assert.h"
#include "schemas/decimal.h"

enum {
    SHOWN_MAX = 60, /* bytes of a wrong value in an error's text */
    STEP_MAX = 18,  /* digits at a time; 10^18 fits 64 bits */
};

static const uint64_t powers_of_ten[STEP_MAX + 1] = {
    1u,
    10u,
    100u,
    1000u,
    10000u,
    100000u,
    1000000u,
    10000000u,
    100000000u,
    1000000000u,
    10000000000u,
    100000000000u,
    1000000000000u,
    10000000000000u,
    100000000000000u,
    1000000000000000u,
    10000000000000000u,
    100000000000000000u,
    1000000000000000000u,
};

/* Takes the text apart and drops the zeros that mean nothing. */
static bool read_digits(struct slice text, unsigned precision, unsigned scale,
                        struct decimal *ret_number, struct err *reterr)
{
    struct decimal number;
    if (!decimal_parse(text, &number) || number.exponent)
        return err_set(reterr, ERR_VALUE_INVALID, "'%.*s' is not a plain decimal number",
                       text.size > SHOWN_MAX ? SHOWN_MAX : (int)text.size,
                       text.data ? text.data : "");
    struct slice whole = number.whole, part = number.part;
    while (whole.size > 0 && whole.data[0] == '0')
        whole = (struct slice){whole.data + 1, whole.size - 1};
    while (part.size > 0 && part.data[part.size - 1] == '0')
        part.size--;
    if (whole.size > precision - scale || part.size > scale)
        return err_set(reterr, ERR_VALUE_OUT_OF_RANGE,
                       "%zu digits before and %zu after the point do not fit Decimal(%u, %u)",
                       whole.size, part.size, precision, scale);
    number.whole = whole;
    number.part = part;
    *ret_number = number;
    return true;
}

/* limbs = limbs * 10^digits + added */
static void shift_in(uint64_t limbs[], size_t limbs_len, size_t digits, uint64_t added)
{
    unsigned __int128 carry = added;
    for (size_t i = 0; i < limbs_len; i++, carry >>= 64) {
        carry += (unsigned __int128)limbs[i] * powers_of_ten[digits];
        limbs[i] = (uint64_t)carry;
    }
}

static void shift_in_digits(uint64_t limbs[], size_t limbs_len, struct slice digits)
{
    while (digits.size > 0) {
        size_t step = digits.size < STEP_MAX ? digits.size : STEP_MAX;
        uint64_t value = 0;
        for (size_t i = 0; i < step; i++)
            value = value * 10 + (uint64_t)(digits.data[i] - '0');
        shift_in(limbs, limbs_len, step, value);
        digits = (struct slice){digits.data + step, digits.size - step};
    }
}

static void negate(uint64_t limbs[], size_t limbs_len)
{
    unsigned __int128 carry = 1;
    for (size_t i = 0; i < limbs_len; i++, carry >>= 64) {
        carry += ~limbs[i];
        limbs[i] = (uint64_t)carry;
    }
}

/* The digits fit `limbs`, so nothing here can overflow. */
static void assemble(const struct decimal *number, unsigned scale, uint64_t limbs[],
                     size_t limbs_len)
{
    memset(limbs, 0, limbs_len * sizeof *limbs);
    shift_in_digits(limbs, limbs_len, number->whole);
    shift_in_digits(limbs, limbs_len, number->part);
    for (size_t zeros = scale - number->part.size, step; zeros > 0; zeros -= step) {
        step = zeros < STEP_MAX ? zeros : STEP_MAX;
        shift_in(limbs, limbs_len, step, 0);
    }
    if (number->negative)
        negate(limbs, limbs_len);
}

bool fixed_short_read(struct slice text, struct fixed_short *ret_number)
{
    struct fixed_short number = {.negative = text.size > 0 && text.data[0] == '-'};
    size_t begin = number.negative, point = text.size;
    if (text.size - begin > STEP_MAX)
        return false;
    for (size_t at = begin; at < text.size; at++) {
        unsigned digit = (unsigned char)text.data[at] - (unsigned)'0';
        if (digit <= 9)
            number.digits = number.digits * 10 + digit;
        else if (text.data[at] == '.' && point == text.size)
            point = at;
        else
            return false;
    }
    number.whole = (unsigned)(point - begin);
    number.part = point < text.size ? (unsigned)(text.size - point - 1) : 0;
    if (number.whole == 0 || (number.whole > 1 && text.data[begin] == '0') ||
        (point < text.size && number.part == 0))
        return false;
    *ret_number = number;
    return true;
}

bool fixed_parse(struct slice text, unsigned precision, unsigned scale, __int128 *ret_value,
                 struct err *reterr)
{
    ASSERT(precision >= 1 && precision <= FIXED_DIGITS_MAX && scale <= precision);
    struct fixed_short fits;
    if (fixed_short_read(text, &fits) && fits.whole <= precision - scale && fits.part <= scale &&
        scale - fits.part <= STEP_MAX) {
        __int128 value = (__int128)fits.digits * (int64_t)powers_of_ten[scale - fits.part];
        *ret_value = fits.negative ? -value : value;
        return true;
    }
    struct decimal number;
    uint64_t limbs[2];
    if (!read_digits(text, precision, scale, &number, reterr))
        return false;
    assemble(&number, scale, limbs, 2);
    *ret_value = (__int128)((unsigned __int128)limbs[1] << 64 | limbs[0]);
    return true;
}

bool fixed_parse_wide(struct slice text, unsigned precision, unsigned scale,
                      uint64_t ret_limbs[FIXED_WIDE_LIMBS], struct err *reterr)
{
    ASSERT(precision >= 1 && precision <= FIXED_WIDE_DIGITS_MAX && scale <= precision);
    struct decimal number;
    if (!read_digits(text, precision, scale, &number, reterr))
        return false;
    assemble(&number, scale, ret_limbs, FIXED_WIDE_LIMBS);
    return true;
}
