/* The immutable snapshot: how it is built, kept in a file, and looked up. For the catalog's own
 * files; other rooms use catalog/catalog.h.
 *
 *     struct catalog_snapshot *snapshot = snapshot_new(version);
 *     snapshot_add_organization(…)…; snapshot_add_key(…)…; snapshot_add_metric(…)…;
 *     snapshot_seal(snapshot);
 *
 * Threads: one while it is built; any once it is sealed. SPDX-License-Identifier: Apache-2.0 */
#ifndef CATALOG_SNAPSHOT_H
#define CATALOG_SNAPSHOT_H
#include "base/arena.h"
#include "base/digest.h"
#include "catalog/catalog.h"
#include "catalog/metric_schema.h"
#include "postgres/pg.h"
#include <stdatomic.h>

enum {
    SNAPSHOT_SIZE_MAX = 1 << 30, /* bytes of names and ids; of the file, too */
};

struct snapshot_key {
    uint8_t sha256[DIGEST_SHA256_SIZE];
    uint32_t organization; /* index */
    uint32_t scopes;       /* bits of enum catalog_scope */
    int64_t expires_ms;    /* Unix time; INT64_MAX: never */
    bool revoked;
};

struct snapshot_metric {
    uint32_t organization; /* index */
    struct slice code;
    struct event_metric metric;
    struct metric_schema *schema; /* counted; NULL: none, or its mode is off */
    enum metric_mode mode;
    int64_t schema_version;
};

/* Finds rows of an array by hash: open addressing. */
struct snapshot_slots {
    uint32_t *rows; /* index + 1, or 0: free; owned */
    size_t len;     /* a power of two */
};

struct catalog_snapshot {
    atomic_uint references;
    int64_t version;
    struct arena texts;
    struct catalog_organization *organizations; /* ascending by id; owned */
    size_t organizations_len, organizations_capacity;
    struct snapshot_key *keys; /* owned */
    size_t keys_len, keys_capacity;
    struct snapshot_metric *metrics; /* owned */
    size_t metrics_len, metrics_capacity;
    struct snapshot_slots key_slots, metric_slots;
    struct slice cluster_id;  /* of the Kafka that `partitions` is about; size 0: not decided */
    uint32_t partitions;      /* that events go to */
    size_t schemas_broken;    /* metrics whose schema cannot be used */
    struct err broken_schema; /* what is wrong with the first of them */
};

struct catalog_snapshot *snapshot_new(int64_t version); /* with one reference */
void snapshot_acquire(struct catalog_snapshot *snapshot);
void snapshot_releasep(struct catalog_snapshot **snapshot); /* for CLEANUP */

/* Organizations come first, ascending by id, then keys and metrics. Texts are copied. Errors: IO
 * (out of order, an unknown organization, too much): what is read is not a catalog. */
bool snapshot_add_organization(struct catalog_snapshot *snapshot, struct slice id,
                               struct slice name, bool known_codes_only,
                               struct err *reterr) MUST_CHECK;
/* The limits of the organization that was added last; CATALOG_LIMIT_DEFAULT each until then. */
void snapshot_limit_organization(struct catalog_snapshot *snapshot,
                                 const struct catalog_limits *limits);
bool snapshot_add_key(struct catalog_snapshot *snapshot, struct slice organization_id,
                      const struct snapshot_key *key, struct err *reterr) MUST_CHECK;
bool snapshot_add_metric(struct catalog_snapshot *snapshot, struct slice organization_id,
                         struct slice code, const struct event_metric *metric,
                         struct err *reterr) MUST_CHECK;

/* The schema of the metric that was added last, shared with `previous` (NULL: none) where it did
 * not change. One that cannot be used is noted as broken, and its metric has none. */
void snapshot_schema_metric(struct catalog_snapshot *snapshot,
                            const struct metric_schema_facts *facts,
                            const struct catalog_snapshot *previous);

/* What was decided of the topic. Errors: IO (too much). */
bool snapshot_set_topic(struct catalog_snapshot *snapshot, struct slice cluster_id,
                        uint32_t partitions, struct err *reterr) MUST_CHECK;

/* Makes it ready for looking up; a key or metric that comes twice is an error (IO). */
bool snapshot_seal(struct catalog_snapshot *snapshot, struct err *reterr) MUST_CHECK;

const struct snapshot_key *snapshot_find_key(const struct catalog_snapshot *snapshot,
                                             const uint8_t sha256[DIGEST_SHA256_SIZE]);

/* Reads everything from PostgreSQL, as of one moment; what did not change since `previous` (NULL:
 * none) need not be compiled anew. `topic` is the name of the topic that events go to. NULL on
 * failure. */
struct catalog_snapshot *snapshot_postgres_load(struct pg *pg, const char *topic,
                                                const struct catalog_snapshot *previous,
                                                struct err *reterr) MUST_CHECK;

/* The file holds hashes of keys, never keys; a damaged one, one of another format and one that
 * others could have written is refused (catalog/sealed_file.h). Its modification time is when the
 * snapshot was last known to be current.
 * Errors: NOT_FOUND (no file), IO. */
struct catalog_snapshot *snapshot_file_read(const char *path, int64_t *ret_current_wall_ms,
                                            struct err *reterr) MUST_CHECK;
bool snapshot_file_write(const char *path, const struct catalog_snapshot *snapshot,
                         struct err *reterr) MUST_CHECK;

/* Marks the file as current now; false when that is not possible, as when it is gone. */
bool snapshot_file_touch(const char *path) MUST_CHECK;

#endif
