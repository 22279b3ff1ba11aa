/* The memory that one request has taken. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/account.h"

/* Whether the organization may hold so much more. The answer of a moment: two threads may both have
 * it, and the budget is what holds in any case. */
static bool is_fair(const struct account *account, uint64_t held, uint64_t bytes)
{
    const struct limits *limits = account->limits;
    const uint64_t used = atomic_load(&limits->inflight);
    const uint64_t left = used < limits->inflight_max ? limits->inflight_max - used : 0;
    return held + bytes <= left || tenant_users(account->tenant) == 1;
}

bool account_take(struct account *account, uint64_t bytes, struct err *reterr)
{
    struct tenant *tenant = account->tenant;
    if (tenant) {
        const uint64_t held = atomic_fetch_add(&tenant->inflight, bytes);
        if (!is_fair(account, held, bytes)) {
            atomic_fetch_sub(&tenant->inflight, bytes);
            return err_set(reterr, ERR_OVERLOADED,
                           "the organization has more requests in work than is fair to others");
        }
    }
    if (!limits_take(account->limits, bytes)) {
        if (tenant)
            atomic_fetch_sub(&tenant->inflight, bytes);
        return err_set(reterr, ERR_OVERLOADED, "too many bytes are being worked on");
    }
    account->charged += bytes;
    return true;
}

bool account_raise(struct account *account, uint64_t bytes, struct err *reterr)
{
    return bytes <= account->charged || account_take(account, bytes - account->charged, reterr);
}

void account_settle(struct account *account, uint64_t bytes)
{
    /* Less is more in modular arithmetic: the counters are unsigned. */
    const uint64_t more = bytes - account->charged;
    limits_charge(account->limits, more);
    if (account->tenant)
        atomic_fetch_add(&account->tenant->inflight, more);
    account->charged = bytes;
}

void account_charge(struct account *account, uint64_t bytes)
{
    account_settle(account, account->charged + bytes);
}

void account_close(struct account *account)
{
    if (account->charged > 0)
        account_settle(account, 0);
}
