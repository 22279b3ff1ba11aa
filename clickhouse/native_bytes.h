/* The bytes that a Native block is made of: integers in little-endian, sizes as LEB128 ("varuint"),
 * texts. For native*.c only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLICKHOUSE_NATIVE_BYTES_H
#define CLICKHOUSE_NATIVE_BYTES_H
#include "base/buf.h"
#include <string.h>

static inline void native_append_le(struct buf *out, unsigned __int128 value, unsigned bytes)
{
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    unsigned __int128 swapped = 0;
    for (unsigned i = 0; i < sizeof value; i++, value >>= 8)
        swapped = swapped << 8 | (unsigned char)value;
    value = swapped;
#endif
    if (bytes > out->capacity - out->size) {
        buf_append(out, &value, bytes);
    } else {
        memcpy(out->data + out->size, &value, bytes);
        out->size += bytes;
    }
}

static inline void native_append_varuint(struct buf *out, uint64_t value)
{
    unsigned char bytes[10];
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[len++] = (unsigned char)(value | 0x80);
    bytes[len++] = (unsigned char)value;
    buf_append(out, bytes, len);
}

/* A String, or the value of a FixedString of `fixed_size` bytes, which is filled up with zeros. */
static inline void native_append_text(struct buf *out, struct slice text, size_t fixed_size)
{
    if (fixed_size == 0 && text.size < 0x80 && text.size < out->capacity - out->size) {
        out->data[out->size] = (char)text.size;
        if (text.size > 0)
            memcpy(out->data + out->size + 1, text.data, text.size);
        out->size += 1 + text.size;
        return;
    }
    if (fixed_size == 0)
        native_append_varuint(out, text.size);
    buf_append_slice(out, text);
    if (text.size < fixed_size) {
        size_t missing = fixed_size - text.size;
        char *to = buf_reserve(out, missing);
        if (to) {
            memset(to, 0, missing);
            out->size += missing;
        }
    }
}

#endif
