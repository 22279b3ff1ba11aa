/* The margin of the deduplication window.
 *
 * Threads: the margin's own thread asks; `lock` guards what it found.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/margin.h"
#include "base/metrics.h"
#include "ledger/ledger.h"
#include "writer/horizon.h"
#include <inttypes.h>
#include <string.h>

enum {
    EVERY_MAX_MS = 10000,
    QUERY_TIMEOUT_MS = 5000,
    WINDOW_USUAL = 100000,
    WINDOW_STEP = 50000,
};

uint64_t margin_least(const struct settings *settings)
{
    return (uint64_t)(horizon_ms(settings) / 1000 * MARGIN_FACTOR * MARGIN_BLOCKS_PER_SECOND);
}

int64_t margin_percent(uint64_t window, int64_t tokens)
{
    uint64_t needed = (uint64_t)(tokens > 0 ? tokens : 0) * MARGIN_FACTOR;
    if (needed == 0 || window / needed >= MARGIN_PERCENT_MAX / 100)
        return MARGIN_PERCENT_MAX;
    return (int64_t)(window * 100 / needed);
}

/* Twice what is needed, so that the statement need not be run again soon. */
static uint64_t window_for(int64_t tokens)
{
    uint64_t wanted = (uint64_t)tokens * MARGIN_FACTOR * 2;
    wanted = (wanted + WINDOW_STEP - 1) / WINDOW_STEP * WINDOW_STEP;
    return wanted > WINDOW_USUAL ? wanted : WINDOW_USUAL;
}

bool margin_judge(const struct ch_table *table, int64_t tokens, int64_t horizon_ms,
                  struct err *reterr)
{
    if (margin_percent(table->deduplication_window, tokens) >= 100)
        return true;
    bool replicated = strncmp(table->engine, "Replicated", 10) == 0;
    return err_set(reterr, ERR_TOKEN_WINDOW,
                   "%s.%s remembers %" PRIu64 " INSERT tokens; %" PRId64
                   " were used within %" PRId64 " s, so it must remember %" PRId64
                   "; ALTER TABLE %s.%s MODIFY SETTING "
                   "%sreplicated_deduplication_window = %" PRIu64,
                   table->database, table->name, table->deduplication_window, tokens,
                   horizon_ms / 1000, tokens * MARGIN_FACTOR, table->database, table->name,
                   replicated ? "" : "non_", window_for(tokens));
}

static bool connect_to(struct margin *margin, struct err *reterr)
{
    const struct settings *settings = margin->settings;
    if (margin->pg && pg_alive(margin->pg))
        return true;
    pg_free(margin->pg);
    margin->pg =
        pg_connect(settings->postgres, "bxb-writer margin", settings->postgres_schema, reterr);
    if (margin->pg)
        pg_set_timeout(margin->pg, QUERY_TIMEOUT_MS);
    return margin->pg != NULL;
}

static bool ask(struct margin *margin, struct ch_table *table, int64_t *ret_tokens,
                struct err *reterr)
{
    const struct settings *settings = margin->settings;
    return connect_to(margin, reterr) &&
           ch_table_read(margin->clickhouse, settings->clickhouse_database,
                         settings->clickhouse_table, table, reterr) &&
           ledger_tokens(margin->pg, table->database, table->name, horizon_ms(settings), ret_tokens,
                         reterr);
}

/* What cannot be asked now stays as it was: a store that is away is noticed by the lanes. */
static void measure(struct margin *margin)
{
    CLEANUP(ch_table_done) struct ch_table table = {0};
    struct err found = {.code = ERR_NONE}, ignored;
    int64_t tokens;
    if (!ask(margin, &table, &tokens, &ignored))
        return;
    if (margin_judge(&table, tokens, horizon_ms(margin->settings), &found))
        found.code = ERR_NONE;
    metrics_set(METRIC_WRITER_TOKEN_WINDOW, (int64_t)table.deduplication_window);
    metrics_set(METRIC_WRITER_TOKENS_USED, tokens);
    metrics_set(METRIC_WRITER_TOKEN_MARGIN, margin_percent(table.deduplication_window, tokens));
    lock_acquire(&margin->lock);
    margin->found = found;
    lock_release(&margin->lock);
}

static void margin_main(void *arg)
{
    struct margin *margin = arg;
    int64_t lease_ms = margin->settings->writer_lease;
    do {
        measure(margin);
    } while (!stop_wait(&margin->stop, lease_ms < EVERY_MAX_MS ? lease_ms : EVERY_MAX_MS));
}

void margin_start(struct margin *margin, const struct settings *settings)
{
    const struct ch_options options = {.url = settings->clickhouse_url,
                                       .user = settings->clickhouse_user,
                                       .password = settings->clickhouse_password,
                                       .database = settings->clickhouse_database};
    *margin = (struct margin){.settings = settings, .clickhouse = ch_new(&options)};
    lock_init(&margin->lock);
    stop_init(&margin->stop);
    thread_start(&margin->thread, "margin", margin_main, margin);
}

void margin_stop(struct margin *margin)
{
    stop_request(&margin->stop);
    ch_cancel(margin->clickhouse);
    thread_join(&margin->thread);
    ch_free(margin->clickhouse);
    pg_free(margin->pg);
    stop_done(&margin->stop);
    lock_done(&margin->lock);
}

bool margin_holds(struct margin *margin, struct err *reterr)
{
    lock_acquire(&margin->lock);
    struct err found = margin->found;
    lock_release(&margin->lock);
    if (found.code == ERR_NONE)
        return true;
    *reterr = found;
    return false;
}
