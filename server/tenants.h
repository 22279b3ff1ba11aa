/* The organizations that send to this process, and what each of them uses of it.
 *
 *     struct tenant *tenant = tenants_enter(&tenants, organization_id, clock_mono_us() * 1000);
 *     … tenant->usage …
 *     tenants_leave(tenant);
 *
 * One is made when an organization first sends. It goes when room is needed, nobody uses it and its
 * buckets are full again: a new one would be the same. So there are about as many as organizations
 * that sent within a burst, whatever the catalog holds, and a request allocates nothing.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_TENANTS_H
#define SERVER_TENANTS_H
#include "base/slice.h"
#include "base/thread.h"
#include "server/quota.h"
#include <stddef.h>

enum {
    TENANTS_STRIPES = 32, /* locks; held for a look-up each */
    TENANTS_ID_SIZE = 64, /* of an organization's id, with its NUL */
};

struct tenant {
    char id[TENANTS_ID_SIZE]; /* of the organization */
    struct quota_usage usage;
    atomic_uint_fast64_t inflight; /* bytes, see server/account.h */
    atomic_size_t users;           /* requests between enter and leave */
    struct tenant *next;           /* guarded by its stripe's lock */
};

struct tenants_stripe {
    struct lock lock;
    struct tenant **slots; /* chains; owned */
    size_t slots_len;      /* a power of two */
    size_t len;            /* tenants */
};

struct tenants {
    struct tenants_stripe stripes[TENANTS_STRIPES];
};

void tenants_init(struct tenants *tenants);
void tenants_done(struct tenants *tenants); /* nobody may be between enter and leave */

/* The tenant of an organization; it stays until tenants_leave. */
struct tenant *tenants_enter(struct tenants *tenants, struct slice organization_id, int64_t now_ns);
void tenants_leave(struct tenant *tenant); /* NULL is fine */

/* How many requests of it there are now. */
static inline size_t tenant_users(const struct tenant *tenant)
{
    return atomic_load_explicit(&tenant->users, memory_order_acquire);
}

/* How many are kept, for metrics and tests. */
size_t tenants_len(struct tenants *tenants);

#endif
