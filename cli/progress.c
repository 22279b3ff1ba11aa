/* How far a long command is. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/progress.h"
#include <stdio.h>
#include <unistd.h>

enum { BAR_LEN = 20 };

void progress_init(struct progress *progress, bool quiet, int64_t now_mono_ms)
{
    *progress = (struct progress){
        .quiet = quiet,
        .terminal = isatty(STDERR_FILENO),
        .last_mono_ms = now_mono_ms,
    };
}

bool progress_due(struct progress *progress, int64_t now_mono_ms)
{
    int64_t every_ms = progress->terminal ? PROGRESS_REDRAW_MS : PROGRESS_LINE_MS;
    return !progress->quiet && now_mono_ms - progress->last_mono_ms >= every_ms;
}

void progress_show(struct progress *progress, uint64_t part, uint64_t whole, const char *text,
                   int64_t now_mono_ms)
{
    if (progress->quiet)
        return;
    progress->last_mono_ms = now_mono_ms;
    if (part > whole)
        part = whole;
    unsigned percent = whole ? (unsigned)((double)part / (double)whole * 100) : 0;
    if (!progress->terminal) {
        if (whole)
            fprintf(stderr, "bxb: %u%% ", percent);
        else
            fprintf(stderr, "bxb: ");
        fprintf(stderr, "%s\n", text);
        return;
    }
    fputc('\r', stderr);
    if (whole) {
        char bar[BAR_LEN + 1];
        for (unsigned i = 0; i < BAR_LEN; i++)
            bar[i] = i * 100 < percent * BAR_LEN ? '#' : '-';
        bar[BAR_LEN] = '\0';
        fprintf(stderr, "[%s] %3u%% ", bar, percent);
    }
    fprintf(stderr, "%s\033[K", text); /* erases what is left of a longer line */
    fflush(stderr);
    progress->drawn = true;
}

void progress_clear(struct progress *progress)
{
    if (progress->drawn)
        fprintf(stderr, "\r\033[K");
    progress->drawn = false;
}
