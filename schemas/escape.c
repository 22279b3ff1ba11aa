/* Escapes in strings of JSON. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/escape.h"
#include "schemas/utf8.h"

static int hex4(struct slice raw, size_t at)
{
    if (raw.size - at < 4)
        return -1;
    int unit = 0;
    for (size_t i = at; i < at + 4; i++) {
        char c = raw.data[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

size_t escape_read(struct slice raw, size_t at, uint32_t *ret_point, bool *ret_lone)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    *ret_lone = false;
    if (raw.size - at < 2)
        return 0;
    if (raw.data[at + 1] != 'u') {
        const char *name = memchr(names, raw.data[at + 1], sizeof names - 1);
        if (name == NULL)
            return 0;
        *ret_point = (unsigned char)meanings[name - names];
        return 2;
    }
    int high = hex4(raw, at + 2);
    if (high < 0)
        return 0;
    *ret_point = (uint32_t)high;
    if (high < 0xD800 || high > 0xDFFF)
        return 6;
    if (high < 0xDC00 && raw.size - at >= 12 && raw.data[at + 6] == '\\' &&
        raw.data[at + 7] == 'u') {
        int low = hex4(raw, at + 8);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            *ret_point = 0x10000 + ((uint32_t)(high - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
            return 12;
        }
    }
    *ret_point = UTF8_REPLACEMENT;
    *ret_lone = true;
    return 6;
}

size_t escape_next(struct slice raw, size_t at, uint32_t *ret_point)
{
    bool lone;
    size_t size = raw.data[at] == '\\' ? escape_read(raw, at, ret_point, &lone)
                                       : utf8_decode(raw.data + at, raw.size - at, ret_point);
    if (size > 0)
        return size;
    *ret_point = UTF8_REPLACEMENT;
    return 1;
}
