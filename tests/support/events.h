/* Events in tests: rules to read them by, a few to send, what a reader makes of a body, and fates.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_EVENTS_H
#define TESTS_SUPPORT_EVENTS_H
#include "base/buf.h"
#include "handlers/events.h"

#define EVENTS_NOW INT64_C(1795420800000) /* 2026-11-23T08:00:00Z */

/* Received at EVENTS_NOW, in the default window; at most 1000 events of 4096 bytes, no metrics. */
extern const struct event_rules events_rules;

/* Events in JSON, with ' for ": two that are right and one that lacks its code. */
#define EVENT_REST  "'external_customer_id':'c','code':'api','timestamp':1795420799.5"
#define EVENT_ONE   "{'transaction_id':'tx-1'," EVENT_REST "}"
#define EVENT_TWO   "{'transaction_id':'tx-2','value':'12.50','properties':{'k': 'ä'}," EVENT_REST "}"
#define EVENT_WRONG "{'transaction_id':'tx-3','external_customer_id':'c','timestamp':1795420799.5}"

/* What stands behind the index in the result of EVENT_WRONG. */
#define EVENT_WRONG_RESULT                                                                         \
    "'transaction_id':'tx-3','status':'rejected','error':{'code':'field_missing',"                 \
    "'pointer':'/code','detail':'code is missing',"                                                \
    "'remedy':'Add the field that the pointer names.'}}"

/* Adds what a test wants to see of one step of a reader, as a line. The last step is EVENT_BROKEN
 * or EVENT_END. */
typedef void events_describe(struct buf *out, enum event_step step,
                             const struct event_reader *reader, const struct event *event,
                             const struct err *err);

/* "- error pointer" for one event, "! error pointer" for the body, without the line's end; _ for no
 * pointer. */
void events_describe_error(struct buf *out, enum event_step step, const struct err *err);

/* Reads a body (' for ") to its end and compares the lines. */
void events_check_body(size_t row, const char *body, enum event_body kind,
                       const struct event_rules *rules, events_describe *describe,
                       const char *want);

/* Gives every pending record the same fate. */
void events_settle(struct events_batch *batch, enum events_status fate);

#endif
