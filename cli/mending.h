/* What `bxb topic renew` and `bxb lanes repair` share: what the log is now, what became of batches
 * that were announced, and the steps from looking to changing.
 *
 *     mending_log_look     what the log is, partition by partition  (mending_log.c)
 *     mending_batches_look what of the announced batches has landed (mending_batches.c)
 *     mending_judge        what is to be done about both            (mending_plan.c; pure)
 *     mending_show…        for people, or as JSON                   (mending_show.c)
 *     mending_run          all of it, in order                      (mending.c)
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_MENDING_H
#define CLI_MENDING_H
#include "cli/cli.h"
#include "clickhouse/table.h"
#include "kafka/topic.h"
#include "ledger/mend.h"
#include <jansson.h>

/* What a partition's log is, compared with what was done of it. */
enum mending_found {
    MENDING_SAME,    /* the record at hwm is the one that was done */
    MENDING_NOTHING, /* nothing was done of it, so there is nothing to compare */
    MENDING_TAKEN,   /* retention took the record at hwm, and none behind it */
    MENDING_GAP,     /* records behind hwm are gone */
    MENDING_SHORTER, /* it ends before hwm */
    MENDING_OTHER,   /* another record is at hwm, or where the announced batch ends */
};

struct mending_place {
    uint32_t lane; /* by number */
    int64_t hwm;
    struct topic_range log;
    enum mending_found found;
    int64_t gone; /* at most so many records of this log went before they were stored */
};

/* What ClickHouse holds of a block. */
enum mending_landed {
    MENDING_UNKNOWN, /* it was not asked */
    MENDING_ABSENT,
    MENDING_LANDED,
};

/* By lane: what becomes of its announced batch. */
struct mending_batch {
    enum mend_intent what;
    enum mending_landed *landed; /* by block; owned; NULL without a batch */
    int64_t lost; /* rows that were to be stored, are not in ClickHouse, and are given up */
};

/* What a command is asked to do. */
struct mending_wish {
    const char *command; /* "topic renew" */
    bool renew;          /* the topic was made anew; else its log has a gap */
    bool replace;        /* also batches whose records are there, when nothing of them has landed */
    bool new_cluster;    /* Kafka is another cluster than before */
    bool dry_run, yes, json;
};

struct mending {
    const struct settings *settings; /* borrowed */
    struct mending_wish wish;
    struct mend mend;
    struct topic *topic;
    struct topic_facts facts;
    struct ch_client *clickhouse;
    struct ch_table table;
    struct mending_place *places;  /* by partition; owned */
    struct mending_batch *batches; /* by lane; owned */
    int64_t *hwm;                  /* by partition, as mend_plan wants it; owned */
};

int mending_run(const struct cli *cli, const struct mending_wish *wish);

/* Fills in places. Errors: those of the topic and the consumer. */
bool mending_log_look(struct mending *mending, struct err *reterr) MUST_CHECK;

/* Fills in what has landed. Errors: ROWS_MISMATCH, LEDGER_ROLLED_BACK, those of ch_query. */
bool mending_batches_look(struct mending *mending, struct err *reterr) MUST_CHECK;

/* Reads what completing a lane's batch takes from ClickHouse: usage, transaction records, dead
 * letters. Everything is owned by *ret_parts. Errors: as above. */
struct mending_parts {
    struct usage usage;
    struct dead_letters dead;
    struct records records;
    struct duplicates duplicates;
};
bool mending_parts_read(struct mending *mending, size_t lane, struct mending_parts *ret_parts,
                        struct err *reterr) MUST_CHECK;
void mending_parts_done(struct mending_parts *parts); /* a zeroed one is fine */

/* Whether INSERTs of a lane's batch still run in ClickHouse. */
bool mending_batch_runs(struct mending *mending, size_t lane, bool *ret_runs,
                        struct err *reterr) MUST_CHECK;

/* Decides what becomes of each batch and partition. *ret_needed: anything. Errors: LOG_CHANGED: it
 * is no matter of repairing; RECORD_INVALID: a batch cannot be replaced. */
bool mending_judge(struct mending *mending, bool *ret_needed, struct err *reterr) MUST_CHECK;

/* Shows what was found, and what will or did become of it. */
void mending_show(const struct mending *mending, bool done);
json_t *mending_json(const struct mending *mending, bool done); /* owned by the caller */

#endif
