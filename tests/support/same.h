/* Whether two events or records say the same.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_SAME_H
#define TESTS_SUPPORT_SAME_H
#include "schemas/event.h"
#include "schemas/record.h"

static inline bool same_record(const struct record *a, const struct record *b)
{
    return slice_equal(a->organization_id, b->organization_id) &&
           slice_equal(a->transaction_id, b->transaction_id) &&
           slice_equal(a->external_customer_id, b->external_customer_id) &&
           slice_equal(a->code, b->code) &&
           slice_equal(a->external_subscription_id, b->external_subscription_id) &&
           slice_equal(a->value, b->value) && slice_equal(a->properties, b->properties) &&
           a->timestamp_ms == b->timestamp_ms && a->ingested_ms == b->ingested_ms &&
           a->transactional == b->transactional;
}

/* The record of an event that was accepted under these rules. */
static inline struct record record_of(const struct event *event, const struct event_rules *rules)
{
    return (struct record){
        .organization_id = rules->organization_id,
        .transaction_id = event->transaction_id,
        .external_customer_id = event->external_customer_id,
        .code = event->code,
        .external_subscription_id = event->external_subscription_id,
        .value = event->value,
        .properties = event->properties,
        .timestamp_ms = event->timestamp_ms,
        .timestamp_text = event->timestamp_text,
        .ingested_ms = rules->received_ms,
        .transactional = event->transactional,
    };
}

#endif
