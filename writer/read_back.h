/* Reading back: what ClickHouse holds of a block. The only authority on whether it landed.
 *
 * Threads: as the client. SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_READ_BACK_H
#define WRITER_READ_BACK_H
#include "clickhouse/client.h"
#include "batch/intent.h"

enum { READ_BACK_TIMEOUT_MS = 60000 };

/* The end of a query that must not overlook a row. A FORMAT can follow. */
extern const char read_back_truthful[];

enum read_back {
    READ_BACK_NONE,    /* no row of the block: it has not landed */
    READ_BACK_LANDED,  /* all of it; or less, where merges replace rows */
    READ_BACK_UNKNOWN, /* no answer; *reterr says why. Wait and ask again */
    READ_BACK_WRONG,   /* ROWS_MISMATCH: more rows than sent, or rows twice, or some missing */
};

/* Counts the rows of block number `block` over all ranges of the intent. `replaces`: merges of this
 * table may remove rows whose key came again (then fewer rows than sent have landed, too). */
enum read_back read_back(struct ch_client *client, const char *table, bool replaces,
                         const struct intent *intent, size_t block, struct err *reterr) MUST_CHECK;

/* The judgement alone: `rows` were sent; `count` rows are there, at `places` different places. */
enum read_back read_back_judge(int64_t rows, int64_t count, int64_t places, bool replaces);

/* The last row that may be there of a Kafka partition. */
struct read_back_end {
    uint32_t partition;
    uint64_t stored_offset;
};

/* Errors: LEDGER_ROLLED_BACK when the table has rows of these partitions (at least one) behind
 * their ends. */
bool read_back_nothing_beyond(struct ch_client *client, const char *table,
                              const struct read_back_end ends[], size_t ends_len,
                              struct err *reterr) MUST_CHECK;

/* How many INSERTs run in the server whose query_id begins with `prefix`. */
bool read_back_running(struct ch_client *client, const char *prefix, int64_t *ret_running,
                       struct err *reterr) MUST_CHECK;

#endif
