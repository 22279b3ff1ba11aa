/* Preloaded into a program under test: kills it just before its Nth write to a socket or a
 * file, so that no point between two of them is left to chance.
 *
 *     LD_PRELOAD=kill_at.so KILL_AT=57 bxb-writer …
 *
 * tests/flow/test_matrix_kills.py builds and uses it.
 *
 * What is logged does not count, nor what threads of the process tell each other.
 *
 * Threads: any; the count is one for all of them. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long left;

__attribute__((constructor)) static void begin(void)
{
    const char *at = getenv("KILL_AT"); /* allow getenv: whatever it is loaded into has settings */
    atomic_store(&left, at ? strtol(at, NULL, 10) : 0);
}

static void count(int fd)
{
    struct stat status;
    if (fd <= STDERR_FILENO || fstat(fd, &status) != 0)
        return;
    if (!S_ISSOCK(status.st_mode) && !S_ISREG(status.st_mode))
        return;
    if (atomic_fetch_sub(&left, 1) == 1)
        kill(getpid(), SIGKILL);
}

ssize_t write(int fd, const void *data, size_t size)
{
    count(fd);
    return syscall(SYS_write, fd, data, size);
}

ssize_t writev(int fd, const struct iovec *parts, int parts_len)
{
    count(fd);
    return syscall(SYS_writev, fd, parts, parts_len);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    count(fd);
    return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to,
               socklen_t to_size)
{
    count(fd);
    return syscall(SYS_sendto, fd, data, size, flags, to, to_size);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    count(fd);
    return syscall(SYS_sendmsg, fd, message, flags);
}
