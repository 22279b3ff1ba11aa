/* Strings of JSON with escapes in them. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/put.h"

/* The letter of the escapes that have one; NUL: it is written in hex. */
static char letter_of(char c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return '\0';
    }
}

char *put_escaped(char *to, struct slice text)
{
    static const char hex[] = "0123456789abcdef";
    *to++ = '"';
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i], letter = letter_of(c);
        if (letter != '\0') {
            *to++ = '\\';
            *to++ = letter;
        } else if ((unsigned char)c < 0x20) {
            to = PUT(to, "\\u00");
            *to++ = hex[c >> 4];
            *to++ = hex[c & 15];
        } else {
            *to++ = c;
        }
    }
    *to++ = '"';
    return to;
}
