/* The ledger: every statement of the writer in PostgreSQL.
 *
 *     ledger_open(settings, &err)                     a session
 *     ledger_claim(ledger, &target, &err)             this topic feeds this table
 *     ledger_acquire(ledger, owner, lease_ms, &state) the epoch is ours
 *     ledger_advance(ledger, complete, intend, &err)  one transaction per batch
 *
 * Every change names the epoch and the batch_seq that we know (and the expected hwm of each
 * partition); when it changes another number of rows than it must, the lane is lost (LANE_LOST) and
 * nothing was changed.
 *
 * Errors (all functions): those of postgres/pg.h; LANE_LOST.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef LEDGER_LEDGER_H
#define LEDGER_LEDGER_H
#include "base/settings.h"
#include "postgres/pg_columns.h"
#include "batch/dead.h"
#include "batch/duplicates.h"
#include "batch/intent.h"
#include "batch/records.h"
#include "batch/usage.h"

enum { LEDGER_OWNER_SIZE = 128 };

/* Where a PostgreSQL session ended up. Another cluster, or another timeline after a failover, may
 * know less than we were told. */
struct ledger_identity {
    char system_identifier[24];
    int64_t timeline;
};

/* What one lane is about, as the settings, Kafka and ClickHouse have it. */
struct ledger_target {
    const char *cluster_id; /* all borrowed */
    const char *topic;
    const char *table; /* "default.events_raw" */
    const char *table_uuid;
    uint32_t partitions;
    uint32_t lanes; /* that the partitions are dealt out to */
    uint32_t lane;  /* this one's number, from 0 */
};

struct ledger_partition {
    bool own; /* of this lane; the rest is said of its own partitions only */
    int64_t hwm;
    bool anchored; /* the rest is known */
    uint8_t anchor_digest[DIGEST_SHA256_SIZE];
    int64_t anchor_timestamp_ms;
};

struct ledger {
    const struct settings *settings; /* borrowed */
    struct pg *pg;                   /* owned; NULL until ledger_open */
    struct ledger_identity session;
    /* after ledger_claim */
    int64_t topic_id;
    int64_t lane_id;
    uint32_t incarnation; /* read again by ledger_acquire */
    uint32_t partitions;  /* of the topic */
    /* after ledger_acquire */
    int64_t epoch;
    int64_t batch_seq;                   /* of the last batch completed */
    struct ledger_identity last_session; /* under which the lane was owned before */
    struct ledger_partition *state;      /* by partition of the topic; owned */
    uint32_t own_len;                    /* how many of them are the lane's */
    bool pending;                        /* there is an intent */
    struct intent intent;                /* owned; valid while pending */
};

/* Connects, or connects anew when the session was lost. The identity of the session is read; see
 * ledger_same_identity. */
bool ledger_open(struct ledger *ledger, const struct settings *settings,
                 struct err *reterr) MUST_CHECK;
void ledger_close(struct ledger *ledger); /* a zeroed one is fine */

/* For an owner of the lane: ledger_open, and LANE_LOST when it leads to another PostgreSQL than
 * before. */
bool ledger_reopen(struct ledger *ledger, struct err *reterr) MUST_CHECK;

/* Registers that this topic feeds this table and deals its partitions out to lanes, or checks that
 * it is what was registered (ledger_claim.c). Errors: TOPIC_MISMATCH, TABLE_MISMATCH;
 * SETTINGS_INVALID when there are more lanes than partitions, or another number of lanes than the
 * partitions were dealt out to. */
bool ledger_claim(struct ledger *ledger, const struct ledger_target *target,
                  struct err *reterr) MUST_CHECK;

/* Takes the lane under a new epoch and reads what it holds, when it is free, its lease has run out,
 * `owner` had it before, or `owner_is_dead` says so of who has it. Otherwise LANE_LOST, with the
 * owner and how long its lease still runs in the text. */
bool ledger_acquire(struct ledger *ledger, const char *owner, int64_t lease_ms,
                    bool (*owner_is_dead)(const char *owner), struct err *reterr) MUST_CHECK;

/* Reads what ledger_acquire reads, and changes nothing.
 * ledger->lane_id, topic_id and partitions are given. *ret_owner: who holds its lease, "" when
 * nobody does. *ret_quiet_ms: since when its last lease is over, negative while it runs; INT64_MIN
 * when that is not known. */
bool ledger_look(struct ledger *ledger, char ret_owner[LEDGER_OWNER_SIZE], int64_t *ret_quiet_ms,
                 struct err *reterr) MUST_CHECK;

/* Gives the lane up: the next writer need not wait. A failure costs only that wait. */
void ledger_release(struct ledger *ledger);

/* Renews the lease; over a session of the caller's own. */
bool ledger_renew(struct pg *pg, int64_t lane_id, int64_t epoch, int64_t lease_ms,
                  struct err *reterr) MUST_CHECK;

/* True when the session is where the lane was owned before. */
bool ledger_same_identity(const struct ledger *ledger);

/* Writes the session's identity into the lane row; after a horizon was waited for. */
bool ledger_adopt_identity(struct ledger *ledger, struct err *reterr) MUST_CHECK;

/* What ledger_advance completes. An intent without blocks was not announced before. */
struct ledger_completion {
    struct intent *intent;
    struct usage *usage;
    const struct dead_letters *dead;
    struct records *records;
    struct duplicates *duplicates;
    int64_t lost; /* rows of the intent that never landed (mend.h); 0 otherwise */
};

/* One transaction: completes a batch (NULL: none) and records the next intent (NULL: none), whose
 * batch_seq, epoch and the like it fills in. On success ledger->batch_seq, state and pending are
 * advanced (ledger->intent stays the caller's business).
 * Errors: POSTGRES_UNKNOWN, after which ledger_resolve must be asked. */
bool ledger_advance(struct ledger *ledger, const struct ledger_completion *complete,
                    struct intent *intend, struct err *reterr) MUST_CHECK;

/* The records of the batches completed in the last `window_ms`, and how many of them became dead
 * letters that the breaker counts. */
bool ledger_recent(struct ledger *ledger, int64_t window_ms, int64_t *ret_records,
                   int64_t *ret_dead, struct err *reterr) MUST_CHECK;

/* After a session was lost: connects anew and finds out whether ledger_advance with these arguments
 * took place. Errors: LANE_LOST also when PostgreSQL is another one than before, or anything does
 * not fit. */
bool ledger_resolve(struct ledger *ledger, const struct ledger_completion *complete,
                    const struct intent *intend, bool *ret_done, struct err *reterr) MUST_CHECK;

/* How long rows are kept; 0: for ever. */
struct ledger_retention {
    int64_t ledger_ms; /* of batch, since their completion; never the last of a lane */
    int64_t dead_ms;   /* of dead letters that are not open, since they were handled */
    int64_t usage_ms;  /* of usage_hourly, since their hour */
};

/* Deletes some rows that are older. *ret_more: there may be others. */
bool ledger_prune(struct ledger *ledger, const struct ledger_retention *retention, bool *ret_more,
                  struct err *reterr) MUST_CHECK;

/* Raises the attempt of a block of the pending intent, in PostgreSQL first. */
bool ledger_raise_attempt(struct ledger *ledger, struct intent *intent, size_t block,
                          struct err *reterr) MUST_CHECK;

/* INSERT tokens that batches completed in the last `window_ms` used up in the table, of all lanes;
 * over a session of the caller's own. */
bool ledger_tokens(struct pg *pg, const char *database, const char *table, int64_t window_ms,
                   int64_t *ret_tokens, struct err *reterr) MUST_CHECK;

/* For a lane that begins (ledger_recall.c). */

enum { LEDGER_SECRET_SIZE = 16 };

/* The secret under which ids are remembered. Errors: SCHEMA_MISMATCH. */
bool ledger_dedup_key(struct ledger *ledger, uint8_t ret_secret[LEDGER_SECRET_SIZE],
                      struct err *reterr) MUST_CHECK;

/* The batches completed since then of which something is stored: batch_seq, intent_id, stored; in
 * the order of intent_id. *ret_all: the lane never completed another one. *ret_last: its last
 * batch, which retention never takes, is in the ledger. */
bool ledger_stored_since(struct ledger *ledger, int64_t from_ms, struct pg_result **ret_batches,
                         bool *ret_all, bool *ret_last, struct err *reterr) MUST_CHECK;

/* What these batches cover, by Kafka partition and incarnation of the topic: partition, from, to,
 * newest anchor timestamp, incarnation. */
bool ledger_ranges(struct ledger *ledger, int64_t first_seq, int64_t last_seq,
                   struct pg_result **ret_ranges, struct err *reterr) MUST_CHECK;

/* The intent of a completed batch. Errors: NOT_FOUND, and those of intent_decode. */
bool ledger_intent(struct ledger *ledger, int64_t seq, struct intent *ret_intent,
                   struct err *reterr) MUST_CHECK;

#endif
