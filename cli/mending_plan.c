/* What is to be done, from what was found. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/mending.h"
#include <inttypes.h>

static bool is_changed(enum mending_found found)
{
    return found == MENDING_SHORTER || found == MENDING_OTHER;
}

static bool any_changed(const struct mending *mending)
{
    for (uint32_t p = 0; p < mending->mend.partitions; p++)
        if (is_changed(mending->places[p].found))
            return true;
    return false;
}

/* Some of the batch's records are gone, so that it cannot be built again. */
static bool is_cut(const struct mending *mending, const struct intent *intent)
{
    for (size_t i = 0; i < intent->ranges_len; i++)
        if (mending->places[intent->ranges[i].partition].log.low > intent->ranges[i].from)
            return true;
    return false;
}

static size_t count_landed(const struct mending_batch *batch, const struct intent *intent,
                           int64_t *ret_absent_rows)
{
    size_t landed = 0;
    *ret_absent_rows = 0;
    for (size_t i = 0; i < intent->blocks_len; i++)
        if (batch->landed[i] == MENDING_LANDED)
            landed++;
        else
            *ret_absent_rows += intent->blocks[i].rows;
    return landed;
}

/* A batch of which nothing has landed is forgotten: what the log still has of it is read again. Of
 * a topic that was made anew that is nothing; of one with a gap, `gone` counts the rest. */
static bool judge_batch(struct mending *mending, size_t lane, struct err *reterr)
{
    const struct ledger *ledger = &mending->mend.lanes[lane].ledger;
    struct mending_batch *batch = &mending->batches[lane];
    int64_t absent_rows;
    batch->what = MEND_LEAVE;
    batch->lost = 0;
    if (!ledger->pending)
        return true;
    bool cut = is_cut(mending, &ledger->intent);
    if (!mending->wish.renew && !cut && !mending->wish.replace)
        return true;
    if (count_landed(batch, &ledger->intent, &absent_rows) == 0) {
        batch->what = MEND_FORGET;
        batch->lost = mending->wish.renew ? absent_rows : 0;
        return true;
    }
    if (!mending->wish.renew && !cut)
        return err_set(reterr, ERR_RECORD_INVALID,
                       "lane %" PRIu32 ": blocks of the announced batch have landed, so it cannot "
                       "be replaced",
                       mending->mend.lanes[lane].number);
    batch->what = MEND_COMPLETE;
    batch->lost = absent_rows;
    return true;
}

/* From where the partition is read on. */
static void judge_place(struct mending *mending, uint32_t p, const struct mend_lane *lane,
                        enum mend_intent what)
{
    struct mending_place *place = &mending->places[p];
    const struct intent_range *range =
        what == MEND_COMPLETE ? intent_range_of(&lane->ledger.intent, p) : NULL;
    int64_t done = mending->wish.renew ? -1 : range ? range->to : place->hwm;
    place->gone = place->log.low > done + 1 ? place->log.low - done - 1 : 0;
    mending->hwm[p] = mending->wish.renew || place->gone > 0 ? place->log.low - 1 : MEND_HWM_STAYS;
}

static bool is_something(const struct mending *mending)
{
    if (mending->wish.renew)
        return true;
    for (size_t i = 0; i < mending->mend.lanes_len; i++)
        if (mending->batches[i].what != MEND_LEAVE)
            return true;
    for (uint32_t p = 0; p < mending->mend.partitions; p++)
        if (mending->hwm[p] != MEND_HWM_STAYS)
            return true;
    return false;
}

bool mending_judge(struct mending *mending, bool *ret_needed, struct err *reterr)
{
    bool changed = any_changed(mending);
    *ret_needed = false;
    if (mending->wish.renew && !changed && !mending->wish.new_cluster)
        return true;
    if (!mending->wish.renew && changed)
        return err_set(reterr, ERR_LOG_CHANGED,
                       "the topic has no gap: it does not hold what was read from it");
    for (size_t i = 0; i < mending->mend.lanes_len; i++) {
        const struct mend_lane *lane = &mending->mend.lanes[i];
        if (!judge_batch(mending, i, reterr))
            return false;
        for (uint32_t p = 0; p < mending->mend.partitions; p++)
            if (lane->ledger.state[p].own)
                judge_place(mending, p, lane, mending->batches[i].what);
    }
    *ret_needed = is_something(mending);
    return true;
}
