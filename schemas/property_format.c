/* The formats of JSON Schema that can be asserted. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/property_format.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Matches `shape`, where 9 is any digit and other characters are themselves, in either case. */
static bool has_shape(struct slice text, size_t at, const char *shape)
{
    for (; *shape != '\0'; shape++, at++) {
        if (at >= text.size)
            return false;
        char c = text.data[at];
        if (*shape == '9' ? !is_digit(c) : c != *shape && !(*shape == 'T' && c == 't'))
            return false;
    }
    return true;
}

static int two(struct slice text, size_t at)
{
    return (text.data[at] - '0') * 10 + (text.data[at + 1] - '0');
}

static bool is_date(struct slice text)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = two(text, 0) * 100 + two(text, 2), month = two(text, 5), day = two(text, 8);
    if (month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (month == 2 && leap);
}

bool property_format_date_time(struct slice text)
{
    if (!has_shape(text, 0, "9999-99-99T99:99:99") || !is_date(text))
        return false;
    int minutes = two(text, 11) * 60 + two(text, 14), second = two(text, 17);
    if (two(text, 11) > 23 || two(text, 14) > 59 || second > 60)
        return false;
    size_t at = 19;
    if (at < text.size && text.data[at] == '.') {
        size_t from = ++at;
        while (at < text.size && is_digit(text.data[at]))
            at++;
        if (at == from)
            return false;
    }
    if (at + 1 == text.size && (text.data[at] == 'Z' || text.data[at] == 'z'))
        return second < 60 || minutes == 23 * 60 + 59;
    if (at + 6 != text.size || (text.data[at] != '+' && text.data[at] != '-') ||
        !has_shape(text, at + 1, "99:99") || two(text, at + 1) > 23 || two(text, at + 4) > 59)
        return false;
    int offset = two(text, at + 1) * 60 + two(text, at + 4);
    int utc = (minutes + (text.data[at] == '-' ? offset : -offset) + 1440) % 1440;
    return second < 60 || utc == 23 * 60 + 59;
}

bool property_format_uuid(struct slice text)
{
    if (text.size != 36)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i], lower = (char)(c | 0x20);
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? c != '-' : !is_digit(c) && !(lower >= 'a' && lower <= 'f'))
            return false;
    }
    return true;
}
