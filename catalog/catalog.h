/* Who may send what: an immutable snapshot of organizations, keys and metrics, kept current by a
 * thread.
 *
 *     const struct catalog_snapshot *snapshot = catalog_acquire(catalog);
 *     if (!catalog_authenticate(snapshot, key, now_ms, &organization, &err)) …
 *     catalog_release(snapshot);
 *
 * A change raises a version row in its own transaction; the thread polls that row and swaps the
 * snapshot. Without PostgreSQL the last snapshot goes on, also from the snapshot file after a
 * restart.
 *
 * Threads: any, except where said. SPDX-License-Identifier: Apache-2.0 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H
#include "base/err.h"
#include "base/settings.h"
#include "base/slice.h"
#include "schemas/event.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct catalog;
struct catalog_snapshot;

enum { CATALOG_LIMIT_DEFAULT = -1 }; /* what the server's settings say */

/* How much an organization may send to one server; 0: as much as it likes. */
struct catalog_limits {
    int64_t events_per_second;
    int64_t bytes_per_second; /* of request bodies */
    int64_t burst_ms;         /* how much of that may come at once, as time at the rate; never 0 */
};

struct catalog_organization {
    struct slice id; /* a UUID in lower case; lives as long as the snapshot */
    struct slice name;
    const struct catalog_snapshot *snapshot; /* that it is in */
    size_t metrics_len;
    struct catalog_limits limits;
    bool known_codes_only; /* events whose code is no metric are rejected */
};

/* What a key may be used for; bits, since a key can have several. */
enum catalog_scope {
    CATALOG_SCOPE_EVENTS_WRITE = 1,
    CATALOG_SCOPE_EVENTS_READ = 2,
    CATALOG_SCOPE_ADMIN = 4,
};

const char *catalog_scope_name(enum catalog_scope scope); /* "events:write" */
bool catalog_scope_parse(struct slice name, enum catalog_scope *ret_scope);

enum { CATALOG_KEY_SIZE_MAX = 255 }; /* bytes of an API key; imported ones may be any text */

/* Reads the snapshot file, if there is one, and starts the thread; does not wait for PostgreSQL.
 * `settings` is borrowed until catalog_stop. */
struct catalog *catalog_start(const struct settings *settings);
void catalog_stop(struct catalog *catalog); /* NULL is fine */

/* True when there is a snapshot that is not staler than catalog.max_stale. Errors: NOT_READY. */
bool catalog_ready(struct catalog *catalog, struct err *reterr) MUST_CHECK;

/* Why the catalog could not be brought up to date, once for each change of the reason: for whoever
 * logs. False when there is nothing new to say. */
bool catalog_take_problem(struct catalog *catalog, struct err *ret_problem);

/* The first metric whose stored schema cannot be used, as above. Its events are taken unchecked:
 * what is wrong on our side must not reject them. */
bool catalog_take_broken_schema(struct catalog *catalog, struct err *ret_problem);

/* Milliseconds since the snapshot was last known to be current, also across a restart. */
int64_t catalog_age_ms(struct catalog *catalog);

/* The current snapshot, or NULL when there is none yet. Released by catalog_release. */
const struct catalog_snapshot *catalog_acquire(struct catalog *catalog);
void catalog_release(const struct catalog_snapshot *snapshot); /* NULL is fine */

/* How many partitions of the topic events go to in this cluster; 0: nobody decided it yet. The
 * first writer does, and the number stays whatever Kafka's becomes. */
uint32_t catalog_partitions(const struct catalog_snapshot *snapshot, struct slice cluster_id);

/* What a snapshot holds, for logs and tests. */
int64_t catalog_version(const struct catalog_snapshot *snapshot);
size_t catalog_organizations(const struct catalog_snapshot *snapshot);
size_t catalog_keys(const struct catalog_snapshot *snapshot);
size_t catalog_metrics(const struct catalog_snapshot *snapshot);

/* The organization with this id, or NULL. */
const struct catalog_organization *
catalog_organization_find(const struct catalog_snapshot *snapshot, struct slice id);

/* The metric of a code, or NULL; it lives as long as the snapshot. */
const struct event_metric *catalog_metric_find(const struct catalog_organization *organization,
                                               struct slice code);

/* How the events of an organization find their metrics; good as long as the snapshot. NULL: of an
 * organization without any. */
struct event_metrics catalog_event_metrics(const struct catalog_organization *organization);

/* Finds the organization of an API key by the SHA-256 of its text. What its time tells is about
 * that hash, whose first bytes choose where to look and which is then compared in constant time:
 * nobody can choose keys whose hashes come nearer to a stored one, and a hash that were known would
 * not lead back to 256 random bits. That a key is known but revoked or expired is only told to
 * whoever has all of it.
 * Errors: UNAUTHORIZED (unknown, revoked, expired, malformed), FORBIDDEN (scope missing). */
bool catalog_authenticate(const struct catalog_snapshot *snapshot, struct slice key,
                          enum catalog_scope scope, int64_t now_ms,
                          const struct catalog_organization **ret_organization,
                          struct err *reterr) MUST_CHECK;

#endif
