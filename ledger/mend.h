/* What operators' commands change when a topic does not hold what the ledger says was read from it:
 * all lanes of a topic at once.
 *
 *     mend_open(&mend, &settings, &err)       reads topic and lanes, changes nothing
 *     mend_take(&mend, &err)                  all lanes under new epochs, or none of them
 *     mend_keep(&mend, &err)                  often, as long as they are needed
 *     mend_apply(&mend, &plan, &err)          one transaction; the lanes are free afterwards
 *     mend_close(&mend)                       gives back what was taken and not applied
 *
 * The rules are the writers': a lane is taken only when its lease is over or its owner provably
 * dead, every change names epoch and batch_seq, and an intent goes only when its batch is
 * completed, or when nothing of it has landed and nothing of it can land any more. To know the
 * latter is the caller's business.
 *
 * Errors: those of postgres/pg.h; LANE_LOST: a writer works on a lane. After POSTGRES_UNKNOWN from
 * mend_apply `mending` says whether it took place.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef LEDGER_MEND_H
#define LEDGER_MEND_H
#include "ledger/ledger.h"

struct mend_lane {
    struct ledger ledger; /* its session is the one of struct mend */
    uint32_t number;
    char owner[LEDGER_OWNER_SIZE]; /* who holds the lease, as last looked at; "": nobody */
    int64_t quiet_ms;              /* since when its last lease is over; see ledger_look */
    bool taken;
};

struct mend {
    const struct settings *settings; /* borrowed */
    struct pg *pg;                   /* owned */
    struct ledger_identity session;
    char owner[LEDGER_OWNER_SIZE]; /* this process */
    int64_t topic_id;
    char *cluster_id; /* texts owned */
    char *table;      /* "default.events_raw" */
    char *table_uuid;
    uint32_t incarnation;
    uint32_t partitions;
    struct mend_lane *lanes; /* by number; owned */
    size_t lanes_len;
    int64_t kept_ms; /* clock_mono_ms when the leases were last renewed */
};

/* Errors: NOT_FOUND when no writer has ever read the topic. */
bool mend_open(struct mend *mend, const struct settings *settings, struct err *reterr) MUST_CHECK;
void mend_close(struct mend *mend); /* a zeroed one is fine */

/* Waits up to `patience_ms` for lanes that are held only for a moment, as by a writer that looks
 * whether it can go on. What the lanes hold is read again. */
bool mend_take(struct mend *mend, int64_t patience_ms, struct err *reterr) MUST_CHECK;

/* Renews the leases when that is due. */
bool mend_keep(struct mend *mend, struct err *reterr) MUST_CHECK;

enum mend_intent {
    MEND_LEAVE,    /* it stays, for a writer to build again; or there is none */
    MEND_FORGET,   /* nothing of it has landed: its records are as if they had never been read */
    MEND_COMPLETE, /* what landed counts; the rest is lost */
};

struct mend_plan {
    const char *command;       /* for the table mending */
    bool renew;                /* the incarnation is raised */
    const char *cluster_id;    /* what the topic's becomes */
    enum mend_intent *intents; /* by lane */
    /* by lane, for MEND_COMPLETE; the intent is the lane's own */
    struct ledger_completion *completions;
    int64_t *hwm; /* by partition: what it becomes; MEND_HWM_STAYS, or what completing makes it */
    const char *found; /* JSON, for the table mending */
};

#define MEND_HWM_STAYS INT64_MIN

bool mend_apply(struct mend *mend, const struct mend_plan *plan, struct err *reterr) MUST_CHECK;

#endif
