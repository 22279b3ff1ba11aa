/* The memory that one request has taken from the budget of bytes in flight (server.inflight_max),
 * and how much of the budget its organization may hold.
 *
 * An organization may hold as much as is left free. So one alone gets half of the budget, of two
 * that want everything each gets a third, of n each 1/(n+1): there is always room for one that
 * wants little, no number has to be chosen, and nobody waits for another's memory. What a record
 * needs while it waits for the broker is taken here too, so the same holds for the producer's
 * queue. An organization with one request at a time is bound by the budget alone.
 *
 * Threads: an account belongs to its request; accounts of all threads meet in their limits and
 * tenant. SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_ACCOUNT_H
#define SERVER_ACCOUNT_H
#include "base/err.h"
#include "server/limits.h"
#include "server/tenants.h"

struct account {
    struct limits *limits; /* borrowed */
    struct tenant *tenant; /* borrowed; NULL: the budget alone counts */
    uint64_t charged;      /* bytes */
};

/* Takes bytes before they are there. Errors: OVERLOADED, with a text that says whose. */
bool account_take(struct account *account, uint64_t bytes, struct err *reterr) MUST_CHECK;

/* Takes what is missing to `bytes` in all. Errors: as account_take. */
bool account_raise(struct account *account, uint64_t bytes, struct err *reterr) MUST_CHECK;

/* Makes it `bytes` in all: charges what is more, gives back what is less. */
void account_settle(struct account *account, uint64_t bytes);

/* Counts memory that is there already: may go over the budget, and so holds back the next. */
void account_charge(struct account *account, uint64_t bytes);

/* Gives everything back; an account that was never used is fine. */
void account_close(struct account *account);

#endif
