/* Comparing events. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/content.h"
#include "clickhouse/fixed.h"

enum {
    VALUE_DIGITS = 38,
    VALUE_SCALE = 18,
};

bool content_is_timeless(const struct record *record)
{
    return record->timestamp_ms == record->ingested_ms;
}

/* 12.50 and 12.5 are one value. Neither is none and 0. */
static bool same_value(struct slice a, struct slice b)
{
    __int128 worth_a, worth_b;
    struct err ignored;
    if (slice_equal(a, b))
        return true;
    return a.size > 0 && b.size > 0 &&
           fixed_parse(a, VALUE_DIGITS, VALUE_SCALE, &worth_a, &ignored) &&
           fixed_parse(b, VALUE_DIGITS, VALUE_SCALE, &worth_b, &ignored) && worth_a == worth_b;
}

bool content_equal(const struct record *record, const struct record *first, enum content_part part)
{
    return slice_equal(record->code, first->code) &&
           slice_equal(record->external_customer_id, first->external_customer_id) &&
           (part == CONTENT_WITHOUT_SUBSCRIPTION ||
            slice_equal(record->external_subscription_id, first->external_subscription_id)) &&
           slice_equal(record->properties, first->properties) &&
           same_value(record->value, first->value) &&
           (record->timestamp_ms == first->timestamp_ms ||
            (content_is_timeless(record) && content_is_timeless(first)));
}
