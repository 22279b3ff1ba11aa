/* The clients of one loop: what each connection is about, and until when.
 *
 * libmicrohttpd's timeout counts idleness only: whoever sends or takes a byte now and then is never
 * cut. Here headers and bodies have a deadline, and who reads an answer must keep to a rate.
 *
 * Threads: the loop's own; the count of connections is shared by all loops.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_CLIENT_H
#define SERVER_CLIENT_H
#include "base/err.h"
#include "server/limits.h"
#include <stdint.h>

enum client_phase {
    CLIENT_HEADERS, /* a request began, or the connection is new: headers are to come */
    CLIENT_BODY,    /* the headers are complete */
    CLIENT_SERVED,  /* it is our turn: no deadline here */
    CLIENT_ANSWER,  /* an answer leaves */
    CLIENT_IDLE,    /* kept alive between two requests; libmicrohttpd's timeout counts */
    CLIENT_CUT,     /* past its deadline; libmicrohttpd is about to close it */
};

struct client {
    struct client *next, *previous;
    const struct clients *clients; /* borrowed */
    int fd;                        /* libmicrohttpd's */
    enum client_phase phase;
    int64_t since_ms; /* when the phase began, by clock_mono_ms */
    uint64_t moved;   /* bytes of the body that came */
    /* Idle and answer: when the system was asked about the connection, and how many bytes it said
     * had come or been taken. */
    int64_t looked_ms;
    uint64_t seen;
    const char *target_end; /* of the request line; see server/block.h */
};

struct clients {
    const struct limits *limits; /* borrowed */
    struct client *first;        /* owned, as are all of the list */
    int64_t now_ms; /* by clock_mono_ms; the loop keeps it, so that clients need not ask */
    int64_t looked_ms;
};

/* A connection begins and ends. */
struct client *client_new(struct clients *clients, int fd);
void client_free(struct clients *clients, struct client *client);

void client_enter(struct client *client, enum client_phase phase);

/* So many bytes of the body came. */
void client_move(struct client *client, uint64_t bytes);

/* Cuts the clients that are past their deadline, and counts them; those that send a request too
 * slowly are told (REQUEST_TIMEOUT). Cheap to call often: looks twice a second. */
void clients_look(struct clients *clients, int64_t now_ms);

/* Answers a connection that no request of libmicrohttpd's exists for, as far as that works without
 * waiting. The connection is to be closed then. */
void client_tell(int fd, const struct err *err);

#endif
