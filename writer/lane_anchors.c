/* Is this the log that was read before? For each partition the ledger remembers the last record
 * that was done: its offset, the digest of its value, and when the broker appended it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/lane.h"
#include <inttypes.h>

/* The next record to read must be in the log, and the last one read must not be beyond its end. */
static bool check_range(uint32_t partition, const struct ledger_partition *state,
                        const struct topic_range *range, struct err *reterr)
{
    if (range->low > state->hwm + 1)
        return err_set(reterr, ERR_LOG_GAP,
                       "partition %" PRIu32 " begins at offset %" PRId64 ", but %" PRId64
                       " is the last one stored",
                       partition, range->low, state->hwm);
    if (range->high <= state->hwm)
        return err_set(reterr, ERR_LOG_CHANGED,
                       "partition %" PRIu32 " ends before offset %" PRId64 ", but %" PRId64
                       " was stored",
                       partition, range->high, state->hwm);
    return true;
}

static bool compare(const struct ledger_partition *state, const struct consumer_message *message,
                    struct err *reterr)
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    digest_sha256(message->value, digest);
    const char *difference = NULL;
    if (message->offset != state->hwm)
        difference = "is not there";
    else if (!digest_equal(digest, state->anchor_digest, sizeof digest))
        difference = "has another value";
    else if (message->timestamp_ms != state->anchor_timestamp_ms)
        difference = "was appended at another time";
    return !difference || err_set(reterr, ERR_LOG_CHANGED,
                                  "partition %" PRIu32 ": the record at offset %" PRId64
                                  ", the last one stored, %s",
                                  message->partition, state->hwm, difference);
}

/* Reads the first record of each position and compares it. */
static bool read_anchors(struct lane *lane, struct consumer *consumer, size_t left,
                         struct err *reterr)
{
    CLEANUP(mem_freep) bool *seen = xcalloc(lane->ledger.partitions, sizeof *seen);
    while (left > 0) {
        struct consumer_message message;
        enum consumer_step step = lane_read(lane, consumer, &message, reterr);
        if (step == CONSUMER_ERROR)
            return false;
        if (step == CONSUMER_EOF && !seen[message.partition])
            return err_set(reterr, ERR_LOG_CHANGED,
                           "partition %" PRIu32 ": the record at offset %" PRId64
                           ", the last one stored, is not there",
                           message.partition, lane->ledger.state[message.partition].hwm);
        if (step != CONSUMER_MESSAGE)
            continue;
        if (!seen[message.partition]) {
            if (!compare(&lane->ledger.state[message.partition], &message, reterr))
                return false;
            seen[message.partition] = true;
            left--;
        }
        consumer_release(consumer, message.sequence);
    }
    return true;
}

bool lane_check_anchors(struct lane *lane, struct err *reterr)
{
    uint32_t partitions = lane->ledger.partitions;
    CLEANUP(mem_freep) struct topic_range *ranges = xcalloc(partitions, sizeof *ranges);
    CLEANUP(mem_freep)
    struct consumer_position *positions = xcalloc(partitions, sizeof *positions);
    if (!topic_watermarks(lane->topic, ranges, partitions, reterr))
        return false;
    size_t positions_len = 0;
    for (uint32_t i = 0; i < partitions; i++) {
        const struct ledger_partition *state = &lane->ledger.state[i];
        if (!state->own)
            continue;
        if (!check_range(i, state, &ranges[i], reterr))
            return false;
        /* Otherwise retention took it, and nothing behind it. */
        if (state->anchored && ranges[i].low <= state->hwm)
            positions[positions_len++] = (struct consumer_position){i, state->hwm};
    }
    if (positions_len == 0)
        return true;
    const struct consumer_options options = {.group = NULL};
    struct consumer *consumer =
        consumer_open(lane->settings, &options, positions, positions_len, reterr);
    bool good = consumer && read_anchors(lane, consumer, positions_len, reterr);
    consumer_close(consumer);
    return good;
}
