/* How far a long command is: a bar that redraws itself on a terminal, a line now and then
 * elsewhere.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H
#include <stdbool.h>
#include <stdint.h>

enum {
    PROGRESS_REDRAW_MS = 200,
    PROGRESS_LINE_MS = 10000,
    PROGRESS_TEXT_SIZE = 512,
};

struct progress {
    bool quiet;
    bool terminal; /* stderr is one */
    bool drawn;    /* the bar stands in the current line */
    int64_t last_mono_ms;
};

void progress_init(struct progress *progress, bool quiet, int64_t now_mono_ms);

/* True when it is time to show again. */
bool progress_due(struct progress *progress, int64_t now_mono_ms);

/* Shows `text` with a bar for `part` of `whole`; whole 0: not known. */
void progress_show(struct progress *progress, uint64_t part, uint64_t whole, const char *text,
                   int64_t now_mono_ms);

/* Removes the bar, so that other lines can be written to stderr. */
void progress_clear(struct progress *progress);

#endif
