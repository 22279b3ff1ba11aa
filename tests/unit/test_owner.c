/* Whether a lane's owner still lives. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ledger/owner.h"
#include "tests/unit/check.h"
#include <string.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SIZE = 128 };

/* The text of a process that has this one's with another id and start. */
static void text_of(long pid, unsigned long long start, char ret_text[SIZE])
{
    char self[SIZE];
    owner_self(self, sizeof self);
    *strrchr(self, '/') = '\0';
    *strrchr(self, '/') = '\0';
    CHECK(snprintf(ret_text, SIZE, "%s/%ld/%llu", self, pid, start) < SIZE);
}

TEST(owner, this_process_lives)
{
    char self[SIZE];
    owner_self(self, sizeof self);
    CHECK(!owner_is_dead(self));
}

TEST(owner, a_reused_process_id_is_another_process)
{
    char self[SIZE], other[SIZE];
    owner_self(self, sizeof self);
    unsigned long long start = strtoull(strrchr(self, '/') + 1, NULL, 10);
    text_of((long)getpid(), start, other);
    CHECK(strcmp(self, other) == 0);
    text_of((long)getpid(), start + 1, other);
    CHECK(owner_is_dead(other));
}

TEST(owner, a_killed_process_is_dead_also_as_a_zombie)
{
    int channel[2];
    char text[SIZE] = "";
    CHECK(pipe(channel) == 0);
    pid_t child = fork();
    if (child == 0) {
        owner_self(text, sizeof text);
        _exit(write(channel[1], text, sizeof text) == sizeof text && pause() ? 1 : 1);
    }
    CHECK(read(channel[0], text, sizeof text) == sizeof text);
    CHECK(!owner_is_dead(text));
    CHECK(kill(child, SIGKILL) == 0);
    siginfo_t info;
    CHECK(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT) == 0); /* a zombie now */
    CHECK(owner_is_dead(text));
    CHECK(waitpid(child, NULL, 0) == child);
    CHECK(owner_is_dead(text));
    close(channel[0]);
    close(channel[1]);
}

TEST(owner, nothing_is_proven_about_other_hosts_and_damaged_texts)
{
    static const char *const texts[] = {
        "",
        "somebody",
        "unknown/0123456789abcdef0123456789abcdef",
        "00000000-0000-4000-8000-000000000000/pid:[4026531836]/999999/1",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        CHECK(!owner_is_dead(texts[i]));
    char text[SIZE];
    text_of(999999999, 1, text);
    *strrchr(text, '/') = '\0'; /* no start time */
    CHECK(!owner_is_dead(text));
}
