/* Bodies that came with a Content-Encoding: gzip (RFC 1952) and zstd (RFC 8878).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_INFLATE_H
#define SERVER_INFLATE_H
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "server/account.h"
#include <stdbool.h>
#include <stdint.h>

enum inflate_coding {
    INFLATE_IDENTITY,
    INFLATE_GZIP,
    INFLATE_ZSTD,
};

enum {
    /* What a zstd frame may ask to look back, as a power of two: 8 MiB, what RFC 8878 asks of
     * every decoder and all levels below `--ultra` need. It is the memory of one thread while it
     * inflates, and not part of the budget. */
    INFLATE_ZSTD_WINDOW_LOG = 23,
};

/* Inflates the whole body, one member or frame behind the other. At most `max` bytes come out, and
 * work ends there: a small body cannot cost more than a large one. The memory of *ret_body is taken
 * into `account`, which was empty, before it is there; it is the caller's from then on. An empty
 * body stays empty.
 *
 * Errors, with nothing kept: BODY_TOO_LARGE (more than `max`), OVERLOADED (the budget),
 * ENCODING_CORRUPT (broken, cut off, or followed by something else). */
bool inflate_body(enum inflate_coding coding, struct slice body, uint64_t max,
                  struct account *account, struct buf *ret_body, struct err *reterr) MUST_CHECK;

#endif
