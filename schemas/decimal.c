/* Decimal numbers as text. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/decimal.h"
#include "base/assert.h"

static struct slice take_digits(struct slice *text)
{
    struct slice digits = {text->data, 0};
    while (digits.size < text->size && text->data[digits.size] >= '0' &&
           text->data[digits.size] <= '9')
        digits.size++;
    text->data += digits.size;
    text->size -= digits.size;
    return digits;
}

static bool take(struct slice *text, char c)
{
    if (text->size == 0 || text->data[0] != c)
        return false;
    text->data++;
    text->size--;
    return true;
}

/* An exponent can be as long as the event allows; its digits are counted, not believed. */
static bool take_exponent(struct slice *text, int64_t *ret_exponent)
{
    bool negative = take(text, '-');
    if (!negative)
        take(text, '+');
    struct slice digits = take_digits(text);
    int64_t exponent = 0;
    for (size_t i = 0; i < digits.size && exponent < DECIMAL_POINT_MAX; i++)
        exponent = exponent * 10 + (digits.data[i] - '0');
    *ret_exponent = negative ? -exponent : exponent;
    return digits.size > 0;
}

bool decimal_parse(struct slice text, struct decimal *ret_decimal)
{
    struct decimal decimal = {.negative = take(&text, '-')};
    int64_t exponent = 0;
    decimal.whole = take_digits(&text);
    if (decimal.whole.size == 0 || (decimal.whole.size > 1 && decimal.whole.data[0] == '0'))
        return false;
    if (take(&text, '.')) {
        decimal.part = take_digits(&text);
        if (decimal.part.size == 0)
            return false;
    }
    if (take(&text, 'e') || take(&text, 'E')) {
        decimal.exponent = true;
        if (!take_exponent(&text, &exponent))
            return false;
    }
    if (text.size > 0)
        return false;
    decimal.point = (int64_t)decimal.whole.size + exponent;
    if (decimal.point > DECIMAL_POINT_MAX)
        decimal.point = DECIMAL_POINT_MAX;
    if (decimal.point < -DECIMAL_POINT_MAX)
        decimal.point = -DECIMAL_POINT_MAX;
    *ret_decimal = decimal;
    return true;
}

bool decimal_is_plain(struct slice text, int whole_max, int part_max)
{
    take(&text, '-');
    struct slice whole = take_digits(&text);
    if (whole.size == 0 || whole.size > (size_t)whole_max ||
        (whole.size > 1 && whole.data[0] == '0'))
        return false;
    if (text.size == 0)
        return true;
    if (!take(&text, '.'))
        return false;
    struct slice part = take_digits(&text);
    return part.size > 0 && part.size <= (size_t)part_max && text.size == 0;
}

static int64_t digits_len(const struct decimal *decimal)
{
    return (int64_t)(decimal->whole.size + decimal->part.size);
}

char decimal_digit(const struct decimal *decimal, int64_t index)
{
    if (index < 0 || index >= digits_len(decimal))
        return '0';
    size_t at = (size_t)index;
    return at < decimal->whole.size ? decimal->whole.data[at]
                                    : decimal->part.data[at - decimal->whole.size];
}

struct slice decimal_format(const struct decimal *decimal, int whole_max, int part_max,
                            char text[DECIMAL_TEXT_SIZE])
{
    ASSERT(whole_max > 0 && part_max >= 0 && whole_max + part_max + 3 <= DECIMAL_TEXT_SIZE);
    int64_t len = digits_len(decimal), first = 0, last = len;
    while (first < len && decimal_digit(decimal, first) == '0')
        first++;
    while (last > first && decimal_digit(decimal, last - 1) == '0')
        last--;
    /* [first, last) are the digits that count; there are none when the number is zero. */
    if (first < last && (decimal->point - first > whole_max || last - decimal->point > part_max))
        return (struct slice){NULL, 0};

    size_t size = 0;
    if (decimal->negative)
        text[size++] = '-';
    if (first >= decimal->point || first == last)
        text[size++] = '0';
    else
        for (int64_t i = first; i < decimal->point; i++)
            text[size++] = decimal_digit(decimal, i);
    int64_t parts = len - decimal->point;
    if (parts > part_max)
        parts = part_max;
    for (int64_t i = 0; i < parts; i++) {
        if (i == 0)
            text[size++] = '.';
        text[size++] = decimal_digit(decimal, decimal->point + i);
    }
    return (struct slice){text, size};
}
