/* The organizations that send to this process. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/tenants.h"
#include "base/assert.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 16 };

/* FNV-1a. Only the operator makes organizations, so nobody can make their ids collide. */
static uint64_t hash_of(struct slice id)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < id.size; i++)
        hash = (hash ^ (uint8_t)id.data[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

static struct tenants_stripe *stripe_of(struct tenants *tenants, uint64_t hash)
{
    return &tenants->stripes[hash % TENANTS_STRIPES];
}

static struct tenant **slot_of(struct tenants_stripe *stripe, uint64_t hash)
{
    return &stripe->slots[hash / TENANTS_STRIPES & (stripe->slots_len - 1)];
}

void tenants_init(struct tenants *tenants)
{
    for (size_t i = 0; i < TENANTS_STRIPES; i++) {
        struct tenants_stripe *stripe = &tenants->stripes[i];
        *stripe = (struct tenants_stripe){.slots_len = SLOTS_FIRST};
        stripe->slots = xcalloc(SLOTS_FIRST, sizeof(*stripe->slots));
        lock_init(&stripe->lock);
    }
}

/* Frees the tenants of a stripe that are as good as new ones, or all. */
static void sweep(struct tenants_stripe *stripe, bool all, int64_t now_ns)
{
    for (size_t i = 0; i < stripe->slots_len; i++) {
        struct tenant **at = &stripe->slots[i];
        while (*at) {
            struct tenant *tenant = *at;
            const bool idle = tenant_users(tenant) == 0 &&
                              rate_full_in_ns(&tenant->usage.events, now_ns) == 0 &&
                              rate_full_in_ns(&tenant->usage.bytes, now_ns) == 0;
            if (!all && !idle) {
                at = &tenant->next;
                continue;
            }
            *at = tenant->next;
            stripe->len--;
            free(tenant);
        }
    }
}

void tenants_done(struct tenants *tenants)
{
    for (size_t i = 0; i < TENANTS_STRIPES; i++) {
        struct tenants_stripe *stripe = &tenants->stripes[i];
        if (!stripe->slots)
            continue;
        sweep(stripe, true, 0);
        free(stripe->slots);
        lock_done(&stripe->lock);
        stripe->slots = NULL;
    }
}

/* Makes room for one more: sweeps when every slot could be taken, and doubles when that did not
 * free half of them, so that neither is done often. */
static void make_room(struct tenants_stripe *stripe, int64_t now_ns)
{
    if (stripe->len < stripe->slots_len)
        return;
    sweep(stripe, false, now_ns);
    if (stripe->len <= stripe->slots_len / 2)
        return;
    struct tenants_stripe larger = {.slots_len = 2 * stripe->slots_len};
    larger.slots = xcalloc(larger.slots_len, sizeof(*larger.slots));
    for (size_t i = 0; i < stripe->slots_len; i++) {
        while (stripe->slots[i]) {
            struct tenant *tenant = stripe->slots[i];
            struct tenant **slot = slot_of(&larger, hash_of(slice_from(tenant->id)));
            stripe->slots[i] = tenant->next;
            tenant->next = *slot;
            *slot = tenant;
        }
    }
    free(stripe->slots);
    stripe->slots = larger.slots;
    stripe->slots_len = larger.slots_len;
}

static struct tenant *add(struct tenants_stripe *stripe, struct slice id, uint64_t hash,
                          int64_t now_ns)
{
    make_room(stripe, now_ns);
    struct tenant *tenant = xcalloc(1, sizeof(*tenant));
    memcpy(tenant->id, id.data, id.size);
    struct tenant **slot = slot_of(stripe, hash);
    tenant->next = *slot;
    *slot = tenant;
    stripe->len++;
    return tenant;
}

struct tenant *tenants_enter(struct tenants *tenants, struct slice organization_id, int64_t now_ns)
{
    ASSERT(organization_id.size < TENANTS_ID_SIZE);
    const uint64_t hash = hash_of(organization_id);
    struct tenants_stripe *stripe = stripe_of(tenants, hash);
    lock_acquire(&stripe->lock);
    struct tenant *tenant = *slot_of(stripe, hash);
    while (tenant && !slice_equal(slice_from(tenant->id), organization_id))
        tenant = tenant->next;
    if (!tenant)
        tenant = add(stripe, organization_id, hash, now_ns);
    atomic_fetch_add(&tenant->users, 1); /* under the lock, or a sweep could come first */
    lock_release(&stripe->lock);
    return tenant;
}

void tenants_leave(struct tenant *tenant)
{
    if (!tenant)
        return;
    /* Its last use: from here on a sweep may free it. */
    atomic_fetch_sub_explicit(&tenant->users, 1, memory_order_release);
}

size_t tenants_len(struct tenants *tenants)
{
    size_t len = 0;
    for (size_t i = 0; i < TENANTS_STRIPES; i++) {
        lock_acquire(&tenants->stripes[i].lock);
        len += tenants->stripes[i].len;
        lock_release(&tenants->stripes[i].lock);
    }
    return len;
}
