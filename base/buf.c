/* Growing byte buffers. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

void buf_done(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){.max = buf->max};
}

void buf_reset(struct buf *buf)
{
    buf->size = 0;
    buf->overflow = false;
}

char *buf_reserve(struct buf *buf, size_t size)
{
    if (buf->overflow || size > buf->max || buf->size > buf->max - size) {
        buf->overflow = true;
        return NULL;
    }
    size_t needed = buf->size + size;
    if (needed > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity : 256;
        while (capacity < needed)
            capacity *= 2;
        if (capacity > buf->max)
            capacity = buf->max;
        buf->data = xrealloc(buf->data, capacity);
        buf->capacity = capacity;
    }
    return buf->data + buf->size;
}

void buf_append(struct buf *buf, const void *data, size_t size)
{
    if (size == 0)
        return;
    char *to = buf_reserve(buf, size);
    if (to == NULL)
        return;
    memcpy(to, data, size);
    buf->size += size;
}

void buf_append_slice(struct buf *buf, struct slice slice)
{
    buf_append(buf, slice.data, slice.size);
}

void buf_append_str(struct buf *buf, const char *text)
{
    buf_append(buf, text, strlen(text));
}

void buf_append_char(struct buf *buf, char c)
{
    buf_append(buf, &c, 1);
}

void buf_append_u64(struct buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    buf_append(buf, digits + at, sizeof digits - at);
}

void buf_append_i64(struct buf *buf, int64_t value)
{
    if (value < 0)
        buf_append_char(buf, '-');
    buf_append_u64(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    /* vsnprintf writes a NUL behind the text; it is room, not content. */
    char *to = size >= 0 ? buf_reserve(buf, (size_t)size + 1) : NULL;
    if (to != NULL) {
        vsnprintf(to, (size_t)size + 1, format, again);
        buf->size += (size_t)size;
    }
    va_end(again);
}

/* Whether none of eight bytes must be escaped: no control character, quote or backslash. Each test
 * borrows from the highest bit of a byte below its bound (Sean Anderson, "Bit Twiddling Hacks",
 * hasless). */
static bool are_clean(const char *bytes)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highest = ones << 7;
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    uint64_t quote = word ^ ones * '"', backslash = word ^ ones * '\\';
    uint64_t found = ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) |
                     ((backslash - ones) & ~backslash);
    return (found & highest) == 0;
}

void buf_append_json(struct buf *buf, struct slice text)
{
    static const char hex[] = "0123456789abcdef";
    buf_append_char(buf, '"');
    size_t clean = 0; /* start of the run that needs no escape */
    for (size_t i = 0; i < text.size; i++) {
        while (text.size - i >= 8 && are_clean(text.data + i))
            i += 8;
        if (i == text.size)
            break;
        unsigned char c = (unsigned char)text.data[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_append(buf, text.data + clean, i - clean);
        clean = i + 1;
        char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        switch (c) {
        case '"':
        case '\\':
            escape[1] = (char)c;
            break;
        case '\n':
            escape[1] = 'n';
            break;
        case '\r':
            escape[1] = 'r';
            break;
        case '\t':
            escape[1] = 't';
            break;
        default:
            break;
        }
        buf_append(buf, escape, escape[1] == 'u' ? 6 : 2);
    }
    buf_append(buf, text.data + clean, text.size - clean);
    buf_append_char(buf, '"');
}

const char *buf_text(struct buf *buf)
{
    char *end = buf_reserve(buf, 1);
    if (end == NULL) {
        if (buf->size == 0)
            return "";
        end = buf->data + --buf->size; /* full: the last byte gives way */
    }
    *end = '\0';
    return buf->data;
}
