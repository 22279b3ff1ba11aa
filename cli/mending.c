/* From looking to changing: what was found is shown, the lanes are taken, what was on its way is
 * waited for, everything is looked at once more, and only that is acted on.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/mending.h"
#include "base/clock.h"
#include "cli/output.h"
#include "kafka/topic_check.h"
#include "writer/horizon.h"
#include <inttypes.h>
#include <unistd.h>

enum {
    TAKE_PATIENCE_MS = 5000, /* a writer that looks whether it can go on holds a lane for moments */
    RUN_PATIENCE_MS = 120000, /* for INSERTs that still run when they should not */
    STEP_MS = 200,
    EXIT_CODE_NOT_NEEDED = 1,
};

static const char held_remedy[] =
    "Stop the writers that work, or wait until the lease of one that is gone is over.";
static const char landed_remedy[] = "Let the version that announced it finish it.";
static const char confirm_remedy[] = "Say --yes, or --dry-run to look.";

static const char *remedy_of(enum err_code code, const struct mending_wish *wish)
{
    switch ((int)code) {
    case ERR_LANE_LOST:
        return held_remedy;
    case ERR_RECORD_INVALID:
        return wish->replace ? landed_remedy : NULL;
    case ERR_USAGE:
        return confirm_remedy;
    }
    return NULL;
}

static void done(struct mending *mending)
{
    for (size_t i = 0; mending->batches && i < mending->mend.lanes_len; i++)
        mem_freep(&mending->batches[i].landed);
    mend_close(&mending->mend);
    topic_close(mending->topic);
    ch_free(mending->clickhouse);
    ch_table_done(&mending->table);
    mem_freep(&mending->places);
    mem_freep(&mending->batches);
    mem_freep(&mending->hwm);
}

static bool open_table(struct mending *mending, struct err *reterr)
{
    const struct settings *settings = mending->settings;
    const struct ch_options options = {.url = settings->clickhouse_url,
                                       .user = settings->clickhouse_user,
                                       .password = settings->clickhouse_password,
                                       .database = settings->clickhouse_database};
    mending->clickhouse = ch_new(&options);
    if (!ch_table_read(mending->clickhouse, settings->clickhouse_database,
                       settings->clickhouse_table, &mending->table, reterr))
        return false;
    return strcmp(mending->table.uuid, mending->mend.table_uuid) == 0 ||
           err_set(
               reterr, ERR_TABLE_MISMATCH,
               "the table %s was made anew: rows that the ledger counts as stored are not in it",
               mending->mend.table);
}

static bool open_topic(struct mending *mending, struct err *reterr)
{
    const struct settings *settings = mending->settings;
    mending->topic = topic_open(settings, reterr);
    if (!mending->topic || !topic_describe(mending->topic, &mending->facts, reterr) ||
        !topic_check(settings->events_topic, &mending->facts, settings->server_event_max, reterr))
        return false;
    if (mending->facts.partitions != mending->mend.partitions)
        return err_set(reterr, ERR_TOPIC_MISMATCH,
                       "the topic has %" PRIu32 " partitions, but %" PRIu32
                       " were dealt out to lanes: make it with as many (`bxb --set "
                       "events.partitions=%" PRIu32 " migrate`)",
                       mending->facts.partitions, mending->mend.partitions,
                       mending->mend.partitions);
    bool same = strcmp(mending->facts.cluster_id, mending->mend.cluster_id) == 0;
    if (same && mending->wish.new_cluster)
        return err_set(reterr, ERR_TOPIC_MISMATCH,
                       "Kafka is the same cluster as before: leave --new-cluster out");
    return same || mending->wish.new_cluster ||
           err_set(reterr, ERR_TOPIC_MISMATCH,
                   "this is Kafka cluster %s, the topic was read from %s; if the cluster was "
                   "replaced, say --new-cluster",
                   mending->facts.cluster_id, mending->mend.cluster_id);
}

static bool open_all(struct mending *mending, struct err *reterr)
{
    if (!mend_open(&mending->mend, mending->settings, reterr) || !open_table(mending, reterr) ||
        !open_topic(mending, reterr))
        return false;
    mending->places = xcalloc(mending->mend.partitions, sizeof *mending->places);
    mending->hwm = xcalloc(mending->mend.partitions, sizeof *mending->hwm);
    mending->batches = xcalloc(mending->mend.lanes_len + 1, sizeof *mending->batches);
    return true;
}

/* Looking can take a while, too, in which lanes that were taken must not be lost. */
static bool look(struct mending *mending, bool *ret_needed, struct err *reterr)
{
    struct mend *mend = &mending->mend;
    return mending_log_look(mending, reterr) && mend_keep(mend, reterr) &&
           mending_batches_look(mending, reterr) && mend_keep(mend, reterr) &&
           mending_judge(mending, ret_needed, reterr);
}

/* Waiting */

/* How long something of the lane may still land. Without a batch nothing of it is on its way,
 * unless this PostgreSQL may have forgotten one. */
static int64_t wait_ms(const struct mending *mending, const struct mend_lane *lane)
{
    bool same = ledger_same_identity(&lane->ledger);
    if (same && !lane->ledger.pending)
        return 0;
    if (!same || lane->quiet_ms == INT64_MIN)
        return horizon_ms(mending->settings);
    int64_t left = horizon_after_lease_ms(mending->settings) - lane->quiet_ms;
    return left > 0 ? left : 0;
}

static bool sleep_until(struct mending *mending, int64_t until_ms, struct err *reterr)
{
    while (clock_mono_ms() < until_ms) {
        if (!mend_keep(&mending->mend, reterr))
            return false;
        clock_sleep_ms(STEP_MS);
    }
    return true;
}

/* Until no INSERT of an announced batch runs; after the horizon that is a matter of course. */
static bool await_inserts(struct mending *mending, struct err *reterr)
{
    int64_t until = clock_mono_ms() + RUN_PATIENCE_MS;
    for (size_t i = 0; i < mending->mend.lanes_len;) {
        bool runs;
        if (!mend_keep(&mending->mend, reterr) || !mending_batch_runs(mending, i, &runs, reterr))
            return false;
        if (!runs)
            i++;
        else if (clock_mono_ms() > until)
            return err_set(reterr, ERR_CLICKHOUSE_UNKNOWN,
                           "an INSERT of the batch of lane %" PRIu32 " still runs in ClickHouse",
                           mending->mend.lanes[i].number);
        else
            clock_sleep_ms(STEP_MS);
    }
    return true;
}

static bool take_and_wait(struct mending *mending, struct err *reterr)
{
    if (!mend_take(&mending->mend, TAKE_PATIENCE_MS, reterr))
        return false;
    int64_t longest = 0;
    for (size_t i = 0; i < mending->mend.lanes_len; i++) {
        int64_t ms = wait_ms(mending, &mending->mend.lanes[i]);
        longest = ms > longest ? ms : longest;
    }
    if (longest > 0)
        fprintf(stderr,
                "bxb: waiting %" PRId64 " s, until nothing that is on its way can land any more\n",
                (longest + 999) / 1000);
    return sleep_until(mending, clock_mono_ms() + longest, reterr) &&
           await_inserts(mending, reterr);
}

/* Changing */

static bool apply_with(struct mending *mending, struct mend_plan *plan,
                       struct mending_parts parts[], struct err *reterr)
{
    for (size_t i = 0; i < mending->mend.lanes_len; i++) {
        plan->intents[i] = mending->batches[i].what;
        if (plan->intents[i] != MEND_COMPLETE)
            continue;
        if (!mend_keep(&mending->mend, reterr) ||
            !mending_parts_read(mending, i, &parts[i], reterr))
            return false;
        plan->completions[i] = (struct ledger_completion){
            .intent = &mending->mend.lanes[i].ledger.intent,
            .usage = &parts[i].usage,
            .dead = &parts[i].dead,
            .records = &parts[i].records,
            .duplicates = &parts[i].duplicates,
            .lost = mending->batches[i].lost,
        };
    }
    return mend_apply(&mending->mend, plan, reterr);
}

static bool apply(struct mending *mending, struct err *reterr)
{
    size_t lanes = mending->mend.lanes_len;
    CLEANUP(mem_freep) enum mend_intent *intents = xcalloc(lanes + 1, sizeof *intents);
    CLEANUP(mem_freep)
    struct ledger_completion *completions = xcalloc(lanes + 1, sizeof *completions);
    CLEANUP(mem_freep) struct mending_parts *parts = xcalloc(lanes + 1, sizeof *parts);
    json_t *document = mending_json(mending, true);
    char *found = json_dumps(document, JSON_COMPACT);
    struct mend_plan plan = {
        .command = mending->wish.command,
        .renew = mending->wish.renew,
        .cluster_id = mending->facts.cluster_id,
        .intents = intents,
        .completions = completions,
        .hwm = mending->hwm,
        .found = found,
    };
    bool good = apply_with(mending, &plan, parts, reterr);
    for (size_t i = 0; i < lanes; i++)
        mending_parts_done(&parts[i]);
    free(found);
    json_decref(document);
    return good;
}

/* The command */

static void show(const struct mending *mending, bool after)
{
    if (mending->wish.json)
        output_json(mending_json(mending, after));
    else
        mending_show(mending, after);
}

/* Asks on the terminal; without one the command line must say it. */
static bool confirm(const struct mending *mending, struct err *reterr)
{
    char answer[8];
    if (mending->wish.yes)
        return true;
    if (!isatty(STDIN_FILENO) || mending->wish.json)
        return err_set(reterr, ERR_USAGE, "nothing was changed");
    fprintf(stderr, "Do it? [y/N] ");
    return (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y')) ||
           err_set(reterr, ERR_USAGE, "nothing was changed");
}

static int not_needed(const struct mending *mending)
{
    if (mending->wish.json)
        output_json(mending_json(mending, false));
    else
        printf("nothing to do: the topic %s holds what was read from it%s\n",
               mending->settings->events_topic,
               mending->wish.renew ? ", or what is left of it" : "");
    return EXIT_CODE_NOT_NEEDED;
}

static bool change(struct mending *mending, bool *ret_needed, struct err *reterr)
{
    if (!confirm(mending, reterr) || !take_and_wait(mending, reterr) ||
        !look(mending, ret_needed, reterr))
        return false;
    return !*ret_needed || apply(mending, reterr);
}

static int run(struct mending *mending, struct err *reterr)
{
    bool needed;
    if (!open_all(mending, reterr) || !look(mending, &needed, reterr))
        return EXIT_CODE_FAILURE;
    if (!needed)
        return not_needed(mending);
    if (mending->wish.dry_run || (!mending->wish.json && !mending->wish.yes))
        show(mending, false);
    if (mending->wish.dry_run) {
        if (!mending->wish.json)
            printf("nothing was changed\n");
        return EXIT_CODE_OK;
    }
    if (!change(mending, &needed, reterr))
        return EXIT_CODE_FAILURE;
    if (!needed)
        return not_needed(mending);
    show(mending, true);
    return EXIT_CODE_OK;
}

int mending_run(const struct cli *cli, const struct mending_wish *wish)
{
    struct mending mending = {.settings = cli->settings, .wish = *wish};
    struct err err;
    int exit_code = run(&mending, &err);
    done(&mending);
    return exit_code == EXIT_CODE_FAILURE ? cli_fail(&err, remedy_of(err.code, wish)) : exit_code;
}
