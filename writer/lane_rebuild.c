/* The batch of an intent, once more: exactly its ranges are read again, and what comes out must be
 * what the intent says, record for record and block for block. Nothing is decided anew: each record
 * has the fate that was pinned.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/lane.h"
#include "base/clock.h"
#include <inttypes.h>

/* The intent must speak of the topic and the table that we have. */
static bool same_places(const struct lane *lane, struct err *reterr)
{
    const struct intent *intent = &lane->ledger.intent;
    if (strcmp(intent->cluster_id, lane->facts.cluster_id) != 0 ||
        strcmp(intent->topic, lane->settings->events_topic) != 0 ||
        intent->incarnation != lane->ledger.incarnation)
        return err_set(reterr, ERR_TOPIC_MISMATCH, "the intent was made for another topic");
    if (strcmp(intent->table_uuid, lane->table.uuid) != 0 ||
        strcmp(intent->partition_key, lane->table.partition_key) != 0)
        return err_set(reterr, ERR_TABLE_MISMATCH, "the intent was made for another table");
    for (size_t i = 0; i < intent->ranges_len; i++) {
        const struct intent_range *range = &intent->ranges[i];
        if (range->partition >= lane->ledger.partitions ||
            !lane->ledger.state[range->partition].own ||
            range->from != lane->ledger.state[range->partition].hwm + 1)
            return err_set(reterr, ERR_INTERNAL,
                           "the intent does not begin where partition %" PRIu32 " stands",
                           range->partition);
    }
    return true;
}

/* A range has been read when a record at or behind its end came, or the end of the log. */
static bool read_ranges(struct lane *lane, struct consumer *consumer, const struct intent *intent,
                        struct batch *batch, struct err *reterr)
{
    CLEANUP(mem_freep) bool *read = xcalloc(lane->ledger.partitions, sizeof *read);
    for (size_t left = intent->ranges_len; left > 0;) {
        struct consumer_message message;
        enum consumer_step step = lane_read(lane, consumer, &message, reterr);
        if (step == CONSUMER_ERROR)
            return false;
        if (step == CONSUMER_TIMEOUT || read[message.partition])
            continue;
        const struct intent_range *range = intent_range_of(intent, message.partition);
        if (step == CONSUMER_MESSAGE && message.offset <= range->to)
            batch_add(batch, &message);
        if (step == CONSUMER_EOF || message.offset >= range->to) {
            read[message.partition] = true;
            left--;
        }
    }
    return true;
}

static bool compare_ranges(const struct intent *was, const struct intent *is, struct err *reterr)
{
    for (size_t i = 0; i < was->ranges_len; i++) {
        const struct intent_range *a = &was->ranges[i];
        const struct intent_range *b = intent_range_of(is, a->partition);
        if (!b || a->records != b->records || a->to != b->to ||
            !digest_equal(a->digest, b->digest, sizeof a->digest))
            return err_set(reterr, ERR_LOG_CHANGED,
                           "partition %" PRIu32 ", offsets %" PRId64 " to %" PRId64 ": %" PRId64
                           " records were read before, now they are %" PRId64 " or others",
                           a->partition, a->from, a->to, a->records, b ? b->records : 0);
    }
    return true;
}

static bool compare_blocks(const struct intent *was, const struct intent *is, struct err *reterr)
{
    bool same = was->blocks_len == is->blocks_len;
    for (size_t i = 0; same && i < was->blocks_len; i++)
        same = was->blocks[i].period == is->blocks[i].period &&
               was->blocks[i].rows == is->blocks[i].rows;
    return same || err_set(reterr, ERR_INTERNAL,
                           "the same records make other blocks than intent %s says", was->id);
}

static bool replay_with(struct lane *lane, struct consumer *consumer, const struct intent *intent,
                        struct batch *batch, struct err *reterr)
{
    CLEANUP(mem_freep) int64_t *before = xcalloc(lane->ledger.partitions, sizeof *before);
    for (size_t i = 0; i < intent->ranges_len; i++)
        before[intent->ranges[i].partition] = intent->ranges[i].from - 1;
    if (!read_ranges(lane, consumer, intent, batch, reterr))
        return false;
    if (batch->rows_len == 0)
        return err_set(reterr, ERR_LOG_CHANGED, "no record of the intent is in the topic any more");
    return batch_pin(batch, &intent->fates, reterr) &&
           batch_seal(batch, before, intent->incarnation, intent->records_mode, reterr) &&
           compare_ranges(intent, &batch->intent, reterr) &&
           compare_blocks(intent, &batch->intent, reterr);
}

bool lane_replay(struct lane *lane, const struct intent *intent, struct batch *batch,
                 struct err *reterr)
{
    CLEANUP(mem_freep)
    struct consumer_position *positions = xcalloc(intent->ranges_len, sizeof *positions);
    for (size_t i = 0; i < intent->ranges_len; i++)
        positions[i] =
            (struct consumer_position){intent->ranges[i].partition, intent->ranges[i].from};
    const struct consumer_options options = {.group = NULL};
    struct consumer *consumer =
        consumer_open(lane->settings, &options, positions, intent->ranges_len, reterr);
    bool good = consumer && replay_with(lane, consumer, intent, batch, reterr);
    consumer_close(consumer);
    return good;
}

bool lane_rebuild(struct lane *lane, struct err *reterr)
{
    struct intent *was = &lane->ledger.intent;
    struct intent *is = &lane->open->intent;
    if (!same_places(lane, reterr) || !lane_replay(lane, was, lane->open, reterr))
        return false;
    /* From here on it is that very intent: id, tokens and attempts. */
    intent_done(is);
    *is = *was;
    *was = (struct intent){0};
    return true;
}
