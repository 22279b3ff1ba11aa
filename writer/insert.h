/* One block on its way into ClickHouse: the first try, and what follows a doubt.
 *
 *     FRESH    post with the token; a clean answer: landed. Anything else: DOUBT
 *     DOUBT    read back. Rows: landed. None: post again with the same token and attempt.
 *              An answer that is not clean: DOUBT. A clean one, but still no rows: SETTLE
 *     SETTLE   the token may be burned: the server logged it and lost the rows. Hang up, wait until
 *              no INSERT of this block runs in the server, read back once more. Still none: raise
 *              the attempt in PostgreSQL, then DOUBT with the new token
 *
 * A Replicated table never comes to SETTLE: Keeper takes token and part at once, so the rows that
 * this replica lacks are on another one.
 *
 * Every call does one of these steps and never waits between tries: that is the caller's.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_INSERT_H
#define WRITER_INSERT_H
#include "clickhouse/client.h"
#include "batch/columns.h"
#include "writer/lease.h"
#include "ledger/ledger.h"

enum {
    /* A block leaves only when its intent's commit or a read-back of no rows is younger than this:
     * what was true before may not be true any more. */
    INSERT_PROOF_MS = 10000,
};

struct inserter {
    /* set at start */
    const struct settings *settings; /* all borrowed */
    struct ch_client *client;
    const struct columns *columns;
    struct ledger *ledger;
    struct lease *lease;
    const char *table;
    bool replaces;   /* ch_table_replaces */
    bool replicated; /* ch_table_replicated */
    /* owned by the thread that inserts */
    int64_t proof_boot_ms;
    unsigned serial; /* makes each query_id another one */
};

enum insert_doubt {
    INSERT_FRESH,
    INSERT_DOUBT,
    INSERT_SETTLE,
};

enum insert_step {
    INSERT_LANDED,
    INSERT_AGAIN, /* go on calling, after a pause; *reterr says what is in the way */
    INSERT_STOP,  /* *reterr: the lane must stop or is lost */
};

/* One step for block number `index` of the intent. *doubt begins as INSERT_FRESH only right after
 * the intent was committed by this very process; as INSERT_DOUBT in every other case. */
enum insert_step insert_step(struct inserter *inserter, struct intent *intent, size_t index,
                             struct slice block, enum insert_doubt *doubt,
                             struct err *reterr) MUST_CHECK;

#endif
