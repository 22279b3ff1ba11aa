/* One keep-alive HTTP/1.1 connection of the load generator: it sends its request again and again,
 * each time with new transaction ids, and reads the answers.
 *
 * Non-blocking. Knows just enough of HTTP for answers with Content-Length.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_LINK_H
#define BENCH_LINK_H
#include "base/buf.h"
#include "base/slice.h"
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LINK_HEAD_MAX = 8192,        /* bytes of an answer's head */
    LINK_REQUEST_MAX = 32 << 20, /* bytes of a request */
};

/* What a request consists of. */
struct link_request {
    struct slice host; /* as in the Host header */
    struct slice path;
    struct slice organization; /* of the caller: only the floor reads it */
    struct slice key;          /* API key */
    size_t events;             /* 1: an object; more: NDJSON */
    int64_t unix_s;            /* time of the events */
};

struct link {
    int fd; /* -1: not connected */
    struct sockaddr_in address;
    struct buf request;             /* head and body */
    size_t key_at, organization_at; /* where the caller stands in it */
    size_t body_at;                 /* where the body begins */
    size_t events;
    size_t sent;
    char head[LINK_HEAD_MAX];
    size_t head_size;
    int64_t body_left; /* bytes of the answer's body yet to read; -1: still in the head */
    int status;        /* of the answer */
    int64_t since_us;  /* when the request was due; the owner's */
    bool busy;         /* a request is on its way; the owner's */
};

/* What became of reading or writing. */
enum link_state {
    LINK_WAITS,  /* for the socket */
    LINK_DONE,   /* the answer is complete: link->status */
    LINK_BROKEN, /* the connection is gone or makes no sense */
};

void link_init(struct link *link, const struct sockaddr_in *address,
               const struct link_request *request);
void link_done(struct link *link);

bool link_connect(struct link *link); /* anew if need be; blocks for a loopback connect */

/* From now on for this caller, whose texts are as long as those of link_init. */
void link_caller(struct link *link, struct slice organization, struct slice key);

/* Begins the next request: transaction ids from `number` on. */
void link_begin(struct link *link, uint32_t run, uint64_t number);

/* Sends what the socket takes. *ret_more: wait until it takes more. */
enum link_state link_send(struct link *link, bool *ret_more);

enum link_state link_receive(struct link *link);

#endif
