/* Looking up in the stores whether events of these identities are stored already, and with which
 * content.
 *
 * The table's key leads with organization, code and customer, so that is how it is asked: an event
 * is found when these are the same, and its timestamp too (unless the timestamp is only the time of
 * receipt). transaction_record is asked by the identity alone.
 *
 * Threads: as the client, or the session. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_FIRST_H
#define BATCH_FIRST_H
#include "clickhouse/client.h"
#include "clickhouse/table.h"
#include "postgres/pg.h"
#include "batch/row.h"

enum { FIRST_ASK_MAX = 2000 }; /* events in one query */

struct first {
    const struct row *row; /* who is looked up; borrowed */
    bool found;
    bool same;          /* the stored event has the row's content */
    uint64_t stored_at; /* the stored event's kafka_offset */
};

/* Fills in found, same and stored_at of each, FIRST_ASK_MAX events a query.  `from_ms`: where the
 * timestamps of timeless events (batch/content.h) begin that are looked at. The list is put into
 * another order. Errors: those of ch_query, and CLICKHOUSE_UNAVAILABLE for an answer that cannot be
 * read. */
bool first_find(struct ch_client *client, const struct ch_table *table, struct first *list,
                size_t len, int64_t from_ms, struct err *reterr) MUST_CHECK;

/* The same in transaction_record, for transactional events: found whatever else has changed. */
bool first_find_records(struct pg *pg, struct first list[], size_t len,
                        struct err *reterr) MUST_CHECK;

#endif
