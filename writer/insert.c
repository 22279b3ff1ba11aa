/* The steps of one block.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/insert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "writer/read_back.h"

enum { ID_SIZE = INTENT_TOKEN_SIZE + 48 };

/* Asked when the connection stands: may the bytes leave? */
static bool may_send(void *context)
{
    struct inserter *inserter = context;
    return lease_alive(inserter->lease) &&
           clock_boot_ms() - inserter->proof_boot_ms < INSERT_PROOF_MS;
}

/* "<token base>-": all query ids of a block begin with it. */
static void query_prefix(const struct intent_block *block, char ret_text[ID_SIZE])
{
    snprintf(ret_text, ID_SIZE, "%s-", block->token);
}

static enum ch_verdict post(struct inserter *inserter, const struct intent_block *block,
                            struct slice bytes, struct err *reterr)
{
    char token[ID_SIZE], query_id[ID_SIZE];
    snprintf(token, sizeof token, "%s-%u", block->token, block->attempt);
    /* Unique in all runs of all writers: the server refuses an id that is running. */
    snprintf(query_id, sizeof query_id, "%s-%u-%lld-%u", block->token, block->attempt,
             (long long)inserter->ledger->epoch, inserter->serial++);
    struct ch_insert insert = {
        .table = inserter->table,
        .columns = inserter->columns->list,
        .token = token,
        .query_id = query_id,
        .block = bytes,
        .timeout_ms = inserter->settings->writer_insert_timeout,
        .may_send = may_send,
        .context = inserter,
    };
    int64_t began_us = clock_mono_us();
    enum ch_verdict verdict = ch_insert(inserter->client, &insert, reterr);
    metrics_observe_us(HISTOGRAM_WRITER_INSERT, clock_mono_us() - began_us);
    return verdict;
}

static enum read_back ask(struct inserter *inserter, const struct intent *intent, size_t index,
                          struct err *reterr)
{
    int64_t asked_boot_ms = clock_boot_ms();
    enum read_back result =
        read_back(inserter->client, inserter->table, inserter->replaces, intent, index, reterr);
    metrics_add(METRIC_WRITER_READ_BACKS, 1);
    if (result == READ_BACK_NONE)
        inserter->proof_boot_ms = asked_boot_ms;
    return result;
}

/* What a read-back that found something, or nothing out, means for the step. */
static enum insert_step step_from(enum read_back result, const struct err *err)
{
    if (result == READ_BACK_LANDED)
        return INSERT_LANDED;
    if (result == READ_BACK_WRONG || err_code_class(err->code) == ERR_CLASS_STOP)
        return INSERT_STOP;
    return INSERT_AGAIN;
}

static enum insert_step step_fresh(struct inserter *inserter, const struct intent *intent,
                                   size_t index, struct slice bytes, enum insert_doubt *doubt,
                                   struct err *reterr)
{
    if (post(inserter, &intent->blocks[index], bytes, reterr) == CH_LANDED)
        return INSERT_LANDED;
    log_warning(INSERT_DOUBTFUL, log_str("intent", intent->id),
                log_u64("block", intent->blocks[index].period), log_error_of(reterr));
    *doubt = INSERT_DOUBT;
    return INSERT_AGAIN;
}

static enum insert_step step_doubt(struct inserter *inserter, const struct intent *intent,
                                   size_t index, struct slice bytes, enum insert_doubt *doubt,
                                   struct err *reterr)
{
    enum read_back result = ask(inserter, intent, index, reterr);
    if (result != READ_BACK_NONE)
        return step_from(result, reterr);
    enum ch_verdict verdict = post(inserter, &intent->blocks[index], bytes, reterr);
    if (verdict == CH_REFUSED) {
        /* A view may have failed behind the table: what counts is whether the rows are there. */
        struct err reason = *reterr;
        result = ask(inserter, intent, index, reterr);
        if (result == READ_BACK_NONE) {
            *reterr = reason;
            return INSERT_STOP;
        }
        return step_from(result, reterr);
    }
    if (verdict != CH_LANDED)
        return INSERT_AGAIN;
    result = ask(inserter, intent, index, reterr);
    if (result != READ_BACK_NONE)
        return step_from(result, reterr);
    if (inserter->replicated) {
        err_set(reterr, ERR_CLICKHOUSE_UNKNOWN,
                "ClickHouse has the token of block %u, but this replica no row of it: it lags",
                intent->blocks[index].period);
        return INSERT_AGAIN;
    }
    *doubt = INSERT_SETTLE;
    err_set(reterr, ERR_CLICKHOUSE_UNKNOWN,
            "ClickHouse accepts the token of block %u, but has no row of it",
            intent->blocks[index].period);
    return INSERT_AGAIN;
}

static enum insert_step step_settle(struct inserter *inserter, struct intent *intent, size_t index,
                                    enum insert_doubt *doubt, struct err *reterr)
{
    char prefix[ID_SIZE];
    int64_t running;
    query_prefix(&intent->blocks[index], prefix);
    ch_hang_up(inserter->client);
    if (!read_back_running(inserter->client, prefix, &running, reterr))
        return step_from(READ_BACK_UNKNOWN, reterr);
    if (running > 0) {
        err_set(reterr, ERR_CLICKHOUSE_UNKNOWN, "%lld INSERTs of block %u still run in ClickHouse",
                (long long)running, intent->blocks[index].period);
        return INSERT_AGAIN;
    }
    enum read_back result = ask(inserter, intent, index, reterr);
    if (result != READ_BACK_NONE)
        return step_from(result, reterr);
    if (!ledger_reopen(inserter->ledger, reterr) ||
        !ledger_raise_attempt(inserter->ledger, intent, index, reterr))
        return err_code_class(reterr->code) == ERR_CLASS_STOP || reterr->code == ERR_LANE_LOST
                   ? INSERT_STOP
                   : INSERT_AGAIN;
    metrics_add(METRIC_WRITER_TOKENS_BURNED, 1);
    log_warning(TOKEN_BURNED, log_str("intent", intent->id),
                log_u64("block", intent->blocks[index].period),
                log_u64("attempt", intent->blocks[index].attempt));
    *doubt = INSERT_DOUBT;
    err_set(reterr, ERR_CLICKHOUSE_UNKNOWN, "the block is sent again under a new token");
    return INSERT_AGAIN;
}

enum insert_step insert_step(struct inserter *inserter, struct intent *intent, size_t index,
                             struct slice block, enum insert_doubt *doubt, struct err *reterr)
{
    switch (*doubt) {
    case INSERT_FRESH:
        return step_fresh(inserter, intent, index, block, doubt, reterr);
    case INSERT_DOUBT:
        return step_doubt(inserter, intent, index, block, doubt, reterr);
    case INSERT_SETTLE:
        break;
    }
    return step_settle(inserter, intent, index, doubt, reterr);
}
