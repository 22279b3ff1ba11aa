/* The parts of the transaction that completes a batch; for ledger_*.c only.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_LEDGER_INTERNAL_H
#define WRITER_LEDGER_INTERNAL_H
#include "writer/fate.h"
#include "writer/ledger.h"

/* Writes the dead letters of the batch that is completed (ledger_dead.c). */
bool ledger_add_dead(struct ledger *ledger, const struct dead_letters *letters,
                     struct err *reterr) MUST_CHECK;

/* Writes its transaction records (ledger_records.c). */
bool ledger_add_records(struct ledger *ledger, struct records *records,
                        struct err *reterr) MUST_CHECK;

#endif
