/* Undoing the Content-Encoding of a request's body while it arrives: gzip, deflate, zstd, lz4.
 *
 *     decode_init(&decode, DECODE_GZIP);
 *     while (decode_step(&decode, &input, chunk, sizeof chunk, &size, &err) && size > 0) …
 *     if (!decode_is_complete(&decode)) … the body was cut
 *     decode_done(&decode);
 *
 * Memory is bounded by the window of the method, whatever the input claims.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef EMBEDDED_DECODE_H
#define EMBEDDED_DECODE_H
#include "base/err.h"
#include "base/slice.h"
#include <stdbool.h>

enum decode_method {
    DECODE_IDENTITY,
    DECODE_ZLIB, /* gzip and deflate */
    DECODE_ZSTD,
    DECODE_LZ4,
};

struct decode {
    enum decode_method method;
    void *state;   /* owned; the library's */
    bool started;  /* something was decoded */
    bool complete; /* at the end of a frame */
};

/* The method of a Content-Encoding; false when it is not known. NULL is identity. */
bool decode_find(const char *content_encoding, enum decode_method *ret_method);

void decode_init(struct decode *decode, enum decode_method method);
void decode_done(struct decode *decode); /* a zeroed one is fine */

/* Takes bytes off the front of *input and writes at most `size` decoded ones; *ret_size is 0 when
 * more input is needed. Not for DECODE_IDENTITY. Errors: ENCODING_UNKNOWN (it cannot be decoded).
 */
bool decode_step(struct decode *decode, struct slice *input, char *out, size_t size,
                 size_t *ret_size, struct err *reterr) MUST_CHECK;

/* At the end of the body: whether nothing is missing. */
bool decode_is_complete(const struct decode *decode);

#endif
