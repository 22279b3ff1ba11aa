/* UTF-8, one code point at a time. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/utf8.h"

size_t utf8_decode(const char *data, size_t size, uint32_t *ret_point)
{
    const unsigned char *bytes = (const unsigned char *)data;
    uint32_t point = bytes[0];
    if (point < 0x80) {
        *ret_point = point;
        return 1;
    }
    size_t wanted = point >= 0xF0 ? 4 : point >= 0xE0 ? 3 : 2;
    if (point < 0xC2 || point > 0xF4 || size < wanted)
        return 0;
    point &= 0x7Fu >> wanted;
    for (size_t i = 1; i < wanted; i++) {
        if ((bytes[i] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (bytes[i] & 0x3F);
    }
    static const uint32_t smallest[] = {[2] = 0x80, [3] = 0x800, [4] = 0x10000};
    if (point < smallest[wanted] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        return 0;
    *ret_point = point;
    return wanted;
}

size_t utf8_encode(uint32_t point, char ret_bytes[4])
{
    if (point < 0x80) {
        ret_bytes[0] = (char)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        ret_bytes[i] = (char)(0x80 | (point & 0x3F));
        point >>= 6;
    }
    static const unsigned char leads[] = {[2] = 0xC0, [3] = 0xE0, [4] = 0xF0};
    ret_bytes[0] = (char)(leads[size] | point);
    return size;
}
