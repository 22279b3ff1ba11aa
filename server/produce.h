/* From the records of a request to the producer, and back from its reports to the request.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_PRODUCE_H
#define SERVER_PRODUCE_H
#include "base/err.h"
#include "kafka/producer.h"
#include <stdbool.h>
#include <stddef.h>

struct request;

/* Bytes of the request's arena that produce_records takes for a batch of `records` records, beside
 * what events_accept took. */
size_t produce_arena_max(size_t records);

/* Suspends the connection and hands over every record of request->batch at the end of the loop's
 * turn. The connection is resumed when the last report is in, at the deadline, or at once when
 * nothing is waited for.
 * Errors: OVERLOADED, with nothing suspended and nothing sent.
 * @thread of the connection */
bool produce_records(struct request *request, struct err *reterr) MUST_CHECK;

/* The producer's report: `opaque` is a struct produced. @thread of the producer */
void produce_report(void *opaque, enum producer_fate fate);

/* Moves the fates into the results of the batch and counts them. What has none yet is failed, and
 * its report will be counted as late. Once. @thread of the connection, or the last to let go */
void produce_settle(struct request *request);

#endif
