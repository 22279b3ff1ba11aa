/* Whether a partition's log is still the one that was read: a topic that was removed and made anew
 * has the same name, and offsets that were given out before.
 *
 * The anchor is the last record before those that are in hand. When all of these were taken, the
 * broker is asked for the first record that was appended after the anchor:
 *
 *     anchor_take(&anchor, &message);     each record that is taken
 *     … which offset is the first one appended after anchor.timestamp_ms? …
 *     if (!anchor_proven(&anchor, offset)) … read the anchor itself, anchor_difference …
 *     anchor_set(&anchor, …);             the last of them is the next anchor
 *
 * In the log that was read it stands behind the anchor, and not behind the first of the taken
 * records that is later. In one that was made anew all records are later than the anchor, and the
 * answer is where it begins. A broker's clock that went back, or another broker's that is behind,
 * makes the answer worthless, as it does when retention took the anchor: then it proves nothing.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_ANCHOR_H
#define WRITER_ANCHOR_H
#include "base/digest.h"
#include "kafka/consumer.h"

struct anchor {
    bool known; /* until a first record was taken it may not be; the rest is said of one that is */
    int64_t offset;
    uint8_t digest[DIGEST_SHA256_SIZE]; /* SHA-256 of its value */
    int64_t timestamp_ms;               /* its LogAppendTime */
    /* of the records that were taken since; offsets */
    int64_t last;  /* -1: none was taken */
    int64_t newer; /* the first one that was appended later than the anchor; -1: none was */
    bool older;    /* one was appended earlier */
};

void anchor_set(struct anchor *anchor, int64_t offset, const uint8_t digest[DIGEST_SHA256_SIZE],
                int64_t timestamp_ms);

/* A record was taken. The first one of a partition without an anchor becomes it, and is in hand as
 * well: what was taken after it must be of the same log. */
void anchor_take(struct anchor *anchor, const struct consumer_message *message);

static inline bool anchor_in_use(const struct anchor *anchor)
{
    return anchor->known && anchor->last >= 0;
}

/* Whether `offset` (-1: there is none) as the first record appended after the anchor proves that
 * the log is the same. Asked after the last record was taken, of an anchor in use. */
bool anchor_proven(const struct anchor *anchor, int64_t offset);

/* How the record that was read where the anchor was differs from it; NULL: it is the same. */
const char *anchor_difference(const struct anchor *anchor, const struct consumer_message *message);

#endif
