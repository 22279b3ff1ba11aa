/* What can be seen in the text of a statement without understanding it: whether it is an INSERT
 * that data follows, and where that data begins; the output format it asks for; whether it reads
 * system.processes.
 *
 *     struct statement statement;
 *     statement_parse(text, body_is_complete, &statement);
 *     if (statement.kind == STATEMENT_DATA)
 *         … statement.head, then the bytes from statement.data on
 *
 * The engine ends inline data at the first two newlines and runs the rest as SQL; that is why data
 * must be found here and never be part of a statement. Pure functions. Cost: one pass over the
 * statement, none over its data.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EMBEDDED_STATEMENT_H
#define EMBEDDED_STATEMENT_H
#include "base/buf.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>

enum statement_kind {
    STATEMENT_MORE,  /* cannot be told before more of the text is there */
    STATEMENT_QUERY, /* nothing but a statement */
    STATEMENT_DATA,  /* an INSERT whose data follows, in the text or in the body */
    STATEMENT_INPUT, /* INSERT … SELECT … FROM input(…): data too, but of a kind that is not taken
                      */
};

struct statement {
    enum statement_kind kind;
    /* For STATEMENT_DATA; all borrowed from the text. */
    struct slice head; /* INSERT INTO t (a, b) SETTINGS x = 1: everything before FORMAT or VALUES */
    struct slice settings; /* SETTINGS x = 1, when it stands behind the format; or empty */
    struct slice format;   /* as it is written */
    size_t data;           /* where the data begins in the text */
};

/* `complete`: nothing follows the text. STATEMENT_MORE is never the answer then. */
void statement_parse(struct slice text, bool complete, struct statement *ret_statement);

/* The name behind the last FORMAT of a statement that is no INSERT, or nothing. Borrowed. */
struct slice statement_output_format(struct slice text);

/* Marks the query_id that a caller gave: the engine makes its own ids and takes none, so the
 * caller's travels as the setting log_comment with this in front. */
#define STATEMENT_QUERY_ID_MARK "query_id:"

/* Copies the text, with each `system.processes` replaced by a subquery in which query_id is the
 * caller's again. */
void statement_restore_query_ids(struct slice text, struct buf *out);

#endif
