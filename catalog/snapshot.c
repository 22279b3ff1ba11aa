/* Building a snapshot, and finding a key in it. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/snapshot.h"
#include "base/assert.h"
#include "base/mem.h"
#include <stdlib.h>

struct catalog_snapshot *snapshot_new(int64_t version)
{
    struct catalog_snapshot *snapshot = xcalloc(1, sizeof(*snapshot));
    atomic_init(&snapshot->references, 1);
    snapshot->version = version;
    arena_init(&snapshot->texts, SNAPSHOT_SIZE_MAX);
    return snapshot;
}

void snapshot_acquire(struct catalog_snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
}

void catalog_release(const struct catalog_snapshot *snapshot)
{
    if (!snapshot)
        return;
    /* Only the count is ever written once a snapshot is shared. */
    struct catalog_snapshot *mine = (struct catalog_snapshot *)snapshot;
    if (atomic_fetch_sub_explicit(&mine->references, 1, memory_order_acq_rel) != 1)
        return;
    arena_done(&mine->texts);
    free(mine->organizations);
    free(mine->keys);
    free(mine->slots);
    free(mine);
}

void snapshot_releasep(struct catalog_snapshot **snapshot)
{
    catalog_release(*snapshot);
}

static int compare(struct slice a, struct slice b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* Room for one more element; doubles. */
static void *grow(void *array, size_t len, size_t *capacity, size_t element_size)
{
    if (len < *capacity)
        return array;
    *capacity = *capacity ? 2 * *capacity : 64;
    return xrealloc(array, *capacity * element_size);
}

bool snapshot_add_organization(struct catalog_snapshot *snapshot, struct slice id,
                               struct slice name, struct err *reterr)
{
    size_t len = snapshot->organizations_len;
    if (id.size == 0)
        return err_set(reterr, ERR_IO, "an organization of the catalog has no id");
    if (len > 0 && compare(snapshot->organizations[len - 1].id, id) >= 0)
        return err_set(reterr, ERR_IO, "organization %.*s is out of order in the catalog",
                       SLICE_ARG(id));
    struct catalog_organization organization = {
        .id = arena_copy(&snapshot->texts, id),
        .name = arena_copy(&snapshot->texts, name),
    };
    if (!organization.id.data || !organization.name.data || len >= UINT32_MAX)
        return err_set(reterr, ERR_IO, "the catalog has more than %d bytes of names",
                       SNAPSHOT_SIZE_MAX);
    snapshot->organizations = grow(snapshot->organizations, len, &snapshot->organizations_capacity,
                                   sizeof(*snapshot->organizations));
    snapshot->organizations[snapshot->organizations_len++] = organization;
    return true;
}

static int compare_id(const void *id, const void *organization)
{
    return compare(*(const struct slice *)id,
                   ((const struct catalog_organization *)organization)->id);
}

bool snapshot_add_key(struct catalog_snapshot *snapshot, struct slice organization_id,
                      const struct snapshot_key *key, struct err *reterr)
{
    const struct catalog_organization *organization = NULL;
    if (snapshot->organizations_len > 0)
        organization =
            bsearch(&organization_id, snapshot->organizations, snapshot->organizations_len,
                    sizeof(*snapshot->organizations), compare_id);
    if (!organization)
        return err_set(reterr, ERR_IO, "a key of the catalog names the unknown organization %.*s",
                       SLICE_ARG(organization_id));
    if (snapshot->keys_len >= UINT32_MAX / 4)
        return err_set(reterr, ERR_IO, "the catalog has too many keys");
    snapshot->keys =
        grow(snapshot->keys, snapshot->keys_len, &snapshot->keys_capacity, sizeof(*snapshot->keys));
    struct snapshot_key *added = &snapshot->keys[snapshot->keys_len++];
    *added = *key;
    added->organization = (uint32_t)(organization - snapshot->organizations);
    return true;
}

/* The slot of a key: where it is, or the free one where it would go. SHA-256 is its own hash. */
static size_t slot_of(const struct catalog_snapshot *snapshot,
                      const uint8_t sha256[DIGEST_SHA256_SIZE])
{
    size_t hash;
    memcpy(&hash, sha256, sizeof(hash));
    for (size_t slot = hash & (snapshot->slots_len - 1);;
         slot = (slot + 1) & (snapshot->slots_len - 1)) {
        uint32_t index = snapshot->slots[slot];
        if (index == 0 ||
            digest_equal(snapshot->keys[index - 1].sha256, sha256, DIGEST_SHA256_SIZE))
            return slot;
    }
}

bool snapshot_seal(struct catalog_snapshot *snapshot, struct err *reterr)
{
    ASSERT(!snapshot->slots);
    snapshot->slots_len = 16;
    while (snapshot->slots_len < 2 * snapshot->keys_len)
        snapshot->slots_len *= 2;
    snapshot->slots = xcalloc(snapshot->slots_len, sizeof(*snapshot->slots));
    for (uint32_t i = 0; i < snapshot->keys_len; i++) {
        size_t slot = slot_of(snapshot, snapshot->keys[i].sha256);
        if (snapshot->slots[slot] != 0)
            return err_set(reterr, ERR_IO, "the catalog has one key twice");
        snapshot->slots[slot] = i + 1;
    }
    return true;
}

const struct snapshot_key *snapshot_find_key(const struct catalog_snapshot *snapshot,
                                             const uint8_t sha256[DIGEST_SHA256_SIZE])
{
    uint32_t index = snapshot->slots[slot_of(snapshot, sha256)];
    return index == 0 ? NULL : &snapshot->keys[index - 1];
}

int64_t catalog_version(const struct catalog_snapshot *snapshot)
{
    return snapshot->version;
}

size_t catalog_organizations(const struct catalog_snapshot *snapshot)
{
    return snapshot->organizations_len;
}

size_t catalog_keys(const struct catalog_snapshot *snapshot)
{
    return snapshot->keys_len;
}
