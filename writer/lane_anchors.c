/* Is this the log that was read before? For each partition the ledger remembers the last record
 * that was done: its offset, the digest of its value, and when the broker appended it. When a lane
 * begins, that record is read and compared; later each batch is proven to be of the same log
 * (anchor.h), which costs one question, and only if the answer proves nothing the record is read.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/lane.h"
#include "base/clock.h"
#include "base/metrics.h"
#include <inttypes.h>

enum {
    ASK_MS = 2000,   /* for an answer of the brokers */
    READ_MS = 10000, /* for an anchor, when the answer proves nothing */
    BACKOFF_MAX_MS = 2000,
};

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

static bool differs(uint32_t partition, const struct anchor *anchor, const char *difference,
                    struct err *reterr)
{
    return err_set(reterr, ERR_LOG_CHANGED,
                   "partition %" PRIu32 ": the record at offset %" PRId64 ", which was read, %s",
                   partition, anchor->offset, difference);
}

/* Reads the first record of each position and compares it. */
static bool compare(struct lane *lane, struct consumer *consumer, size_t left, int64_t until_ms,
                    struct err *reterr)
{
    CLEANUP(mem_freep) bool *seen = xcalloc(lane->ledger.partitions, sizeof *seen);
    while (left > 0) {
        struct consumer_message message;
        enum consumer_step step = lane_read(lane, consumer, &message, reterr);
        if (step == CONSUMER_ERROR)
            return false;
        if (step == CONSUMER_TIMEOUT && clock_mono_ms() > until_ms)
            return err_set(reterr, ERR_KAFKA_UNAVAILABLE,
                           "the last records that were read cannot be read again yet");
        if (step == CONSUMER_TIMEOUT || seen[message.partition])
            continue;
        const struct anchor *anchor = &lane->anchors[message.partition];
        const char *difference =
            step == CONSUMER_EOF ? "is not there" : anchor_difference(anchor, &message);
        if (difference)
            return differs(message.partition, anchor, difference, reterr);
        seen[message.partition] = true;
        left--;
    }
    return true;
}

/* Reads the anchors of these partitions, each of which the log must hold. */
static bool read_anchors(struct lane *lane, const uint32_t partitions[], size_t len,
                         int64_t until_ms, struct err *reterr)
{
    if (len == 0)
        return true;
    CLEANUP(mem_freep) struct consumer_position *positions = xcalloc(len, sizeof *positions);
    for (size_t i = 0; i < len; i++)
        positions[i] =
            (struct consumer_position){partitions[i], lane->anchors[partitions[i]].offset};
    const struct consumer_options options = {.group = NULL};
    struct consumer *consumer = consumer_open(lane->settings, &options, positions, len, reterr);
    bool good = consumer && compare(lane, consumer, len, until_ms, reterr);
    consumer_close(consumer);
    return good;
}

bool lane_check_anchors(struct lane *lane, struct err *reterr)
{
    uint32_t partitions = lane->ledger.partitions;
    CLEANUP(mem_freep) struct topic_range *ranges = xcalloc(partitions, sizeof *ranges);
    CLEANUP(mem_freep) uint32_t *anchored = xcalloc(partitions, sizeof *anchored);
    size_t len = 0;
    lane->anchors = xcalloc(partitions, sizeof *lane->anchors);
    if (!topic_watermarks(lane->topic, ranges, partitions, reterr))
        return false;
    for (uint32_t i = 0; i < partitions; i++) {
        const struct ledger_partition *state = &lane->ledger.state[i];
        if (!state->own)
            continue;
        if (!check_range(i, state, &ranges[i], reterr))
            return false;
        if (!state->anchored)
            continue;
        anchor_set(&lane->anchors[i], state->hwm, state->anchor_digest, state->anchor_timestamp_ms);
        /* Otherwise retention took it, and nothing behind it. */
        if (ranges[i].low <= state->hwm)
            anchored[len++] = i;
    }
    return read_anchors(lane, anchored, len, INT64_MAX, reterr);
}

void lane_note_taken(struct lane *lane, const struct intent *intent)
{
    for (size_t i = 0; i < intent->ranges_len; i++) {
        const struct intent_range *range = &intent->ranges[i];
        lane->taken[range->partition] = range->to;
        anchor_set(&lane->anchors[range->partition], range->to, range->anchor_digest,
                   range->anchor_timestamp_ms);
    }
}

/* Proving */

/* The answers proved nothing about these partitions: their anchors themselves are looked at. One
 * that retention took since cannot be compared any more. */
static bool look_at(struct lane *lane, uint32_t doubtful[], size_t len, struct err *reterr)
{
    uint32_t partitions = lane->ledger.partitions;
    CLEANUP(mem_freep) struct topic_range *ranges = xcalloc(partitions, sizeof *ranges);
    size_t there = 0;
    metrics_add(METRIC_WRITER_ANCHORS_READ, len);
    if (!topic_watermarks(lane->topic, ranges, partitions, reterr))
        return false;
    for (size_t i = 0; i < len; i++) {
        const struct anchor *anchor = &lane->anchors[doubtful[i]];
        if (ranges[doubtful[i]].high <= anchor->offset)
            return differs(doubtful[i], anchor, "is not there", reterr);
        if (ranges[doubtful[i]].low <= anchor->offset)
            doubtful[there++] = doubtful[i];
    }
    return read_anchors(lane, doubtful, there, clock_mono_ms() + READ_MS, reterr);
}

static bool try_to_prove(struct lane *lane, struct err *reterr)
{
    uint32_t partitions = lane->ledger.partitions;
    CLEANUP(mem_freep) struct topic_moment *moments = xcalloc(partitions, sizeof *moments);
    CLEANUP(mem_freep) uint32_t *doubtful = xcalloc(partitions, sizeof *doubtful);
    size_t len = 0, doubtful_len = 0;
    for (uint32_t i = 0; i < partitions; i++)
        if (anchor_in_use(&lane->anchors[i]))
            moments[len++] = (struct topic_moment){i, lane->anchors[i].timestamp_ms + 1, -1};
    if (!topic_moments(lane->topic, moments, len, ASK_MS, reterr))
        return false;
    for (size_t i = 0; i < len; i++)
        if (!anchor_proven(&lane->anchors[moments[i].partition], moments[i].offset))
            doubtful[doubtful_len++] = moments[i].partition;
    return doubtful_len == 0 || look_at(lane, doubtful, doubtful_len, reterr);
}

bool lane_prove(struct lane *lane, struct err *reterr)
{
    int64_t backoff_ms = 0, began_us = clock_mono_us();
    while (!try_to_prove(lane, reterr)) {
        if (err_code_class(reterr->code) != ERR_CLASS_RETRY)
            return false;
        err_prefix(reterr, "whether the log is the one that was read");
        status_trouble(&lane->status, STATUS_KAFKA, reterr);
        if (!lane_commit(lane, false, reterr))
            return false;
        stop_wait(&lane->stop, stop_backoff(&backoff_ms, BACKOFF_MAX_MS));
        if (!lane_go_on(lane, reterr))
            return false;
    }
    metrics_observe_us(HISTOGRAM_WRITER_PROOF, clock_mono_us() - began_us);
    if (backoff_ms > 0)
        status_trouble_over(&lane->status, STATUS_KAFKA);
    return true;
}
