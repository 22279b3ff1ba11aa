/* server/account: how much of the budget an organization may hold.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/account.h"
#include "tests/unit/check.h"
#include <string.h>

enum { BUDGET = 1000, REQUESTS = 1000 };

/* An organization that sends requests of one size, each held until the end. */
struct sender {
    struct tenant *tenant;
    struct account accounts[REQUESTS];
    size_t len;
    struct err err; /* of the last refusal */
};

static struct sender sender_of(struct tenants *tenants, const char *id)
{
    return (struct sender){.tenant = tenants_enter(tenants, slice_from(id), 0)};
}

static bool send_one(struct sender *sender, struct tenants *tenants, struct limits *limits,
                     uint64_t bytes)
{
    struct account *account = &sender->accounts[sender->len];
    struct tenant *tenant = tenants_enter(tenants, slice_from(sender->tenant->id), 0);
    *account = (struct account){.limits = limits, .tenant = tenant};
    if (!account_take(account, bytes, &sender->err)) {
        tenants_leave(tenant);
        return false;
    }
    sender->len++;
    return true;
}

static void end(struct sender *sender)
{
    for (size_t i = 0; i < sender->len; i++) {
        account_close(&sender->accounts[i]);
        tenants_leave(sender->tenant);
    }
    CHECK(atomic_load(&sender->tenant->inflight) == 0);
    tenants_leave(sender->tenant);
}

static struct sender first, second, third;

TEST(account, an_organization_alone_gets_half)
{
    struct tenants tenants;
    struct limits limits = {.inflight_max = BUDGET};
    tenants_init(&tenants);
    first = sender_of(&tenants, "first");
    while (send_one(&first, &tenants, &limits, 10))
        ;
    CHECK(first.len == BUDGET / 10 / 2);
    CHECK(first.err.code == ERR_OVERLOADED && strstr(first.err.text, "fair"));
    end(&first);
    CHECK(atomic_load(&limits.inflight) == 0);
    tenants_done(&tenants);
}

TEST(account, those_that_want_everything_share_and_leave_as_much_to_the_next)
{
    struct tenants tenants;
    struct limits limits = {.inflight_max = BUDGET};
    tenants_init(&tenants);
    first = sender_of(&tenants, "first");
    second = sender_of(&tenants, "second");
    third = sender_of(&tenants, "third");
    for (int turn = 0; turn < REQUESTS; turn++) {
        (void)send_one(&first, &tenants, &limits, 1);
        (void)send_one(&second, &tenants, &limits, 1);
    }
    CHECK(first.len >= 333 && first.len <= 334 && second.len >= 333 && second.len <= 334);
    CHECK(send_one(&third, &tenants, &limits, 100) && send_one(&third, &tenants, &limits, 50));
    CHECK(!send_one(&first, &tenants, &limits, 1));
    end(&first);
    CHECK(send_one(&third, &tenants, &limits, 100)); /* what one gives back, others may take */
    end(&second);
    end(&third);
    CHECK(atomic_load(&limits.inflight) == 0);
    tenants_done(&tenants);
}

TEST(account, one_request_at_a_time_is_bound_by_the_budget_alone)
{
    struct tenants tenants;
    struct limits limits = {.inflight_max = BUDGET};
    struct err err;
    tenants_init(&tenants);
    struct tenant *tenant = tenants_enter(&tenants, SLICE("first"), 0);
    struct account account = {.limits = &limits, .tenant = tenant};
    CHECK(account_take(&account, BUDGET - 100, &err) && account_take(&account, 100, &err));
    CHECK(!account_take(&account, 1, &err) && err.code == ERR_OVERLOADED);
    CHECK(account.charged == BUDGET);
    account_charge(&account, 50); /* is there already */
    CHECK(atomic_load(&limits.inflight) == BUDGET + 50);
    CHECK(account_raise(&account, BUDGET, &err));
    CHECK(!account_raise(&account, BUDGET + 51, &err) && account.charged == BUDGET + 50);
    account_settle(&account, 20);
    CHECK(atomic_load(&limits.inflight) == 20 && atomic_load(&tenant->inflight) == 20);
    CHECK(account_raise(&account, 30, &err) && atomic_load(&limits.inflight) == 30);
    account_close(&account);
    account_close(&account);
    CHECK(atomic_load(&limits.inflight) == 0 && atomic_load(&tenant->inflight) == 0);
    tenants_leave(tenant);
    tenants_done(&tenants);
}
