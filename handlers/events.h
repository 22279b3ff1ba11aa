/* What POST /v1/events means, as two pure functions: bytes and rules in, records and results out;
 * results and fates in, an answer out. No sockets, no Kafka, no threads, no clock.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef HANDLERS_EVENTS_H
#define HANDLERS_EVENTS_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "schemas/event.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What became of one event of a request. */
enum events_status {
    EVENTS_PENDING,  /* its record waits for the broker's acknowledgement */
    EVENTS_ACCEPTED, /* acknowledged */
    EVENTS_REJECTED, /* wrong; see error */
    EVENTS_FAILED,   /* fate unknown, or certainly not stored: the caller sends it again */
    EVENTS_WITHHELD, /* right, but not produced: the request is atomic and another event is wrong */
    EVENTS_VALID,    /* right, and the caller only wanted to know */
};

struct events_result {
    enum events_status status;
    const struct err *error; /* in the arena; NULL unless rejected */
    struct event event;      /* as far as it was readable when rejected */
};

/* One record to produce. `result` is the index of its event in results. */
struct events_record {
    struct slice value; /* the canonical record, in the arena */
    size_t result;
};

struct events_batch {
    bool single; /* the body was one event, not a list */
    struct events_result *results;
    size_t results_len;
    struct events_record *records; /* those that are pending, in order */
    size_t records_len;
    size_t schema_rejected, schema_warned; /* results whose properties do not fit their schema */
    bool warns; /* some event has what an answer warns of: a member that was dropped, … */
};

/* How the answer is written. An event without an acknowledgement is a 503 with a problem in each.
 */
enum events_form {
    EVENTS_FORM_OWN,
    EVENTS_FORM_LAGO,      /* for clients of Lago: 200 with the events, 422 with error_details */
    EVENTS_FORM_OPENMETER, /* for clients of OpenMeter: 204, or 422 when any event was rejected */
};

struct events_options {
    enum events_form form;
    bool atomic;      /* nothing is produced unless all are valid */
    bool results_all; /* every event stands in results */
    bool validate;    /* nothing is produced at all: the caller wants to know what is wrong */
    struct slice request_id; /* for problems; may be empty */
};

/* Bytes of arena that suffice for any body of that size: with it events_accept never meets the cap.
 */
size_t events_arena_max(size_t body_size, const struct event_rules *rules);

/* Reads a body. Everything in *ret_batch lives in the arena or in the body: both stay until the
 * answer is made and the last record is acknowledged. False: the request as a whole is refused,
 * *reterr says why (its code has the HTTP status) and nothing of it may be produced. Errors: those
 * of EVENT_BROKEN in schemas/event.h. */
bool events_accept(struct slice body, enum event_body kind, const struct event_rules *rules,
                   const struct events_options *options, struct arena *arena,
                   struct events_batch *ret_batch, struct err *reterr) MUST_CHECK;

struct answer {
    int status;               /* HTTP */
    const char *content_type; /* static */
    int retry_after_s;        /* 0: no such header */
    struct buf body;          /* owned by whoever holds the answer: answer_done */
};

/* The answer once no result is pending; one that still is counts as EVENTS_FAILED.
 *
 *   one event   201 with the event; 422 with a problem
 *   several     201 all taken, 207 some, 422 none, with counts and results
 *   any failed  503 with a problem, Retry-After and results: the same body again is right
 *
 * With options->validate it is 200 with counts and results, whatever the events are.
 *
 * Lists that would make the answer too large are left out. */
void events_answer(const struct events_batch *batch, const struct event_rules *rules,
                   const struct events_options *options, struct answer *ret_answer);

/* An application/problem+json answer (RFC 9457) for a request refused as a whole. */
void problem_answer(const struct err *err, struct slice request_id, struct answer *ret_answer);

void answer_done(struct answer *answer);

#endif
