/* Whether ClickHouse remembers INSERT tokens for long enough.
 *
 * A late INSERT must be recognised, however late it can be: the table's deduplication window, which
 * counts tokens, must hold MARGIN_FACTOR times as many as blocks use up within a horizon
 * (horizon.h), at the pace at which they really land, those of all lanes and writers together. Both
 * are looked at again and again: the pace changes with the load, the window with an ALTER.
 *
 *     margin_start(&margin, &settings);
 *     if (!margin_holds(&margin, &err)) … not ready, with the statement that mends it …
 *     margin_stop(&margin);
 *
 * Threads: one of its own; _start and _stop on main's, _holds on any.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_MARGIN_H
#define WRITER_MARGIN_H
#include "base/settings.h"
#include "base/thread.h"
#include "clickhouse/table.h"
#include "postgres/pg.h"
#include "writer/stop.h"

enum {
    MARGIN_FACTOR = 10,
    MARGIN_PERCENT_MAX = 1000000, /* shown when next to nothing lands */
    /* Blocks a second that a table must be fit for before there is anything to measure. */
    MARGIN_BLOCKS_PER_SECOND = 4,
};

struct margin {
    const struct settings *settings; /* borrowed */
    struct thread thread;
    struct stop stop;
    struct pg *pg;                /* the thread's; owned */
    struct ch_client *clickhouse; /* the thread's; owned */
    struct lock lock;
    struct err found; /* guarded by lock; ERR_NONE: it holds, or nothing is known yet */
};

void margin_start(struct margin *margin, const struct settings *settings);
void margin_stop(struct margin *margin); /* waits for a question that is being asked */

/* As last measured. Errors: TOKEN_WINDOW. */
bool margin_holds(struct margin *margin, struct err *reterr);

/* The window as percent of what it must be when so many tokens are used up within a horizon. */
int64_t margin_percent(uint64_t window, int64_t tokens);

/* Errors: TOKEN_WINDOW. */
bool margin_judge(const struct ch_table *table, int64_t tokens, int64_t horizon_ms,
                  struct err *reterr) MUST_CHECK;

/* The least window at the start: for MARGIN_BLOCKS_PER_SECOND. */
uint64_t margin_least(const struct settings *settings);

#endif
