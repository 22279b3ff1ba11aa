/* Preloaded into a program under test: kills it at its Nth write to a socket or a file, so that no
 * point between two of them is left to chance.
 *
 *     LD_PRELOAD=kill_at.so KILL_AT=57 [KILL_WHEN=before|midway|after] bxb-writer …
 *
 * before: nothing of it left; midway: half of its bytes did; after: all of them did, and whoever
 * wrote never came to know it. tests/flow/test_matrix_kills.py builds and uses it.
 *
 * What is logged does not count, nor what threads of the process tell each other.
 *
 * Threads: any; the count is one for all of them. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PARTS_MAX = 1024 };

static atomic_long left;
static enum { BEFORE, MIDWAY, AFTER } when;

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("KILL_AT"); /* allow getenv: whatever it is loaded into has settings */
    const char *how = getenv("KILL_WHEN"); /* allow getenv: as above */
    atomic_store(&left, at ? strtol(at, NULL, 10) : 0);
    if (how)
        when = strcmp(how, "midway") == 0 ? MIDWAY : strcmp(how, "after") == 0 ? AFTER : BEFORE;
}

/* True when this write is the one. */
static bool is_last(int fd)
{
    struct stat status;
    if (fd <= STDERR_FILENO || fstat(fd, &status) != 0)
        return false;
    if (!S_ISSOCK(status.st_mode) && !S_ISREG(status.st_mode))
        return false;
    return atomic_fetch_sub(&left, 1) == 1;
}

static void end(void)
{
    kill(getpid(), SIGKILL);
}

/* Half of what the parts hold, as parts. */
static int halve(const struct iovec *parts, int parts_len, struct iovec halves[PARTS_MAX])
{
    size_t size = 0;
    int len = 0;
    for (int i = 0; i < parts_len; i++)
        size += parts[i].iov_len;
    for (size_t rest = size / 2; rest > 0 && len < PARTS_MAX; len++) {
        halves[len] = parts[len];
        if (halves[len].iov_len > rest)
            halves[len].iov_len = rest;
        rest -= halves[len].iov_len;
    }
    return len;
}

/* The last write of the process: as much of it as is to leave. */
static void write_last(int fd, const struct msghdr *message, int flags)
{
    struct iovec halves[PARTS_MAX];
    struct msghdr part = *message;
    struct stat status;
    if (when == BEFORE)
        end();
    if (when == MIDWAY) {
        part.msg_iovlen = (size_t)halve(message->msg_iov, (int)message->msg_iovlen, halves);
        part.msg_iov = halves;
    }
    if (fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode))
        (void)syscall(SYS_sendmsg, fd, &part, flags);
    else
        (void)syscall(SYS_writev, fd, part.msg_iov, part.msg_iovlen);
    end();
}

static void write_last_of(int fd, const void *data, size_t size, int flags)
{
    struct iovec whole = {(void *)(uintptr_t)data, size};
    struct msghdr message = {.msg_iov = &whole, .msg_iovlen = 1};
    write_last(fd, &message, flags);
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (is_last(fd))
        write_last_of(fd, data, size, 0);
    return syscall(SYS_write, fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int parts_len)
{
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts,
                             .msg_iovlen = (size_t)parts_len};
    if (is_last(fd))
        write_last(fd, &message, 0);
    return syscall(SYS_writev, fd, parts, parts_len);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    if (is_last(fd))
        write_last_of(fd, data, size, flags);
    return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to,
               socklen_t to_size)
{
    if (is_last(fd))
        write_last_of(fd, data, size, flags);
    return syscall(SYS_sendto, fd, data, size, flags, to, to_size);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (is_last(fd))
        write_last(fd, message, flags);
    return syscall(SYS_sendmsg, fd, message, flags);
}
