/* What the log is now: its ends, and the records that the ledger remembers.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/clock.h"
#include "cli/mending.h"
#include "kafka/consumer.h"
#include <inttypes.h>

enum {
    STEP_MS = 100,
    PATIENCE_MS = 30000,
};

/* A record that the ledger remembers. */
struct memory {
    uint32_t partition;
    int64_t offset;
    const uint8_t *digest; /* of its value */
    int64_t timestamp_ms;
    bool seen, same;
};

static void compare(struct memory *memory, const struct consumer_message *message)
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    digest_sha256(message->value, digest);
    memory->same = message->offset == memory->offset &&
                   message->timestamp_ms == memory->timestamp_ms &&
                   digest_equal(digest, memory->digest, sizeof digest);
}

static bool read_memories(struct consumer *consumer, struct memory memories[], size_t len,
                          struct err *reterr)
{
    int64_t until = clock_mono_ms() + PATIENCE_MS;
    for (size_t left = len; left > 0;) {
        struct consumer_message message;
        enum consumer_step step = consumer_next(consumer, STEP_MS, &message, reterr);
        if (step == CONSUMER_ERROR)
            return false;
        if (step == CONSUMER_TIMEOUT && clock_mono_ms() > until)
            return err_set(reterr, ERR_KAFKA_UNAVAILABLE, "%zu partitions cannot be read", left);
        for (size_t i = 0; step != CONSUMER_TIMEOUT && i < len; i++) {
            if (memories[i].partition != message.partition || memories[i].seen)
                continue;
            if (step == CONSUMER_MESSAGE)
                compare(&memories[i], &message);
            memories[i].seen = true;
            left--;
        }
        if (step == CONSUMER_MESSAGE)
            consumer_release(consumer, message.sequence);
    }
    return true;
}

/* Reads each record; partitions whose record is another, or not there, are MENDING_OTHER. */
static bool check(struct mending *mending, struct memory memories[], size_t len, struct err *reterr)
{
    if (len == 0)
        return true;
    CLEANUP(mem_freep) struct consumer_position *positions = xcalloc(len, sizeof *positions);
    for (size_t i = 0; i < len; i++)
        positions[i] = (struct consumer_position){memories[i].partition, memories[i].offset};
    const struct consumer_options options = {.group = NULL};
    struct consumer *consumer = consumer_open(mending->settings, &options, positions, len, reterr);
    bool good = consumer && read_memories(consumer, memories, len, reterr);
    consumer_close(consumer);
    for (size_t i = 0; good && i < len; i++)
        if (!memories[i].same)
            mending->places[memories[i].partition].found = MENDING_OTHER;
    return good;
}

/* What the ends alone say. */
static enum mending_found judge_ends(const struct mending_place *place)
{
    if (place->log.high <= place->hwm)
        return MENDING_SHORTER;
    if (place->log.low > place->hwm + 1)
        return MENDING_GAP;
    if (place->hwm < 0)
        return MENDING_NOTHING;
    return place->log.low > place->hwm ? MENDING_TAKEN : MENDING_SAME;
}

static void note_ends(struct mending *mending, const struct topic_range ranges[])
{
    for (size_t i = 0; i < mending->mend.lanes_len; i++) {
        const struct mend_lane *lane = &mending->mend.lanes[i];
        for (uint32_t p = 0; p < mending->mend.partitions; p++) {
            if (!lane->ledger.state[p].own)
                continue;
            struct mending_place *place = &mending->places[p];
            *place = (struct mending_place){
                .lane = lane->number, .hwm = lane->ledger.state[p].hwm, .log = ranges[p]};
            place->found = judge_ends(place);
        }
    }
}

/* The records at hwm. */
static bool check_done(struct mending *mending, struct err *reterr)
{
    uint32_t partitions = mending->mend.partitions;
    CLEANUP(mem_freep) struct memory *memories = xcalloc(partitions, sizeof *memories);
    size_t len = 0;
    for (size_t i = 0; i < mending->mend.lanes_len; i++)
        for (uint32_t p = 0; p < partitions; p++) {
            const struct ledger_partition *state = &mending->mend.lanes[i].ledger.state[p];
            if (state->own && state->anchored && mending->places[p].found == MENDING_SAME)
                memories[len++] = (struct memory){.partition = p,
                                                  .offset = state->hwm,
                                                  .digest = state->anchor_digest,
                                                  .timestamp_ms = state->anchor_timestamp_ms};
        }
    return check(mending, memories, len, reterr);
}

/* The records where announced batches end: all that is known of a log of which nothing is done. */
static bool check_announced(struct mending *mending, struct err *reterr)
{
    CLEANUP(mem_freep)
    struct memory *memories = xcalloc(mending->mend.partitions, sizeof *memories);
    size_t len = 0;
    for (size_t i = 0; i < mending->mend.lanes_len; i++) {
        const struct ledger *ledger = &mending->mend.lanes[i].ledger;
        for (size_t r = 0; ledger->pending && r < ledger->intent.ranges_len; r++) {
            const struct intent_range *range = &ledger->intent.ranges[r];
            if (range->partition >= mending->mend.partitions)
                continue;
            struct mending_place *place = &mending->places[range->partition];
            if (place->log.high <= range->to)
                place->found = MENDING_SHORTER;
            else if (place->log.low <= range->to && place->found != MENDING_OTHER)
                memories[len++] = (struct memory){.partition = range->partition,
                                                  .offset = range->to,
                                                  .digest = range->anchor_digest,
                                                  .timestamp_ms = range->anchor_timestamp_ms};
        }
    }
    return check(mending, memories, len, reterr);
}

bool mending_log_look(struct mending *mending, struct err *reterr)
{
    uint32_t partitions = mending->mend.partitions;
    CLEANUP(mem_freep) struct topic_range *ranges = xcalloc(partitions, sizeof *ranges);
    if (!topic_watermarks(mending->topic, ranges, partitions, reterr))
        return false;
    note_ends(mending, ranges);
    return check_done(mending, reterr) && check_announced(mending, reterr);
}
