/* bxb dead redrive: the records go to the topic again, as they were or corrected. A letter counts
 * as redriven when the broker has acknowledged its record; one that was interrupted before that is
 * produced again next time, which is harmless because its transaction_id stays the same.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/clock.h"
#include "base/digest.h"
#include "cli/dead.h"
#include "cli/document.h"
#include "cli/redrive.h"
#include "schemas/record.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    PAGE = 100,
    RATE = 1000,
    RECORD_MAX = 16 * 1024 * 1024,
    CONFLICT_MAX = 1000000,
};

static const char conflict[] =
    "duplicate_conflict"; /* one that is stored otherwise stays refused */

struct run {
    const struct cli *cli;
    struct pg *pg;
    struct dead_choice choice;
    const char *file; /* NULL: as they were */
    uint64_t rate;    /* records a second */
    bool dry_run;
    size_t count, skipped;
};

/* The bytes of a page's letters, and what is known of their way. */
struct page {
    struct redrive_record records[PAGE];
    bool chosen[PAGE];
    struct arena arena;
};

static struct slice unhex(struct arena *arena, struct slice hex)
{
    uint8_t *bytes = arena_alloc(arena, hex.size / 2 + 1);
    if (!bytes || !digest_from_hex(hex, bytes, hex.size / 2))
        return (struct slice){NULL, 0};
    return (struct slice){(const char *)bytes, hex.size / 2};
}

/* The corrected record, under the key of its organization: the letter's, when that is known. */
static bool read_corrected(const struct run *run, const struct pg_result *rows, struct page *page,
                           struct err *reterr)
{
    CLEANUP(buf_done) struct buf text;
    struct record record;
    buf_init(&text, RECORD_MAX);
    if (!document_read(run->file, RECORD_MAX, &text, reterr))
        return false;
    struct slice value = arena_copy(&page->arena, buf_slice(&text));
    while (value.size > 0 && value.data[value.size - 1] == '\n')
        value.size--;
    if (!record_decode(value, &page->arena, &record, reterr))
        return err_prefix(reterr, "%s", run->file);
    if (!pg_is_null(rows, 0, DEAD_ORGANIZATION_ID) &&
        !slice_equal(record.organization_id, pg_slice(rows, 0, DEAD_ORGANIZATION_ID)))
        return err_set(reterr, ERR_ORGANIZATION_MISMATCH,
                       "%s: the record is of another organization than the letter", run->file);
    page->records[0].record.key = arena_copy(&page->arena, record.organization_id);
    page->records[0].record.value = value;
    return true;
}

static bool prepare(const struct run *run, const struct pg_result *rows, size_t row,
                    uint32_t partitions, struct page *page, struct err *reterr)
{
    struct producer_record *record = &page->records[row].record;
    record->traceparent = (struct slice){NULL, 0};
    record->key = unhex(&page->arena, pg_slice(rows, row, DEAD_KEY_HEX));
    record->value = unhex(&page->arena, pg_slice(rows, row, DEAD_VALUE_HEX));
    if (run->file && !read_corrected(run, rows, page, reterr))
        return false;
    record->partition = partition_of(record->key, partitions);
    return record->key.data || record->value.data ||
           err_set(reterr, ERR_INTERNAL, "letter %s cannot be read", pg_text(rows, row, DEAD_ID));
}

/* Sends a page, waits for it, and notes what was acknowledged. */
static bool send_page(struct run *run, struct redrive *redrive, const struct pg_result *rows,
                      struct page *page, struct err *reterr)
{
    uint32_t partitions = producer_partitions(redrive->producer);
    bool good = true;
    size_t sent = 0;
    while (good && sent < pg_rows(rows)) {
        good = prepare(run, rows, sent, partitions, page, reterr) &&
               redrive_send(redrive, &page->records[sent], reterr);
        sent += good;
    }
    redrive_wait(redrive);
    for (size_t i = 0; i < pg_rows(rows); i++) {
        page->chosen[i] = i < sent && page->records[i].fate == PRODUCER_ACKNOWLEDGED;
        run->count += page->chosen[i];
        if (i < sent && !page->chosen[i] && good)
            good = err_set(reterr, ERR_BROKER_UNAVAILABLE, "letter %s was not acknowledged",
                           pg_text(rows, i, DEAD_ID));
    }
    struct err why;
    if (dead_set_state(run->cli, run->pg, rows, page->chosen, "redriven", &why))
        return good;
    *reterr = why;
    return false;
}

static void keep_pace(const struct run *run, int64_t began_ms, size_t done)
{
    int64_t left_ms = began_ms + (int64_t)(done * 1000 / run->rate) - clock_mono_ms();
    const struct timespec pause = {left_ms / 1000, left_ms % 1000 * 1000000};
    if (left_ms > 0)
        nanosleep(&pause, NULL);
}

/* The next page of what is open and no conflict; those are only counted. */
static bool next_page(struct run *run, const struct pg_result *behind, struct pg_result **ret_rows,
                      struct err *reterr)
{
    size_t most = run->rate < PAGE ? (size_t)run->rate : PAGE;
    return dead_find(run->cli, run->pg, &run->choice, most, behind, ret_rows, reterr);
}

static bool redrive_all(struct run *run, struct redrive *redrive, struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *behind = NULL;
    struct page page;
    int64_t began_ms = clock_mono_ms();
    for (size_t done = 0;;) {
        struct pg_result *rows = NULL;
        if (!next_page(run, behind, &rows, reterr))
            return false;
        pg_result_free(behind);
        behind = rows;
        if (pg_rows(rows) == 0)
            return true;
        done += pg_rows(rows);
        if (run->dry_run) {
            run->count = done;
            continue;
        }
        arena_init(&page.arena, SIZE_MAX);
        bool good = send_page(run, redrive, rows, &page, reterr);
        arena_done(&page.arena);
        if (!good)
            return false;
        keep_pace(run, began_ms, done);
    }
}

/* Conflicts among what was chosen: a letter that was named is refused, others are skipped. */
static bool count_conflicts(struct run *run, struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    struct dead_choice conflicts = run->choice;
    if (run->choice.reason && strcmp(run->choice.reason, conflict) != 0)
        return true;
    if (!run->choice.id)
        conflicts.reason = conflict;
    if (!dead_find(run->cli, run->pg, &conflicts, CONFLICT_MAX, NULL, &rows, reterr))
        return false;
    if (!run->choice.id) {
        run->skipped = pg_rows(rows);
        return true;
    }
    return strcmp(pg_text(rows, 0, DEAD_REASON), conflict) != 0 ||
           err_set(reterr, ERR_USAGE,
                   "an event with the transaction_id of %s is stored with another content; discard "
                   "it, or send the event under a transaction_id of its own",
                   run->choice.id);
}

static bool run_it(struct run *run, struct err *reterr)
{
    struct redrive redrive;
    CLEANUP(pg_result_freep) struct pg_result *now = NULL;
    run->pg = cli_connect(run->cli, reterr);
    if (!run->pg || !count_conflicts(run, reterr) ||
        !pg_query(run->pg, "SELECT clock_timestamp()", NULL, 0, &now, reterr))
        return false;
    run->choice.redrivable = true;
    run->choice.before = pg_text(now, 0, 0); /* what dies again is not sent again by this run */
    if (run->dry_run)
        return redrive_all(run, NULL, reterr);
    bool good =
        redrive_start(&redrive, run->cli->settings, reterr) && redrive_all(run, &redrive, reterr);
    redrive_stop(&redrive);
    return good;
}

int dead_redrive_run(const struct cli *cli, int argc, char **argv)
{
    struct run run = {.cli = cli, .choice = {.state = "open"}, .rate = RATE};
    bool json = false;
    const struct args_option options[] = {
        DEAD_CHOICE_OPTIONS(run.choice),
        {.name = "--file",
         .value = "FILE",
         .kind = ARGS_TEXT,
         .target = &run.file,
         .help = "the corrected record of the letter ID; - is standard input"},
        {.name = "--rate",
         .value = "N",
         .kind = ARGS_NUMBER,
         .target = &run.rate,
         .min = 1,
         .max = 1000000,
         .help = "at most so many a second (default: 1000)"},
        {.name = "--dry-run", .kind = ARGS_FLAG, .target = &run.dry_run, .help = "only count them"},
        {.name = "--json", .kind = ARGS_FLAG, .target = &json, .help = "print a JSON object"},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;

    struct err err;
    if (!dead_choice_made(&run.choice, &err))
        return cli_fail(&err, NULL);
    if (run.file && !run.choice.id) {
        err_set(&err, ERR_USAGE, "--file is the record of one letter: say which");
        return cli_fail(&err, NULL);
    }
    bool good = run_it(&run, &err);
    pg_free(run.pg);
    if (run.count > 0 || good)
        dead_print_count("redriven", run.count, run.skipped, run.dry_run, json);
    return good ? EXIT_CODE_OK : cli_fail(&err, NULL);
}
