/* Lines of a file or pipe, without waiting when there is nothing to read yet.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_LINES_H
#define CLI_LINES_H
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum { LINES_SIZE_MAX = 32 * 1024 * 1024 }; /* bytes of one line */

struct lines {
    int fd;
    struct buf buf;
    size_t start;    /* of what was not handed out yet, in buf */
    size_t searched; /* bytes from there that have no line feed */
    uint64_t number; /* of the line handed out last, from 1 */
    uint64_t taken;  /* bytes handed out */
    bool ended;      /* nothing more will come from fd */
};

enum lines_step {
    LINES_LINE,
    LINES_WAIT, /* nothing to read now: poll the fd */
    LINES_END,
    LINES_FAILED, /* IO: cannot be read, or a line is too long */
};

void lines_init(struct lines *lines, int fd); /* borrows fd */
void lines_done(struct lines *lines);

/* The next line without its end (LF or CR LF), valid until the next call. The last one may lack a
 * line feed. */
enum lines_step lines_next(struct lines *lines, struct slice *ret_line, struct err *reterr);

#endif
