/* A record on its way into the stores: what the log holds, what it means, and what becomes of it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_ROW_H
#define BATCH_ROW_H
#include "dedup/seen_id.h"
#include "kafka/consumer.h"
#include "schemas/record.h"

/* Every record has exactly one. */
enum fate_kind {
    FATE_STORED,
    FATE_DUPLICATE, /* an earlier record has its organization and transaction_id */
    FATE_DEAD,      /* a dead letter */
};

enum fate_reason {
    FATE_NO_REASON,
#define FATE_REASON(name, code, counts, title) FATE_##name,
#include "batch/fate_reasons.def"
#undef FATE_REASON
    FATE_REASONS
};

/* Stored offset (batch/intent.h) of a first record that is known only to exist. */
#define FATE_FIRST_UNKNOWN UINT64_MAX

struct fate {
    enum fate_kind kind;
    enum fate_reason reason; /* FATE_DEAD */
    uint64_t first;          /* FATE_DUPLICATE and FATE_DUPLICATE_CONFLICT: its stored offset */
};

struct row {
    struct record record; /* slices point into the message, into that of an earlier row that says
                             the same (batch/shared.h), or into the batch's arena; all zero when
                             the record cannot be read */
    struct consumer_message message;
    struct seen_id id; /* of organization and transaction_id; stored is 0 when it cannot be read */
    uint32_t period;   /* ClickHouse's partition: ch_period_at of the event's time */
    struct fate fate;
    const char *detail; /* FATE_DEAD: what is wrong, in the batch's arena; NULL: nothing to add */
};

#endif
