/* The life of one request: gathered, checked, handed to Kafka, answered, forgotten.
 *
 * libmicrohttpd's thread of the connection calls request_headers, request_body, request_end in
 * order; where the last one suspends the connection, request_answer when it is resumed; and
 * request_completed in the end. server/README.md tells the hand-over between the threads.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_REQUEST_H
#define SERVER_REQUEST_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "handlers/events.h"
#include "server/account.h"
#include "server/block.h"
#include "server/client.h"
#include "server/headers.h"
#include "server/loop.h"
#include "server/quota.h"
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;
struct produced;
struct tenant;

enum {
    REQUEST_ID_SIZE = HEADERS_REQUEST_ID_MAX + 1,
    REQUEST_ORGANIZATION_SIZE = 64,
    /* A body of at most this size is read before a refusal, so that the client, which is still
     * sending, reads the answer instead of a reset connection. */
    REQUEST_DRAIN_MAX = 64 * 1024,
};

/* Who acts next. Only WAITING → ANSWERING is contended: the thread of the last report and the
 * deadline thread both want it, and the one whose exchange succeeds resumes the connection. */
enum request_state {
    REQUEST_READING,
    REQUEST_REFUSED,   /* `refusal` is sent when the body was read */
    REQUEST_WAITING,   /* suspended, until the last report or the deadline */
    REQUEST_ANSWERING, /* resumed, or never suspended */
    REQUEST_ANSWERED,
};

struct request {
    uint32_t magic;
    struct server *server; /* borrowed */
    struct loop *loop;     /* that has the connection; borrowed */
    struct MHD_Connection *connection;
    struct loop_return back;  /* of the connection */
    struct loop_task sending; /* of the records */
    struct client *client;    /* of the connection; borrowed until request_completed */
    _Atomic(int) state;       /* enum request_state */
    atomic_int refs;          /* one of the connection, one of the records that wait for reports */

    /* Owned by the connection's thread. */
    char id[REQUEST_ID_SIZE];
    char organization[REQUEST_ORGANIZATION_SIZE];
    struct block block;     /* while the headers are read */
    struct headers headers; /* their slices live as long as the connection's request */
    enum event_body kind;
    enum inflate_coding coding;
    bool compatible; /* answered as clients of others expect */
    struct events_options options;
    struct event_rules rules;
    struct tenant *tenant;   /* NULL until the key was found to be good; as in the account */
    struct quota quota;      /* of the tenant */
    int retry_after_s;       /* of a refusal by the quota; 0: none */
    char allow[64];          /* of a 405 or of OPTIONS; "" otherwise */
    const struct page *page; /* that is asked for; NULL: none */
    bool counted;            /* the fates of its events are in the metrics */
    struct account account;  /* bytes of the budget */
    uint64_t drained;        /* bytes of a refused body that were read and dropped */
    uint64_t drain_max;      /* how many at most; 0: REQUEST_DRAIN_MAX */
    size_t sent;             /* records that the producer took */
    uint64_t failed;         /* events that the answer calls failed */
    int64_t gathered_us;     /* when the last byte of the body was there */

    /* Written by the connection's thread before the first record is sent, then read by all, until
     * the last reference is gone. */
    struct buf body;
    struct arena arena;
    struct events_batch batch;
    struct produced *produced; /* in the arena: one for each record of the batch */
    atomic_size_t pending;     /* reports that are still to come, and one while sending goes on */

    /* Guarded by the lock of server/deadline.h. */
    struct request *earlier, *later;
    int64_t waiting_since_ms;
    bool listed;

    /* The connection's thread's again. Last, since only their codes are set at first: most requests
     * need neither. */
    struct err refusal;
    struct err send_err; /* why producer_send refused a record first; code ERR_NONE: it did not */
};

/* A new request of this connection, with one reference. */
struct request *request_new(struct server *server, struct loop *loop,
                            struct MHD_Connection *connection);
void request_unref(struct request *request);

/* These return what libmicrohttpd's handler shall return. */
enum MHD_Result request_headers(struct request *request, const char *method, const char *path,
                                const char *version);
enum MHD_Result request_body(struct request *request, const char *data, size_t size);
enum MHD_Result request_end(struct request *request);
enum MHD_Result request_answer(struct request *request);

/* Its answer of `size` bytes waits for the client: whatever else can be freed is. */
void request_answered(struct request *request, size_t size);

/* The connection is done with it; `sent`: the client has the whole answer. */
void request_completed(struct request *request, bool sent);

/* Ends the wait of a waiting request: resumes its connection, unless somebody else did. Any thread
 * that has a reference, or for which the connection is there in another way. */
void request_resume(struct request *request);

/* A pointer that went through libmicrohttpd. */
struct request *request_cast(void *pointer);

#endif
