/* What the files of the ledger share; for ledger*.c only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef LEDGER_LEDGER_INTERNAL_H
#define LEDGER_LEDGER_INTERNAL_H
#include "batch/fate.h"
#include "ledger/ledger.h"

/* Runs `body` in a transaction of its own (ledger.c). */
bool ledger_in_transaction(struct ledger *ledger,
                           bool (*body)(struct ledger *, const void *, struct err *),
                           const void *context, struct err *reterr) MUST_CHECK;

/* Everything of a completing transaction but the move of the lane's row (ledger_batch.c). */
bool ledger_complete(struct ledger *ledger, const struct ledger_completion *complete,
                     struct err *reterr) MUST_CHECK;

/* Writes the dead letters of the batch that is completed (ledger_dead.c). */
bool ledger_add_dead(struct ledger *ledger, const struct dead_letters *letters,
                     struct err *reterr) MUST_CHECK;

/* Writes its transaction records (ledger_records.c). */
bool ledger_add_records(struct ledger *ledger, struct records *records,
                        struct err *reterr) MUST_CHECK;

#endif
