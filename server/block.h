/* The bytes between what libmicrohttpd read as a request's line and headers.
 *
 * It takes what RFC 9112 lets a server refuse, and what others on the way may read differently:
 * lines that end in a bare LF, continued lines, NULs, several spaces. None of it shows in the names
 * and values that it hands out. But it reads in place: it puts a NUL over each byte that ends
 * something, and what it hands out points into that memory. So where one piece ends and the next
 * begins shows what stood between them.
 *
 *     block_begin(&block, method, target, target_end, version);
 *     block_add(&block, name, value);    for each header, in order
 *     if (!block_end(&block, size)) …    it was not written as it must be
 *
 * What stays hidden is a NUL and a bare LF in the place of CR LF: two bytes that end a line, too.
 * This is how 0.9.75 reads. A library that reads otherwise makes every request look wrong, which
 * every test of bxb-server notices.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_BLOCK_H
#define SERVER_BLOCK_H
#include "base/slice.h"
#include <stdbool.h>

struct block {
    const char *begin; /* of the request line */
    const char *next;  /* where the next header must begin */
    bool wrong;
};

/* The request line. `target_end`: where the target ended before the query was taken off; NULL when
 * the target was wrong by itself (block_target_end). */
void block_begin(struct block *block, const char *method, const char *target,
                 const char *target_end, const char *version);
void block_add(struct block *block, struct slice name, struct slice value);

/* `size`: bytes up to the body, by the library's own count. */
bool block_end(struct block *block, size_t size);

/* The end of a target as it came; NULL where it has bytes that no target has. */
const char *block_target_end(const char *target);

#endif
