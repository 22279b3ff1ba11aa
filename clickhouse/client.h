/* ClickHouse over HTTP: queries, and INSERTs with a verdict.
 *
 * Success is status 200, no X-ClickHouse-Exception-Code and, for an INSERT, an empty body. Every
 * setting that the promises rest on is sent with each INSERT: the servers' defaults change.
 *
 * A request is sent once: a connection that might be closing is not used again, and what libcurl
 * would silently repeat is cut off, because a second copy's answer says nothing about the first.
 *
 * Threads: a client belongs to one thread at a time; ch_cancel may be called from any.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLICKHOUSE_CLIENT_H
#define CLICKHOUSE_CLIENT_H
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

struct ch_client;

struct ch_options {
    const char *url; /* "http://127.0.0.1:8123"; all borrowed as long as the client */
    const char *user;
    const char *password;
    const char *database;
};

enum {
    CH_CONNECT_TIMEOUT_MS = 5000,
    CH_USER_TIMEOUT_MS = 30000, /* TCP_USER_TIMEOUT: bytes that nobody acknowledges */
    CH_SERVER_TIMEOUT_S = 30,   /* after which the server gives up on a request that stalls */
};

struct ch_client *ch_new(const struct ch_options *options);
void ch_free(struct ch_client *client); /* NULL is fine */

/* Closes the connections: what is in flight on them can no longer be answered to us. */
void ch_hang_up(struct ch_client *client);

/* Ends the request in progress within about a second, and every later one at once, with
 * CLICKHOUSE_UNAVAILABLE or CH_UNKNOWN. For a program that must stop now. */
void ch_cancel(struct ch_client *client);

struct ch_param {
    const char *name; /* for {name:Type} in the query */
    const char *value;
};

/* Runs a query and appends its answer (in the query's own FORMAT) to *answer.
 * Errors: CLICKHOUSE_UNAVAILABLE, CLICKHOUSE_REFUSED (the text has code and message). */
bool ch_query(struct ch_client *client, const char *sql, const struct ch_param params[],
              size_t params_len, int64_t timeout_ms, struct buf *answer,
              struct err *reterr) MUST_CHECK;

/* What is known after an INSERT. */
enum ch_verdict {
    CH_LANDED,   /* a clean answer */
    CH_NOT_SENT, /* certainly nothing arrived: connection refused, or refused before any row */
    CH_UNKNOWN,  /* anything else: read back */
    CH_REFUSED,  /* the server says no in a way that repeating cannot mend; read back as well */
};

struct ch_insert {
    const char *table;   /* quoted by the client */
    const char *columns; /* "a, b, c", already quoted */
    const char *token;   /* insert_deduplication_token */
    const char *query_id;
    struct slice block; /* one Native block (clickhouse/native.h); borrowed for the call */
    int64_t timeout_ms;
    /* Asked once the connection stands and before the first byte leaves; false: nothing is sent and
     * the verdict is CH_NOT_SENT. NULL: always send. */
    bool (*may_send)(void *context);
    void *context;
};

/* Posts one Native block as one INSERT. *reterr is filled unless it landed. */
enum ch_verdict ch_insert(struct ch_client *client, const struct ch_insert *insert,
                          struct err *reterr) MUST_CHECK;

#endif
