/* Building a snapshot, and finding keys and metrics in it. SPDX-License-Identifier: Apache-2.0 */
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
    for (size_t i = 0; i < mine->metrics_len; i++)
        metric_schema_release(mine->metrics[i].schema);
    arena_done(&mine->texts);
    free(mine->organizations);
    free(mine->keys);
    free(mine->metrics);
    free(mine->key_slots.rows);
    free(mine->metric_slots.rows);
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

bool snapshot_set_topic(struct catalog_snapshot *snapshot, struct slice cluster_id,
                        uint32_t partitions, struct err *reterr)
{
    snapshot->cluster_id = arena_copy(&snapshot->texts, cluster_id);
    snapshot->partitions = partitions;
    return snapshot->cluster_id.data || err_set(reterr, ERR_IO, "the catalog is too large");
}

uint32_t catalog_partitions(const struct catalog_snapshot *snapshot, struct slice cluster_id)
{
    return slice_equal(snapshot->cluster_id, cluster_id) ? snapshot->partitions : 0;
}

bool snapshot_add_organization(struct catalog_snapshot *snapshot, struct slice id,
                               struct slice name, bool known_codes_only, struct err *reterr)
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
        .snapshot = snapshot,
        .limits = {CATALOG_LIMIT_DEFAULT, CATALOG_LIMIT_DEFAULT, CATALOG_LIMIT_DEFAULT},
        .known_codes_only = known_codes_only,
    };
    if (!organization.id.data || !organization.name.data || len >= UINT32_MAX)
        return err_set(reterr, ERR_IO, "the catalog has more than %d bytes of names",
                       SNAPSHOT_SIZE_MAX);
    snapshot->organizations = grow(snapshot->organizations, len, &snapshot->organizations_capacity,
                                   sizeof(*snapshot->organizations));
    snapshot->organizations[snapshot->organizations_len++] = organization;
    return true;
}

void snapshot_limit_organization(struct catalog_snapshot *snapshot,
                                 const struct catalog_limits *limits)
{
    ASSERT(snapshot->organizations_len > 0);
    snapshot->organizations[snapshot->organizations_len - 1].limits = *limits;
}

static int compare_id(const void *id, const void *organization)
{
    return compare(*(const struct slice *)id,
                   ((const struct catalog_organization *)organization)->id);
}

const struct catalog_organization *
catalog_organization_find(const struct catalog_snapshot *snapshot, struct slice id)
{
    if (snapshot->organizations_len == 0)
        return NULL;
    return bsearch(&id, snapshot->organizations, snapshot->organizations_len,
                   sizeof(*snapshot->organizations), compare_id);
}

/* The index of the organization that a row names. */
static bool find_owner(const struct catalog_snapshot *snapshot, const char *row, struct slice id,
                       uint32_t *ret_index, struct err *reterr)
{
    const struct catalog_organization *organization = catalog_organization_find(snapshot, id);
    if (!organization)
        return err_set(reterr, ERR_IO, "a %s of the catalog names the unknown organization %.*s",
                       row, SLICE_ARG(id));
    *ret_index = (uint32_t)(organization - snapshot->organizations);
    return true;
}

bool snapshot_add_key(struct catalog_snapshot *snapshot, struct slice organization_id,
                      const struct snapshot_key *key, struct err *reterr)
{
    struct snapshot_key added = *key;
    if (!find_owner(snapshot, "key", organization_id, &added.organization, reterr))
        return false;
    if (snapshot->keys_len >= UINT32_MAX / 4)
        return err_set(reterr, ERR_IO, "the catalog has too many keys");
    snapshot->keys =
        grow(snapshot->keys, snapshot->keys_len, &snapshot->keys_capacity, sizeof(*snapshot->keys));
    snapshot->keys[snapshot->keys_len++] = added;
    return true;
}

bool snapshot_add_metric(struct catalog_snapshot *snapshot, struct slice organization_id,
                         struct slice code, const struct event_metric *metric, struct err *reterr)
{
    struct snapshot_metric added = {.metric = *metric};
    if (!find_owner(snapshot, "metric", organization_id, &added.organization, reterr))
        return false;
    if (code.size == 0)
        return err_set(reterr, ERR_IO, "a metric of the catalog has no code");
    added.code = arena_copy(&snapshot->texts, code);
    added.metric.field_name = arena_copy(&snapshot->texts, metric->field_name);
    if (!added.code.data || !added.metric.field_name.data ||
        snapshot->metrics_len >= UINT32_MAX / 4)
        return err_set(reterr, ERR_IO, "the catalog has too many metrics");
    snapshot->metrics = grow(snapshot->metrics, snapshot->metrics_len, &snapshot->metrics_capacity,
                             sizeof(*snapshot->metrics));
    snapshot->metrics[snapshot->metrics_len++] = added;
    snapshot->organizations[added.organization].metrics_len++;
    return true;
}

/* Makes room for so many rows, at most half of it taken. */
static void make_slots(struct snapshot_slots *slots, size_t rows)
{
    ASSERT(!slots->rows);
    slots->len = 16;
    while (slots->len < 2 * rows)
        slots->len *= 2;
    slots->rows = xcalloc(slots->len, sizeof(*slots->rows));
}

/* The slot of a key: where it is, or the free one where it would go. SHA-256 is its own hash. */
static uint32_t *key_slot(const struct catalog_snapshot *snapshot,
                          const uint8_t sha256[DIGEST_SHA256_SIZE])
{
    const struct snapshot_slots *slots = &snapshot->key_slots;
    size_t hash;
    memcpy(&hash, sha256, sizeof(hash));
    for (;; hash++) {
        uint32_t *slot = &slots->rows[hash & (slots->len - 1)];
        if (*slot == 0 ||
            digest_equal(snapshot->keys[*slot - 1].sha256, sha256, DIGEST_SHA256_SIZE))
            return slot;
    }
}

/* FNV-1a. Only the operator adds metrics, so nobody can make their codes collide. */
static uint64_t hash_of(uint32_t organization, struct slice code)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ organization;
    for (size_t i = 0; i < code.size; i++)
        hash = (hash ^ (uint8_t)code.data[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

/* The same of a metric. */
static uint32_t *metric_slot(const struct catalog_snapshot *snapshot, uint32_t organization,
                             struct slice code)
{
    const struct snapshot_slots *slots = &snapshot->metric_slots;
    for (uint64_t hash = hash_of(organization, code);; hash++) {
        uint32_t *slot = &slots->rows[hash & (slots->len - 1)];
        if (*slot == 0)
            return slot;
        const struct snapshot_metric *metric = &snapshot->metrics[*slot - 1];
        if (metric->organization == organization && slice_equal(metric->code, code))
            return slot;
    }
}

bool snapshot_seal(struct catalog_snapshot *snapshot, struct err *reterr)
{
    make_slots(&snapshot->key_slots, snapshot->keys_len);
    for (uint32_t i = 0; i < snapshot->keys_len; i++) {
        uint32_t *slot = key_slot(snapshot, snapshot->keys[i].sha256);
        if (*slot != 0)
            return err_set(reterr, ERR_IO, "the catalog has one key twice");
        *slot = i + 1;
    }
    make_slots(&snapshot->metric_slots, snapshot->metrics_len);
    for (uint32_t i = 0; i < snapshot->metrics_len; i++) {
        const struct snapshot_metric *metric = &snapshot->metrics[i];
        uint32_t *slot = metric_slot(snapshot, metric->organization, metric->code);
        if (*slot != 0)
            return err_set(reterr, ERR_IO, "the catalog has the metric %.*s twice",
                           SLICE_ARG(metric->code));
        *slot = i + 1;
    }
    return true;
}

const struct snapshot_key *snapshot_find_key(const struct catalog_snapshot *snapshot,
                                             const uint8_t sha256[DIGEST_SHA256_SIZE])
{
    uint32_t row = *key_slot(snapshot, sha256);
    return row == 0 ? NULL : &snapshot->keys[row - 1];
}

const struct event_metric *catalog_metric_find(const struct catalog_organization *organization,
                                               struct slice code)
{
    const struct catalog_snapshot *snapshot = organization->snapshot;
    uint32_t row = *metric_slot(snapshot, (uint32_t)(organization - snapshot->organizations), code);
    return row == 0 ? NULL : &snapshot->metrics[row - 1].metric;
}

/* The same metric's schema in another snapshot, which is sealed. NULL: none. */
static struct metric_schema *schema_in(const struct catalog_snapshot *other,
                                       struct slice organization_id, struct slice code)
{
    const struct catalog_organization *organization =
        other ? catalog_organization_find(other, organization_id) : NULL;
    if (!organization)
        return NULL;
    uint32_t row = *metric_slot(other, (uint32_t)(organization - other->organizations), code);
    return row == 0 ? NULL : other->metrics[row - 1].schema;
}

/* Notes that events of a metric are not checked though they should be. */
static void note_broken(struct catalog_snapshot *snapshot, const struct snapshot_metric *row)
{
    const struct err *problem = &row->schema->problem;
    if (snapshot->schemas_broken++ > 0)
        return;
    err_set_at(&snapshot->broken_schema, problem->code, problem->pointer,
               "metric '%.*s' of organization %.*s takes events unchecked: version %lld of its "
               "schema cannot be used: %s%s%s",
               SLICE_ARG(row->code), SLICE_ARG(snapshot->organizations[row->organization].id),
               (long long)row->schema_version, problem->pointer, problem->pointer[0] ? ": " : "",
               problem->text);
}

void snapshot_schema_metric(struct catalog_snapshot *snapshot,
                            const struct metric_schema_facts *facts,
                            const struct catalog_snapshot *previous)
{
    ASSERT(snapshot->metrics_len > 0);
    struct snapshot_metric *row = &snapshot->metrics[snapshot->metrics_len - 1];
    if (facts->mode == METRIC_MODE_OFF || facts->text.size == 0)
        return;
    struct metric_schema *known =
        schema_in(previous, snapshot->organizations[row->organization].id, row->code);
    row->schema = metric_schema_share(known, facts);
    if (!row->schema)
        row->schema = metric_schema_new(facts->text, facts->assert_formats);
    row->mode = facts->mode;
    row->schema_version = facts->version;
    row->metric.schema = row->schema->compiled;
    row->metric.schema_warns = facts->mode == METRIC_MODE_WARN;
    if (!row->schema->compiled)
        note_broken(snapshot, row);
}

static const struct event_metric *find_metric(const void *organization, struct slice code)
{
    return catalog_metric_find(organization, code);
}

struct event_metrics catalog_event_metrics(const struct catalog_organization *organization)
{
    if (!organization)
        return (struct event_metrics){.find = NULL};
    return (struct event_metrics){
        .find = organization->metrics_len > 0 ? find_metric : NULL,
        .context = organization,
        .known_only = organization->known_codes_only,
    };
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

size_t catalog_metrics(const struct catalog_snapshot *snapshot)
{
    return snapshot->metrics_len;
}
