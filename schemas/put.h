/* Writing JSON into memory that was reserved for it, where one check of the room serves many texts:
 *
 *     char *to = buf_reserve(out, PUT_SLACK + 7 + put_text_max(code));
 *     to = PUT(to, "{\"code\":");
 *     to = put_text(to, code);
 *
 * Each function writes at `to` and returns the place behind. Up to PUT_SLACK bytes behind that
 * place are overwritten: they are part of what is reserved.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_PUT_H
#define SCHEMAS_PUT_H
#include "base/clock.h"
#include "base/mem.h"
#include "base/slice.h"
#include "schemas/wide.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    PUT_SLACK = WIDE_STEP,
    PUT_TIME_SIZE = CLOCK_TEXT_SIZE - 1 + 2, /* with its quotes */
};

/* Bytes that put_text writes at most. */
static inline size_t put_text_max(struct slice text)
{
    return 6 * text.size + 2; /* \u00XX for each byte, and the quotes */
}

/* The bytes as they are. A size that the compiler knows costs no call. */
static ALWAYS_INLINE char *put_bytes(char *to, const char *bytes, size_t size)
{
    if (size > 0)
        memcpy(to, bytes, size);
    return to + size;
}

#define PUT(to, literal) put_bytes((to), (literal), sizeof(literal) - 1)

static inline char *put_slice(char *to, struct slice bytes)
{
    return put_bytes(to, bytes.data, bytes.size);
}

/* put_text for one in which something must be escaped. */
char *put_escaped(char *to, struct slice text);

/* A string with its quotes. `text` is valid UTF-8; only what RFC 8259 requires is escaped. */
static inline char *put_text(char *to, struct slice text)
{
    if (!wide_copy(to + 1, text.data, text.size))
        return put_escaped(to, text);
    to[0] = '"';
    to += 1 + text.size;
    *to++ = '"';
    return to;
}

/* A point in time with its quotes: `text`, or if that is empty the canonical form of `ms`. */
static inline char *put_time(char *to, struct slice text, int64_t ms)
{
    *to++ = '"';
    if (text.size == CLOCK_TEXT_SIZE - 1)
        memcpy(to, text.data, CLOCK_TEXT_SIZE - 1);
    else
        clock_format(ms, to);
    to += CLOCK_TEXT_SIZE - 1;
    *to++ = '"';
    return to;
}

#endif
