/* What `bxb topic renew` and `bxb lanes repair` make of what they find.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/mending.h"
#include "tests/unit/check.h"

enum { PARTITIONS = 2 };

/* One lane with two partitions of which 0 to 9 are done, and a batch of two blocks with 10 to 19.
 */
struct world {
    struct ledger_partition state[PARTITIONS];
    struct intent_range ranges[PARTITIONS];
    struct intent_block blocks[2];
    enum mending_landed landed[2];
    struct mend_lane lane;
    struct mending_place places[PARTITIONS];
    struct mending_batch batch;
    int64_t hwm[PARTITIONS];
    struct mending mending;
};

static void make(struct world *w, bool pending)
{
    *w = (struct world){.blocks = {{.rows = 12}, {.rows = 5}}};
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        w->state[p] = (struct ledger_partition){.own = true, .hwm = 9};
        w->ranges[p] = (struct intent_range){.partition = p, .from = 10, .to = 19, .records = 10};
        w->places[p] = (struct mending_place){.hwm = 9, .log = {0, 30}, .found = MENDING_SAME};
    }
    w->lane.ledger = (struct ledger){
        .partitions = PARTITIONS,
        .state = w->state,
        .pending = pending,
        .intent = {.ranges = w->ranges, .ranges_len = 2, .blocks = w->blocks, .blocks_len = 2},
    };
    w->batch.landed = w->landed;
    w->landed[0] = w->landed[1] = MENDING_ABSENT;
    w->mending = (struct mending){
        .mend = {.partitions = PARTITIONS, .lanes = &w->lane, .lanes_len = 1},
        .places = w->places,
        .batches = &w->batch,
        .hwm = w->hwm,
    };
}

static bool is_needed(struct world *w)
{
    struct err err;
    bool needed;
    CHECK(mending_judge(&w->mending, &needed, &err));
    return needed;
}

static enum err_code refusal(struct world *w)
{
    struct err err = {.code = ERR_NONE};
    bool needed;
    CHECK(!mending_judge(&w->mending, &needed, &err));
    return err.code;
}

/* The first partition has lost the records before `low`. */
static void cut(struct world *w, int64_t low)
{
    w->places[0].log.low = low;
    w->places[0].found = low > 10 ? MENDING_GAP : MENDING_TAKEN;
}

TEST(mending, leaves_a_topic_alone_that_is_as_it_was)
{
    struct world w;
    for (int renew = 0; renew < 2; renew++) {
        make(&w, true);
        w.mending.wish.renew = renew;
        CHECK(!is_needed(&w));
    }
}

TEST(mending, renews_when_a_partition_is_shorter_or_another)
{
    static const enum mending_found changed[] = {MENDING_SHORTER, MENDING_OTHER};
    for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
        struct world w;
        make(&w, false);
        w.mending.wish.renew = true;
        w.places[1].found = changed[i];
        w.places[1].log = (struct topic_range){2, 5};
        CHECK(is_needed(&w));
        CHECK(w.hwm[0] == -1 && w.hwm[1] == 1);
        CHECK(w.places[0].gone == 0 && w.places[1].gone == 2);
        CHECK(w.batch.what == MEND_LEAVE);
        w.mending.wish.renew = false;
        CHECK(refusal(&w) == ERR_LOG_CHANGED);
    }
}

TEST(mending, renews_for_another_cluster_whatever_it_holds)
{
    struct world w;
    make(&w, false);
    w.mending.wish.renew = w.mending.wish.new_cluster = true;
    CHECK(is_needed(&w));
    CHECK(w.hwm[0] == -1 && w.hwm[1] == -1);
}

/* Of the batch nothing, one block, or all has landed. */
TEST(mending, completes_what_landed_of_a_topic_that_is_gone)
{
    static const struct {
        enum mending_landed landed[2];
        enum mend_intent what;
        int64_t lost;
    } cases[] = {
        {{MENDING_ABSENT, MENDING_ABSENT}, MEND_FORGET, 17},
        {{MENDING_LANDED, MENDING_ABSENT}, MEND_COMPLETE, 5},
        {{MENDING_ABSENT, MENDING_LANDED}, MEND_COMPLETE, 12},
        {{MENDING_LANDED, MENDING_LANDED}, MEND_COMPLETE, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        make(&w, true);
        w.mending.wish.renew = true;
        w.places[0].found = MENDING_OTHER;
        memcpy(w.landed, cases[i].landed, sizeof w.landed);
        CHECK(is_needed(&w));
        CHECK(w.batch.what == cases[i].what && w.batch.lost == cases[i].lost);
        CHECK(w.hwm[0] == -1 && w.hwm[1] == -1);
    }
}

TEST(mending, repairs_a_gap_and_leaves_the_rest)
{
    struct world w;
    make(&w, false);
    cut(&w, 10); /* what is done: nothing is missing */
    CHECK(!is_needed(&w));
    cut(&w, 25);
    CHECK(is_needed(&w));
    CHECK(w.hwm[0] == 24 && w.hwm[1] == MEND_HWM_STAYS);
    CHECK(w.places[0].gone == 15 && w.places[1].gone == 0);
}

/* The batch's records are gone in part: 10 to 14 of the first partition. */
TEST(mending, settles_a_batch_whose_records_are_gone)
{
    struct world w;
    make(&w, true);
    cut(&w, 15);
    CHECK(is_needed(&w));
    CHECK(w.batch.what == MEND_FORGET && w.batch.lost == 0); /* 15 to 19 are decided anew */
    CHECK(w.places[0].gone == 5 && w.hwm[0] == 14 && w.hwm[1] == MEND_HWM_STAYS);
    w.landed[1] = MENDING_LANDED;
    CHECK(is_needed(&w));
    CHECK(w.batch.what == MEND_COMPLETE && w.batch.lost == 12);
    CHECK(w.places[0].gone == 0 && w.hwm[0] == MEND_HWM_STAYS);
    cut(&w, 25); /* beyond the batch */
    CHECK(is_needed(&w));
    CHECK(w.places[0].gone == 5 && w.hwm[0] == 24);
}

/* A writer can build it again, so nothing of it is given up, though a block has landed already. */
TEST(mending, leaves_a_batch_whose_records_are_there_when_another_partition_has_a_gap)
{
    struct world w;
    make(&w, true);
    w.lane.ledger.intent.ranges = &w.ranges[1];
    w.lane.ledger.intent.ranges_len = 1;
    w.landed[0] = MENDING_LANDED;
    cut(&w, 25);
    CHECK(is_needed(&w));
    CHECK(w.batch.what == MEND_LEAVE && w.batch.lost == 0);
    CHECK(w.hwm[0] == 24 && w.hwm[1] == MEND_HWM_STAYS);
}

TEST(mending, replaces_a_batch_only_when_asked_and_nothing_of_it_has_landed)
{
    struct world w;
    make(&w, true);
    CHECK(!is_needed(&w));
    w.mending.wish.replace = true;
    CHECK(is_needed(&w));
    CHECK(w.batch.what == MEND_FORGET && w.batch.lost == 0);
    CHECK(w.hwm[0] == MEND_HWM_STAYS && w.hwm[1] == MEND_HWM_STAYS);
    w.landed[0] = MENDING_LANDED;
    CHECK(refusal(&w) == ERR_RECORD_INVALID);
}
