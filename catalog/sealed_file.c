/* A text in a file that is either whole and ours, or refused. SPDX-License-Identifier: Apache-2.0
 */
#include <config.h>
#include "catalog/sealed_file.h"
#include "base/digest.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEX_SIZE = 2 * DIGEST_SHA256_SIZE,
    HEAD_SIZE = 128, /* of the first line, at most */
};

static void closep(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static bool fail_errno(struct err *reterr, const char *path)
{
    enum err_code code = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    return err_set(reterr, code, "%s: %s", path, strerrordesc_np(errno));
}

/* --- Reading ------------------------------------------------------------------------------------
 */

static bool read_all(int fd, size_t size, struct buf *ret_text)
{
    while (ret_text->size < size) {
        char *room = buf_reserve(ret_text, size - ret_text->size);
        ssize_t n = room ? read(fd, room, size - ret_text->size) : -1;
        if (n < 0)
            return false;
        if (n == 0)
            break; /* it became shorter: its digest will not fit */
        ret_text->size += (size_t)n;
    }
    return true;
}

/* Takes the first line off, and compares what it says with the rest. */
static bool check_head(struct buf *text, const char *kind, struct err *reterr)
{
    const size_t kind_size = strlen(kind);
    const size_t head_size = kind_size + 1 + HEX_SIZE + 1;
    if (text->size <= kind_size || memcmp(text->data, kind, kind_size) != 0 ||
        text->data[kind_size] != ' ')
        return err_set(reterr, ERR_IO, "it is no '%s': another program or version wrote it", kind);
    uint8_t said[DIGEST_SHA256_SIZE], is[DIGEST_SHA256_SIZE];
    if (text->size < head_size || text->data[head_size - 1] != '\n' ||
        !digest_from_hex((struct slice){text->data + kind_size + 1, HEX_SIZE}, said, sizeof(said)))
        return err_set(reterr, ERR_IO, "it is damaged: its first line has no checksum");
    digest_sha256((struct slice){text->data + head_size, text->size - head_size}, is);
    if (!digest_equal(said, is, sizeof(is)))
        return err_set(reterr, ERR_IO, "it is damaged: its checksum differs");
    text->size -= head_size;
    memmove(text->data, text->data + head_size, text->size);
    return true;
}

static void buf_donep(struct buf *buf)
{
    buf_done(buf);
}

bool sealed_file_read(const char *path, const char *kind, size_t size_max, struct buf *ret_text,
                      int64_t *ret_modified_ms, struct err *reterr)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat facts;
    if (fd < 0 || fstat(fd, &facts) != 0)
        return fail_errno(reterr, path);
    if (!S_ISREG(facts.st_mode) || (uint64_t)facts.st_size > size_max ||
        (facts.st_mode & (S_IWGRP | S_IWOTH)))
        return err_set(reterr, ERR_IO,
                       "%s: it must be a file of at most %zu bytes that only its owner can write",
                       path, size_max);
    CLEANUP(buf_donep) struct buf text;
    buf_init(&text, size_max);
    if (!read_all(fd, (size_t)facts.st_size, &text))
        return fail_errno(reterr, path);
    if (!check_head(&text, kind, reterr))
        return err_prefix(reterr, "%s", path);
    *ret_modified_ms = (int64_t)facts.st_mtim.tv_sec * 1000 + facts.st_mtim.tv_nsec / 1000000;
    *ret_text = text;
    text = (struct buf){.data = NULL};
    return true;
}

/* --- Writing ------------------------------------------------------------------------------------
 */

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.size > 0) {
        ssize_t n = write(fd, bytes.data, bytes.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes = (struct slice){bytes.data + n, bytes.size - (size_t)n};
    }
    return true;
}

/* Writes, and waits until it is on the disk. */
static bool write_synced(const char *path, struct slice head, struct slice text, struct err *reterr)
{
    CLEANUP(closep)
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fchmod(fd, 0600) != 0)
        return fail_errno(reterr, path);
    if (!write_all(fd, head) || !write_all(fd, text) || fsync(fd) != 0)
        return fail_errno(reterr, path);
    return true;
}

/* The new name is on the disk once its directory is. */
static bool sync_directory(const char *path, struct err *reterr)
{
    const char *slash = strrchr(path, '/');
    CLEANUP(mem_freep)
    char *directory = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
    CLEANUP(closep) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        return fail_errno(reterr, directory);
    return true;
}

bool sealed_file_write(const char *path, const char *kind, struct slice text, struct err *reterr)
{
    uint8_t sha256[DIGEST_SHA256_SIZE];
    char hex[HEX_SIZE + 1], head[HEAD_SIZE];
    digest_sha256(text, sha256);
    digest_hex(sha256, sizeof(sha256), hex);
    snprintf(head, sizeof(head), "%s %s\n", kind, hex);
    CLEANUP(mem_freep) char *fresh = xasprintf("%s.new", path);
    if (!write_synced(fresh, slice_from(head), text, reterr)) {
        unlink(fresh);
        return false;
    }
    if (rename(fresh, path) != 0)
        return fail_errno(reterr, path);
    return sync_directory(path, reterr);
}

bool sealed_file_touch(const char *path)
{
    return utimensat(AT_FDCWD, path, NULL /* now */, 0) == 0;
}
