/* A growing byte buffer with a cap. Going over the cap sets `overflow`, after which appending does
 * nothing: callers check once, at the end.
 *
 *     struct buf out;
 *     buf_init(&out, 4096);
 *     buf_append_str(&out, "hello");
 *     if (out.overflow) …
 *     buf_done(&out);
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BUF_H
#define BASE_BUF_H
#include "base/mem.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data;      /* owned; not terminated, see buf_text */
    size_t size;     /* bytes used */
    size_t capacity; /* bytes allocated */
    size_t max;      /* bytes at most; stated by whoever made the buffer */
    bool overflow;   /* something did not fit; the content is then incomplete */
};

void buf_init(struct buf *buf, size_t max);
void buf_done(struct buf *buf);  /* frees; a zeroed buffer is fine */
void buf_reset(struct buf *buf); /* empties, keeps the memory */

/* Makes room for `size` more bytes and returns where they go, or NULL (and overflow) when the cap
 * forbids it. The caller then adds what it wrote to buf->size. */
char *buf_reserve(struct buf *buf, size_t size);

void buf_append(struct buf *buf, const void *data, size_t size);
void buf_append_slice(struct buf *buf, struct slice slice);
void buf_append_str(struct buf *buf, const char *text);
void buf_append_char(struct buf *buf, char c);
void buf_append_u64(struct buf *buf, uint64_t value); /* decimal digits */
void buf_append_i64(struct buf *buf, int64_t value);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* Appends `text` (valid UTF-8) as a JSON string with its quotes; escapes only what RFC 8259
 * requires. */
void buf_append_json(struct buf *buf, struct slice text);

static inline struct slice buf_slice(const struct buf *buf)
{
    return (struct slice){buf->data, buf->size};
}

/* The content terminated with NUL (which is not counted); "" on overflow of an empty buffer. */
const char *buf_text(struct buf *buf);

#endif
