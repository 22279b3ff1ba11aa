/* Lines of a file or pipe. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/lines.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 256 * 1024 };

void lines_init(struct lines *lines, int fd)
{
    *lines = (struct lines){.fd = fd};
    buf_init(&lines->buf, LINES_SIZE_MAX + READ_SIZE);
}

void lines_done(struct lines *lines)
{
    buf_done(&lines->buf);
}

static struct slice hand_out(struct lines *lines, size_t size, size_t end_size)
{
    struct slice line = {lines->buf.data + lines->start, size};
    if (line.size > 0 && line.data[line.size - 1] == '\r')
        line.size--;
    lines->start += size + end_size;
    lines->taken += size + end_size;
    lines->searched = 0;
    lines->number++;
    return line;
}

/* Reads what there is, behind what is left. False: wait or failed. */
static bool fill(struct lines *lines, enum lines_step *ret_step, struct err *reterr)
{
    struct pollfd input = {.fd = lines->fd, .events = POLLIN};
    if (poll(&input, 1, 0) == 0) {
        *ret_step = LINES_WAIT;
        return false;
    }
    size_t left = lines->buf.size - lines->start;
    if (left > 0)
        memmove(lines->buf.data, lines->buf.data + lines->start, left);
    lines->buf.size = left;
    lines->start = 0;
    char *room = left > LINES_SIZE_MAX ? NULL : buf_reserve(&lines->buf, READ_SIZE);
    *ret_step = LINES_FAILED;
    if (!room)
        return err_set(reterr, ERR_IO, "line %llu is longer than %d bytes",
                       (unsigned long long)lines->number + 1, LINES_SIZE_MAX);
    ssize_t n = read(lines->fd, room, READ_SIZE);
    if (n < 0) {
        if (errno != EINTR && errno != EAGAIN)
            return err_set(reterr, ERR_IO, "the events cannot be read: %s", strerrordesc_np(errno));
        *ret_step = LINES_WAIT;
        return false;
    }
    lines->buf.size += (size_t)n;
    lines->ended = n == 0;
    return true;
}

enum lines_step lines_next(struct lines *lines, struct slice *ret_line, struct err *reterr)
{
    for (;;) {
        size_t left = lines->buf.size - lines->start;
        const char *from = lines->buf.data + lines->start;
        const char *end = left > lines->searched
                              ? memchr(from + lines->searched, '\n', left - lines->searched)
                              : NULL;
        if (end) {
            *ret_line = hand_out(lines, (size_t)(end - from), 1);
            return LINES_LINE;
        }
        lines->searched = left;
        if (lines->ended && left == 0)
            return LINES_END;
        if (lines->ended) {
            *ret_line = hand_out(lines, left, 0);
            return LINES_LINE;
        }
        enum lines_step step;
        if (!fill(lines, &step, reterr))
            return step;
    }
}
