/* Owners as /proc shows them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ledger/owner.h"
#include "base/digest.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    HOST_SIZE = 96, /* boot id / process namespace */
    STAT_SIZE = 1024,
    START_FIELD = 22, /* of /proc/PID/stat, counted from 1 */
};

/* The whole of a small file, terminated; false when it cannot be read. */
static bool read_file(const char *path, char *ret_text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, ret_text, size - 1);
    close(fd);
    if (got <= 0)
        return false;
    ret_text[got] = '\0';
    ret_text[strcspn(ret_text, "\n")] = '\0';
    return true;
}

/* Where a process id means something. */
static bool read_host(char ret_host[HOST_SIZE])
{
    char boot[40], space[40];
    ssize_t size = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    if (size <= 0 || !read_file("/proc/sys/kernel/random/boot_id", boot, sizeof boot))
        return false;
    space[size] = '\0';
    snprintf(ret_host, HOST_SIZE, "%s/%s", boot, space);
    return true;
}

/* State and start time (in ticks since boot) of a process; false when it cannot be read. */
static bool read_process(long pid, char *ret_state, unsigned long long *ret_start)
{
    char path[64], stat[STAT_SIZE];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    if (!read_file(path, stat, sizeof stat))
        return false;
    /* "1234 (any name) S 1 …": the name may hold spaces and parentheses. */
    char *at = strrchr(stat, ')');
    if (!at || at[1] != ' ')
        return false;
    *ret_state = at[2];
    at += 1;
    for (int field = 3; field < START_FIELD; field++) {
        at = strchr(at + 1, ' ');
        if (!at)
            return false;
    }
    *ret_start = strtoull(at + 1, NULL, 10);
    return true;
}

void owner_self(char *ret_text, size_t size)
{
    char host[HOST_SIZE], state;
    unsigned long long start;
    if (read_host(host) && read_process((long)getpid(), &state, &start)) {
        snprintf(ret_text, size, "%s/%ld/%llu", host, (long)getpid(), start);
        return;
    }
    /* Without /proc nobody can tell that we are gone; the text must still be ours alone. */
    unsigned char random[16];
    char hex[2 * sizeof random + 1];
    digest_random(random, sizeof random);
    digest_hex(random, sizeof random, hex);
    snprintf(ret_text, size, "unknown/%s", hex);
}

bool owner_is_dead(const char *owner)
{
    char host[HOST_SIZE];
    if (!read_host(host))
        return false;
    size_t host_size = strlen(host);
    if (strncmp(owner, host, host_size) != 0 || owner[host_size] != '/')
        return false;
    char *end;
    long pid = strtol(owner + host_size + 1, &end, 10);
    if (pid <= 0 || *end != '/')
        return false;
    unsigned long long start = strtoull(end + 1, NULL, 10), now_start;
    char state;
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return true;
    /* It may belong to somebody whose processes we may not see: then nothing is proven. */
    return read_process(pid, &state, &now_start) &&
           (now_start != start || state == 'Z' || state == 'X');
}
