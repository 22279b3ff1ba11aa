/* The writers of a topic and who owns which lane, as PostgreSQL has them, and this writer's own
 * place among them.
 *
 *     roster_init(&roster, settings, owner, topic_id, lanes);
 *     if (roster_read(&roster, true, &err)) … roster.writers, .me, .owners …      every so often
 *     roster_leave(&roster);
 *
 * A writer takes part while it says so within writer.lease. One that is provably dead on this host
 * does not.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef LEDGER_ROSTER_H
#define LEDGER_ROSTER_H
#include "base/settings.h"
#include "postgres/pg.h"
#include "ledger/share.h"

struct roster {
    const struct settings *settings; /* borrowed */
    const char *owner;               /* this writer, as owner_self has it; borrowed */
    int64_t topic_id;
    size_t lanes;
    struct pg *pg;   /* owned */
    int64_t seen_ms; /* clock_mono_ms when this writer last said that it lives; 0: never */
    /* as last read */
    size_t writers;
    size_t me;   /* this writer's number among them */
    int *owners; /* by lane, as share_decide wants it; owned */
    bool *mine;  /* by lane: its lease is this writer's; read also when roster_read says NOT_READY.
                    Owned */
};

void roster_init(struct roster *roster, const struct settings *settings, const char *owner,
                 int64_t topic_id, size_t lanes);

/* Says that this writer lives (unless it is not `well`) if that is due, and reads. Connects when it
 * must. Errors: those of postgres/pg.h; NOT_READY when this writer takes part no longer. */
bool roster_read(struct roster *roster, bool well, struct err *reterr) MUST_CHECK;

/* Takes this writer off the list, so that the others need not wait to share its lanes. A failure
 * costs only that wait. A zeroed roster is fine. */
void roster_leave(struct roster *roster);

#endif
