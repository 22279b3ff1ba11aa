/* The canonical record: what stands in Kafka. One JSON object in a fixed field order:
 *
 *     {"organization_id":"…","transaction_id":"…","external_customer_id":"…","code":"…",
 *      "timestamp":"2026-11-23T08:00:00.123Z","ingested_at":"…","external_subscription_id":"…"?,
 *      "value":"12.50"?,"transactional":true?,"properties":{…the caller's bytes…}}
 *
 * Any tool reads it as JSON; record_decode reads it by position, and a record in another order
 * (another producer's) in full.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_RECORD_H
#define SCHEMAS_RECORD_H
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

struct record {
    struct slice organization_id; /* identifiers (schemas/identifier.h), unescaped */
    struct slice transaction_id;
    struct slice external_customer_id;
    struct slice code;
    struct slice external_subscription_id; /* size 0: not given */
    struct slice value;                    /* plain decimal text without exponent; size 0: none */
    struct slice properties;               /* a JSON object, byte for byte the caller's */
    int64_t timestamp_ms;                  /* Unix time */
    int64_t ingested_ms;
    struct slice timestamp_text; /* for writing, where they are at hand: as clock_format writes */
    struct slice ingested_text;  /* the two, which is then not done; size 0: not at hand */
    bool transactional;
};

/* Writes the record, and returns its size, into memory of record_size_max bytes, of which those
 * behind the record are overwritten too. */
size_t record_write(const struct record *record, char *ret_bytes);
size_t record_size_max(const struct record *record);

/* Appends the record to `out`, where it needs room for record_size_max bytes. */
void record_encode(const struct record *record, struct buf *out);

/* Reads what record_encode wrote, or any JSON object with these members. Slices point into `bytes`
 * or into the arena. Errors: RECORD_INVALID, with pointer and reason. */
bool record_decode(struct slice bytes, struct arena *arena, struct record *ret_record,
                   struct err *reterr) MUST_CHECK;

#endif
