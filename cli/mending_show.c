/* What was found and what becomes of it, for people and for programs.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/mending.h"
#include <inttypes.h>

static const char *const found_codes[] = {
    [MENDING_SAME] = "same", [MENDING_NOTHING] = "nothing_done", [MENDING_TAKEN] = "taken",
    [MENDING_GAP] = "gap",   [MENDING_SHORTER] = "shorter",      [MENDING_OTHER] = "other",
};

static const char *const found_texts[] = {
    [MENDING_SAME] = "as it was",
    [MENDING_NOTHING] = "nothing was done of it",
    [MENDING_TAKEN] = "what was done is gone, nothing else",
    [MENDING_GAP] = "records behind that are gone",
    [MENDING_SHORTER] = "ends before that",
    [MENDING_OTHER] = "another record is there",
};

static const char *const landed_codes[] = {
    [MENDING_UNKNOWN] = "unknown", [MENDING_ABSENT] = "absent", [MENDING_LANDED] = "landed"};

static const char *const intent_codes[] = {
    [MEND_LEAVE] = "leave", [MEND_FORGET] = "forget", [MEND_COMPLETE] = "complete"};

static int64_t lost_rows(const struct mending *mending)
{
    int64_t lost = 0;
    for (size_t i = 0; i < mending->mend.lanes_len; i++)
        lost += mending->batches[i].lost;
    return lost;
}

static int64_t gone_records(const struct mending *mending)
{
    int64_t gone = 0;
    for (uint32_t p = 0; p < mending->mend.partitions; p++)
        gone += mending->places[p].gone;
    return gone;
}

/* For people */

static void show_places(const struct mending *mending)
{
    printf("\n%9s  %4s  %12s  %-21s  %s\n", "PARTITION", "LANE", "DONE UP TO", "THE LOG NOW",
           "WHICH");
    for (uint32_t p = 0; p < mending->mend.partitions; p++) {
        const struct mending_place *place = &mending->places[p];
        char log[48] = "empty", done[24] = "-";
        if (place->hwm < 0 && place->log.high == 0)
            continue;
        if (place->log.high > place->log.low)
            snprintf(log, sizeof log, "%" PRId64 " to %" PRId64, place->log.low,
                     place->log.high - 1);
        if (place->hwm >= 0)
            snprintf(done, sizeof done, "%" PRId64, place->hwm);
        printf("%9" PRIu32 "  %4" PRIu32 "  %12s  %-21s  %s\n", p, place->lane, done, log,
               found_texts[place->found]);
    }
}

static void show_batch(const struct mending *mending, size_t index, bool done)
{
    const struct mend_lane *lane = &mending->mend.lanes[index];
    const struct mending_batch *batch = &mending->batches[index];
    const struct intent *intent = &lane->ledger.intent;
    if (!lane->ledger.pending)
        return;
    printf("\nlane %" PRIu32 ": batch %" PRId64 " was announced and is not completed: %" PRId64
           " records\n",
           lane->number, lane->ledger.batch_seq + 1, intent_records(intent));
    for (size_t i = 0; i < intent->blocks_len; i++)
        printf("  block %" PRIu32 ": %" PRId64 " rows, %s\n", intent->blocks[i].period,
               intent->blocks[i].rows,
               batch->landed[i] == MENDING_LANDED ? "in ClickHouse"
               : done                             ? "not in ClickHouse"
                                                  : "not in ClickHouse so far");
    if (batch->what == MEND_LEAVE)
        printf("  it stays: the writer builds it again\n");
    else if (batch->what == MEND_FORGET)
        printf("  it %s: nothing of it has landed\n", done ? "was forgotten" : "is forgotten");
    else
        printf("  what landed of it %s\n", done ? "was completed" : "is completed");
}

static void show_losses(const struct mending *mending, bool done)
{
    int64_t lost = lost_rows(mending), gone = gone_records(mending);
    printf("\n");
    if (lost > 0)
        printf("%s: %" PRId64 " records of announced batches that did not land\n",
               done ? "lost" : "will be lost", lost);
    if (gone > 0)
        printf("%s: up to %" PRId64 " records that the log no longer has\n",
               done ? "lost" : "will be lost", gone);
    if (mending->wish.renew)
        printf("not known here: what else the old log held behind \"done up to\". Compare with the "
               "senders, and send it again: what is stored already is not counted twice\n");
    else if (lost + gone == 0)
        printf("nothing is lost\n");
}

void mending_show(const struct mending *mending, bool done)
{
    printf("topic %s of cluster %s feeds %s, incarnation %" PRIu32 "\n",
           mending->settings->events_topic, mending->mend.cluster_id, mending->mend.table,
           mending->mend.incarnation);
    if (strcmp(mending->mend.cluster_id, mending->facts.cluster_id) != 0)
        printf("the cluster is %s now\n", mending->facts.cluster_id);
    for (size_t i = 0; i < mending->mend.lanes_len; i++)
        if (!done && mending->mend.lanes[i].owner[0] != '\0' && !mending->mend.lanes[i].taken)
            printf("lane %" PRIu32 " is owned by %s\n", mending->mend.lanes[i].number,
                   mending->mend.lanes[i].owner);
    show_places(mending);
    for (size_t i = 0; i < mending->mend.lanes_len; i++)
        show_batch(mending, i, done);
    show_losses(mending, done);
    if (done && mending->wish.renew)
        printf("done: the topic has incarnation %" PRIu32
               "; writers read it from its beginning within a minute\n",
               mending->mend.incarnation + 1);
    else if (done)
        printf("done: writers go on within a minute\n");
}

/* For programs */

static json_t *json_places(const struct mending *mending)
{
    json_t *list = json_array();
    for (uint32_t p = 0; p < mending->mend.partitions; p++) {
        const struct mending_place *place = &mending->places[p];
        json_array_append_new(
            list,
            json_pack("{s:I,s:I,s:I,s:I,s:I,s:s,s:I}", "partition", (json_int_t)p, "lane",
                      (json_int_t)place->lane, "hwm", (json_int_t)place->hwm, "log_start",
                      (json_int_t)place->log.low, "log_end", (json_int_t)place->log.high, "log",
                      found_codes[place->found], "gone_records", (json_int_t)place->gone));
    }
    return list;
}

static json_t *json_blocks(const struct mending_batch *batch, const struct intent *intent)
{
    json_t *list = json_array();
    for (size_t i = 0; i < intent->blocks_len; i++)
        json_array_append_new(list, json_pack("{s:I,s:I,s:s}", "period",
                                              (json_int_t)intent->blocks[i].period, "rows",
                                              (json_int_t)intent->blocks[i].rows, "clickhouse",
                                              landed_codes[batch->landed[i]]));
    return list;
}

static json_t *json_batches(const struct mending *mending)
{
    json_t *list = json_array();
    for (size_t i = 0; i < mending->mend.lanes_len; i++) {
        const struct mend_lane *lane = &mending->mend.lanes[i];
        const struct mending_batch *batch = &mending->batches[i];
        if (lane->ledger.pending)
            json_array_append_new(
                list,
                json_pack("{s:I,s:I,s:s,s:I,s:o,s:s,s:I}", "lane", (json_int_t)lane->number,
                          "batch_seq", (json_int_t)(lane->ledger.batch_seq + 1), "intent_id",
                          lane->ledger.intent.id, "records",
                          (json_int_t)intent_records(&lane->ledger.intent), "blocks",
                          json_blocks(batch, &lane->ledger.intent), "becomes",
                          intent_codes[batch->what], "lost_records", (json_int_t)batch->lost));
    }
    return list;
}

json_t *mending_json(const struct mending *mending, bool done)
{
    const struct mend *mend = &mending->mend;
    return json_pack("{s:s,s:b,s:s,s:s,s:s,s:s,s:I,s:I,s:o,s:o,s:I,s:I}", "command",
                     mending->wish.command, "done", done, "topic", mending->settings->events_topic,
                     "table", mend->table, "cluster_id_before", mend->cluster_id, "cluster_id",
                     mending->facts.cluster_id, "incarnation_before", (json_int_t)mend->incarnation,
                     "incarnation", (json_int_t)(mend->incarnation + (done && mending->wish.renew)),
                     "partitions", json_places(mending), "batches", json_batches(mending),
                     "lost_records", (json_int_t)lost_rows(mending), "gone_records",
                     (json_int_t)gone_records(mending));
}
