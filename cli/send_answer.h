/* What an answer to POST /v1/events means for the batch that was sent.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_SEND_ANSWER_H
#define CLI_SEND_ANSWER_H
#include "base/err.h"
#include "base/slice.h"
#include <stdint.h>

enum send_verdict {
    SEND_TAKEN, /* every event has its fate */
    SEND_AGAIN, /* the same body again, later: that never counts an event twice */
    SEND_STOP,  /* sending more is of no use until somebody acts */
};

struct send_counts {
    uint64_t accepted, duplicates, rejected;
};

struct send_rejection {
    uint64_t index; /* in the batch */
    const char *code, *pointer, *detail;
};

typedef void send_reject_fn(void *context, const struct send_rejection *rejection);

/* Judges an answer: `status` 0 means that there was none, for the reason in `problem`. `events` is
 * how many were sent. `reject` is called for each event that the answer lists as rejected. *reterr
 * is filled unless the verdict is SEND_TAKEN. */
enum send_verdict send_judge(int status, struct slice answer, const char *problem, uint64_t events,
                             send_reject_fn *reject, void *context, struct send_counts *ret_counts,
                             struct err *reterr);

#endif
