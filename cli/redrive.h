/* Producing dead letters again: a page of records goes to the topic, and is waited for.
 *
 * Threads: that of its owner; reports come from the producer's delivery thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_REDRIVE_H
#define CLI_REDRIVE_H
#include "base/slice.h"
#include "base/thread.h"
#include "kafka/producer.h"

struct redrive {
    struct producer *producer; /* owned */
    struct lock lock;
    size_t outstanding; /* guarded by lock */
};

/* One record on its way. */
struct redrive_record {
    struct producer_record record; /* its slices are borrowed until redrive_wait returned */
    struct redrive *redrive;       /* set by redrive_send */
    enum producer_fate fate;       /* after redrive_wait */
};

/* Starts the producer and waits until the topic was verified. Errors: those of producer_start and
 * producer_ready. */
bool redrive_start(struct redrive *redrive, const struct settings *settings,
                   struct err *reterr) MUST_CHECK;
void redrive_stop(struct redrive *redrive); /* fine after a start that failed */

/* Hands a record over. Errors: those of producer_send. */
bool redrive_send(struct redrive *redrive, struct redrive_record *record,
                  struct err *reterr) MUST_CHECK;

/* Waits for the fate of everything that was handed over. */
void redrive_wait(struct redrive *redrive);

#endif
