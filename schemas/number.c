/* Numbers by their decimal text. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/number.h"

__extension__ typedef unsigned __int128 wide;

struct number number_read(struct slice text)
{
    struct number number = {.first = 0};
    if (!decimal_parse(text, &number.decimal))
        return (struct number){.first = 0};
    int64_t last = (int64_t)(number.decimal.whole.size + number.decimal.part.size);
    int64_t first = 0;
    while (first < last && decimal_digit(&number.decimal, first) == '0')
        first++;
    while (last > first && decimal_digit(&number.decimal, last - 1) == '0')
        last--;
    number.first = first;
    number.last = last;
    number.exponent = first == last ? 0 : number.decimal.point - last;
    return number;
}

static int sign(const struct number *number)
{
    if (number->first == number->last)
        return 0;
    return number->decimal.negative ? -1 : 1;
}

static int compare_size(const struct number *a, const struct number *b)
{
    int64_t a_top = a->exponent + (a->last - a->first), b_top = b->exponent + (b->last - b->first);
    if (a_top != b_top)
        return a_top < b_top ? -1 : 1;
    int64_t a_len = a->last - a->first, b_len = b->last - b->first;
    for (int64_t i = 0; i < a_len && i < b_len; i++) {
        char x = decimal_digit(&a->decimal, a->first + i);
        char y = decimal_digit(&b->decimal, b->first + i);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a_len > b_len) - (a_len < b_len);
}

int number_compare(const struct number *a, const struct number *b)
{
    int a_sign = sign(a), b_sign = sign(b);
    if (a_sign != b_sign)
        return a_sign < b_sign ? -1 : 1;
    return a_sign == 0 ? 0 : a_sign * compare_size(a, b);
}

bool number_is_integer(const struct number *number)
{
    return number->exponent >= 0;
}

bool number_is_divisor(const struct number *divisor)
{
    return sign(divisor) > 0 && divisor->last - divisor->first <= NUMBER_DIVISOR_DIGITS;
}

/* The digits, modulo `modulus`, or as they are when it is 0. */
static uint64_t digits_modulo(const struct number *number, uint64_t modulus)
{
    wide rest = 0;
    for (int64_t i = number->first; i < number->last; i++) {
        rest = rest * 10 + (unsigned)(decimal_digit(&number->decimal, i) - '0');
        if (modulus != 0)
            rest %= modulus;
    }
    return (uint64_t)rest;
}

static uint64_t power_of_ten_modulo(int64_t exponent, uint64_t modulus)
{
    wide result = 1 % modulus, base = 10 % modulus;
    for (; exponent > 0; exponent >>= 1) {
        if (exponent & 1)
            result = result * base % modulus;
        base = base * base % modulus;
    }
    return (uint64_t)result;
}

bool number_is_multiple(const struct number *number, const struct number *divisor)
{
    if (sign(number) == 0)
        return true;
    /* The last digit is not zero, so there is no factor of ten to spare. */
    if (number->exponent < divisor->exponent)
        return false;
    uint64_t modulus = digits_modulo(divisor, 0);
    wide rest = digits_modulo(number, modulus);
    rest = rest * power_of_ten_modulo(number->exponent - divisor->exponent, modulus) % modulus;
    return rest == 0;
}

bool number_to_count(const struct number *number, uint64_t max, uint64_t *ret_count)
{
    if (sign(number) < 0 || !number_is_integer(number) ||
        number->exponent + number->last - number->first > 18)
        return false;
    uint64_t count = digits_modulo(number, 0);
    for (int64_t i = 0; i < number->exponent; i++)
        count *= 10;
    if (count > max)
        return false;
    *ret_count = count;
    return true;
}

uint64_t number_hash(const struct number *number)
{
    uint64_t hash = (uint64_t)number->exponent * 3 + (uint64_t)(sign(number) + 1);
    for (int64_t i = number->first; i < number->last; i++)
        hash = (hash ^ (unsigned char)decimal_digit(&number->decimal, i)) * 0x100000001b3;
    return hash;
}
