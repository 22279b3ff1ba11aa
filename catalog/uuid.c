/* UUIDs as text. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/uuid.h"
#include "base/digest.h"
#include <stdint.h>

enum { UUID_SIZE = 16 };

static bool is_dash(size_t position)
{
    return position == 8 || position == 13 || position == 18 || position == 23;
}

void uuid_new(char ret_text[UUID_TEXT_SIZE])
{
    uint8_t bytes[UUID_SIZE];
    char hex[2 * UUID_SIZE + 1];
    digest_random(bytes, sizeof(bytes));
    bytes[6] = (bytes[6] & 0x0f) | 0x40; /* version 4 */
    bytes[8] = (bytes[8] & 0x3f) | 0x80; /* variant */
    digest_hex(bytes, sizeof(bytes), hex);
    const char *digit = hex;
    for (size_t i = 0; i + 1 < UUID_TEXT_SIZE; i++)
        ret_text[i] = is_dash(i) ? '-' : *digit++;
    ret_text[UUID_TEXT_SIZE - 1] = '\0';
}

bool uuid_parse(struct slice text, char ret_text[UUID_TEXT_SIZE])
{
    if (text.size != UUID_TEXT_SIZE - 1)
        return false;
    char lower[UUID_TEXT_SIZE];
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c >= 'A' && c <= 'F')
            c += 'a' - 'A';
        bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
        if (is_dash(i) ? c != '-' : !digit)
            return false;
        lower[i] = c;
    }
    lower[text.size] = '\0';
    memcpy(ret_text, lower, sizeof(lower));
    return true;
}
