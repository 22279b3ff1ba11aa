/* What an answer of ClickHouse says about an INSERT: by one table of its error codes
 * (clickhouse/verdicts.def).
 *
 * A token is a fence and never proof, so the only thing that counts as landed is a clean answer;
 * everything else is read back. The verdict then decides whether waiting can help.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLICKHOUSE_VERDICT_H
#define CLICKHOUSE_VERDICT_H
#include "clickhouse/client.h"

enum { CH_EXCEPTION_UNREADABLE = -1 };

/* What is known of one HTTP exchange. */
struct ch_answer {
    long status;       /* HTTP status; 0: none came */
    int exception;     /* of X-ClickHouse-Exception-Code, or of "Code: N" in the body; 0: none,
                          CH_EXCEPTION_UNREADABLE: there is one, but no number */
    bool sent;         /* bytes of the request may have left */
    struct slice body; /* what came */
};

/* Notes what a line of the answer's head says about it. */
void verdict_read_header(struct ch_answer *answer, struct slice line);

/* For how long the server keeps the connection, if that is what the line says; or -1. */
long verdict_keep_alive_s(struct slice line);

/* The verdict on an INSERT. */
enum ch_verdict verdict_of(const struct ch_answer *answer);

/* For a query that changes nothing: true when repeating it later can help. */
bool verdict_can_pass(const struct ch_answer *answer);

/* The name of an error code, as "TOO_MANY_PARTS"; "" when it is not in the table. */
const char *verdict_code_name(int code);

/* The number behind "Code: " at the start of a body; 0 when there is none. Servers from before
 * 2020 send no header. */
int verdict_code_in(struct slice body);

#endif
