/* server/tenants: one for each organization, and no more than are needed.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/tenants.h"
#include "tests/unit/check.h"
#include <stdio.h>

#define S INT64_C(1000000000)

static const struct quota quota = {.events = {10, 1000}};

static struct tenant *enter(struct tenants *tenants, int number, int64_t now_ns)
{
    char id[TENANTS_ID_SIZE];
    snprintf(id, sizeof(id), "%08d-1111-4111-8111-111111111111", number);
    return tenants_enter(tenants, slice_from(id), now_ns);
}

/* Enters, takes n of its events, leaves. False: they were refused. */
static bool visit(struct tenants *tenants, int number, uint64_t n, int64_t now_ns)
{
    struct err err;
    int retry_s;
    struct tenant *tenant = enter(tenants, number, now_ns);
    bool taken = quota_take(&quota, &tenant->usage, n, 0, now_ns, &retry_s, &err);
    tenants_leave(tenant);
    return taken;
}

TEST(tenants, each_organization_has_one)
{
    struct tenants tenants;
    tenants_init(&tenants);
    struct tenant *a = enter(&tenants, 1, 0), *b = enter(&tenants, 2, 0);
    CHECK(a != b && enter(&tenants, 1, 0) == a);
    CHECK(tenants_len(&tenants) == 2);
    tenants_leave(a);
    tenants_leave(a);
    tenants_leave(b);
    tenants_leave(NULL);
    CHECK(visit(&tenants, 1, 10, 0) && !visit(&tenants, 1, 1, 0) && visit(&tenants, 2, 10, 0));
    tenants_done(&tenants);
}

enum { MANY = 20000 };

TEST(tenants, those_in_debt_are_kept_and_the_others_go)
{
    struct tenants tenants;
    tenants_init(&tenants);
    for (int i = 0; i < MANY; i++)
        CHECK(visit(&tenants, i, 10, 0));
    CHECK(tenants_len(&tenants) == MANY);
    for (int i = 0; i < MANY; i++)
        CHECK(!visit(&tenants, i, 1, S / 20));
    /* A second later all are as good as new: others take their places. */
    for (int i = MANY; i < 20 * MANY; i++)
        CHECK(visit(&tenants, i, 0, 2 * S));
    CHECK(tenants_len(&tenants) <= 2 * MANY + 32 * 16);
    tenants_done(&tenants);
}

TEST(tenants, one_that_is_used_stays)
{
    struct tenants tenants;
    tenants_init(&tenants);
    struct tenant *kept = enter(&tenants, 0, 0);
    for (int i = 1; i < MANY; i++)
        CHECK(visit(&tenants, i, 0, 0));
    CHECK(tenants_len(&tenants) < MANY / 2);
    CHECK(enter(&tenants, 0, 0) == kept);
    tenants_leave(kept);
    tenants_leave(kept);
    tenants_done(&tenants);
}

static void come_and_go(void *context)
{
    for (int i = 0; i < MANY; i++)
        (void)visit(context, i % 1000, 0, i);
}

TEST(tenants, threads_come_and_go)
{
    struct tenants tenants;
    struct thread threads[4] = {0};
    tenants_init(&tenants);
    for (size_t i = 0; i < 4; i++)
        thread_start(&threads[i], "tenants", come_and_go, &tenants);
    for (size_t i = 0; i < 4; i++)
        thread_join(&threads[i]);
    CHECK(tenants_len(&tenants) <= 1000);
    tenants_done(&tenants);
}
