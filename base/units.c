/* Durations and sizes as people write them. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/units.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* Largest first: formatting takes the first that divides. */
static const struct unit durations[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};
static const struct unit sizes[] = {
    {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}, {"B", 1},
};

/* Reads digits and leaves *end at what follows. */
static bool read_digits(const char *text, uint64_t *ret_number, const char **ret_end)
{
    uint64_t number = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(number, 10u, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            return false;
    if (at == text || number > INT64_MAX)
        return false;
    *ret_number = number;
    *ret_end = at;
    return true;
}

static bool parse(const char *text, const struct unit *units, size_t units_len, uint64_t *ret)
{
    uint64_t number;
    const char *unit;
    if (!read_digits(text, &number, &unit))
        return false;
    while (*unit == ' ')
        unit++;
    for (size_t i = 0; i < units_len; i++) {
        uint64_t product;
        if (strcmp(unit, units[i].name) != 0)
            continue;
        if (__builtin_mul_overflow(number, units[i].factor, &product) || product > INT64_MAX)
            return false;
        *ret = product;
        return true;
    }
    return false;
}

bool units_parse_number(const char *text, uint64_t *ret_number)
{
    uint64_t number;
    const char *end;
    if (!read_digits(text, &number, &end) || *end != '\0')
        return false;
    *ret_number = number;
    return true;
}

bool units_parse_duration(const char *text, int64_t *ret_ms)
{
    uint64_t ms;
    if (strcmp(text, "0") == 0)
        ms = 0;
    else if (!parse(text, durations, ARRAY_LEN(durations), &ms))
        return false;
    *ret_ms = (int64_t)ms;
    return true;
}

bool units_parse_size(const char *text, uint64_t *ret_size)
{
    return parse(text, sizes, ARRAY_LEN(sizes), ret_size);
}

static void format(uint64_t value, const struct unit *units, char *ret_text)
{
    while (units->factor > 1 && value % units->factor != 0)
        units++;
    snprintf(ret_text, UNITS_TEXT_SIZE, "%" PRIu64 "%s", value / units->factor, units->name);
}

void units_format_duration(int64_t ms, char ret_text[UNITS_TEXT_SIZE])
{
    if (ms == 0)
        snprintf(ret_text, UNITS_TEXT_SIZE, "0s");
    else
        format((uint64_t)ms, durations, ret_text);
}

void units_format_size(uint64_t size, char ret_text[UNITS_TEXT_SIZE])
{
    if (size == 0)
        snprintf(ret_text, UNITS_TEXT_SIZE, "0");
    else
        format(size, sizes, ret_text);
}
