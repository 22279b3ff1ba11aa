/* A document that a command is given. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/document.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { READ_SIZE = 16384 };

static void close_other(int *fd)
{
    if (*fd > STDERR_FILENO)
        close(*fd);
}

/* Reads until the end, or until there is more than fits. False: errno says why. */
static bool read_all(int fd, struct buf *text)
{
    ssize_t size;
    do {
        char part[READ_SIZE];
        size = read(fd, part, sizeof(part));
        if (size > 0)
            buf_append(text, part, (size_t)size);
    } while ((size > 0 && !text->overflow) || (size < 0 && errno == EINTR));
    return size >= 0;
}

bool document_read(const char *path, size_t size_max, struct buf *ret_text, struct err *reterr)
{
    const bool standard_input = strcmp(path, "-") == 0;
    CLEANUP(close_other)
    int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, size_max);
    if (fd < 0 || !read_all(fd, &text))
        return err_set(reterr, ERR_IO, "%s: %s", path, strerrordesc_np(errno));
    if (text.overflow)
        return err_set(reterr, ERR_USAGE, "%s has more than %zu bytes", path, size_max);
    *ret_text = text;
    text = (struct buf){.data = NULL};
    return true;
}
