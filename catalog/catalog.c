/* The catalog: a thread that keeps the snapshot current, and the question who a key belongs to.
 *
 * Threads: the poll thread owns the connection; everything that others see is guarded by the lock.
 * A snapshot itself is immutable and counted.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/catalog.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "catalog/snapshot.h"
#include "postgres/pg.h"
#include <stdlib.h>
#include <string.h>

enum {
    BACKOFF_FIRST_MS = 250,
    BACKOFF_MAX_MS = 2000,
    QUERY_TIMEOUT_MS = 5000,
    KEEP_MS = 10000, /* how often the snapshot file is marked as current */
};

struct catalog {
    /* Set at start, then read-only. */
    const struct settings *settings;
    struct thread thread;

    /* Owned by the poll thread. */
    struct pg *pg; /* NULL: to be connected */
    int64_t backoff_ms;
    int64_t kept_mono_ms; /* when the snapshot file was last written or marked as current */
    bool file_behind;     /* the file may not hold the current snapshot */

    struct lock lock; /* guards what follows */
    bool stopping;
    struct catalog_snapshot *current; /* NULL until the first load */
    int64_t current_mono_ms;          /* when it was last known to be current */
    struct err refused_file;          /* why the snapshot file was not used; ERR_NONE once told */
    struct err problem;               /* ERR_NONE: the last attempt was good */
    bool problem_told;
    char broken_told[ERR_TEXT_SIZE]; /* the broken schema that was told last; "": none */
};

static const struct {
    enum catalog_scope scope;
    const char *name;
} scopes[] = {
    {CATALOG_SCOPE_EVENTS_WRITE, "events:write"},
    {CATALOG_SCOPE_EVENTS_READ, "events:read"},
    {CATALOG_SCOPE_ADMIN, "admin"},
};

const char *catalog_scope_name(enum catalog_scope scope)
{
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
        if (scopes[i].scope == scope)
            return scopes[i].name;
    return "unknown";
}

bool catalog_scope_parse(struct slice name, enum catalog_scope *ret_scope)
{
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        if (!slice_equal(name, slice_from(scopes[i].name)))
            continue;
        *ret_scope = scopes[i].scope;
        return true;
    }
    return false;
}

static void set_problem(struct catalog *catalog, const struct err *problem)
{
    lock_acquire(&catalog->lock);
    bool same =
        catalog->problem.code == problem->code && strcmp(catalog->problem.text, problem->text) == 0;
    if (!same) {
        catalog->problem = *problem;
        catalog->problem_told = false;
    }
    lock_release(&catalog->lock);
}

static void clear_problem(struct catalog *catalog)
{
    lock_acquire(&catalog->lock);
    catalog->problem.code = ERR_NONE;
    lock_release(&catalog->lock);
}

/* Takes the snapshot. */
static void swap(struct catalog *catalog, struct catalog_snapshot *fresh)
{
    lock_acquire(&catalog->lock);
    struct catalog_snapshot *old = catalog->current;
    catalog->current = fresh;
    lock_release(&catalog->lock);
    catalog_release(old);
}

/* The snapshot file, when there is one, makes the server ready before PostgreSQL answers. */
static void start_from_file(struct catalog *catalog)
{
    const char *path = catalog->settings->catalog_snapshot;
    if (path[0] == '\0')
        return;
    struct err err;
    int64_t current_wall_ms;
    struct catalog_snapshot *snapshot = snapshot_file_read(path, &current_wall_ms, &err);
    if (snapshot) {
        int64_t age_ms = clock_wall_ms() - current_wall_ms;
        swap(catalog, snapshot);
        catalog->current_mono_ms = clock_mono_ms() - (age_ms > 0 ? age_ms : 0);
    } else if (err.code != ERR_NOT_FOUND) {
        catalog->refused_file = err; /* no thread runs yet */
    }
}

/* Whether PostgreSQL has another version than we. */
static bool version_changed(struct catalog *catalog, bool *ret_changed, struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(catalog->pg, "SELECT version FROM catalog_version", NULL, 0, &rows, reterr))
        return false;
    /* Only this thread replaces the snapshot: it may be read without the lock. */
    *ret_changed = pg_rows(rows) != 1 || pg_i64(rows, 0, 0) != catalog->current->version;
    return true;
}

static bool load(struct catalog *catalog, struct err *reterr)
{
    struct catalog_snapshot *fresh = snapshot_postgres_load(
        catalog->pg, catalog->settings->events_topic, catalog->current, reterr);
    if (!fresh)
        return false;
    swap(catalog, fresh);
    catalog->file_behind = true;
    catalog->kept_mono_ms = 0;
    return true;
}

/* Keeps the snapshot file: written after a change, again when that failed, and marked as current
 * from time to time. False tells a problem; the snapshot in memory is as good as ever. */
static bool keep_file(struct catalog *catalog, struct err *reterr)
{
    const char *path = catalog->settings->catalog_snapshot;
    int64_t now_mono_ms = clock_mono_ms();
    if (path[0] == '\0')
        return true;
    if (catalog->kept_mono_ms != 0 && now_mono_ms - catalog->kept_mono_ms < KEEP_MS)
        return true;
    catalog->kept_mono_ms = now_mono_ms;
    if (!catalog->file_behind && snapshot_file_touch(path))
        return true;
    catalog->file_behind = !snapshot_file_write(path, catalog->current, reterr);
    return !catalog->file_behind;
}

/* Brings the snapshot up to date. A new connection may lead to another server, so everything is
 * loaded then whatever its version says. */
static bool update(struct catalog *catalog, struct err *reterr)
{
    const struct settings *settings = catalog->settings;
    int64_t asked_mono_ms = clock_mono_ms();
    bool changed = true;
    if (!catalog->pg) {
        catalog->pg =
            pg_connect(settings->postgres, "bxb-server catalog", settings->postgres_schema, reterr);
        if (!catalog->pg)
            return false;
        pg_set_timeout(catalog->pg, QUERY_TIMEOUT_MS);
    } else if (!version_changed(catalog, &changed, reterr)) {
        return false;
    }
    if (changed && !load(catalog, reterr))
        return false;
    lock_acquire(&catalog->lock);
    catalog->current_mono_ms = asked_mono_ms;
    lock_release(&catalog->lock);
    return true;
}

/* One round; returns how long to wait before the next. */
static int64_t poll_once(struct catalog *catalog)
{
    struct err err;
    bool good = update(catalog, &err);
    metrics_set(METRIC_SERVER_CATALOG_AGE, catalog_age_ms(catalog) / 1000);
    metrics_set(METRIC_SERVER_SCHEMAS_BROKEN,
                catalog->current ? (int64_t)catalog->current->schemas_broken : 0);
    if (good) {
        catalog->backoff_ms = 0;
        if (!keep_file(catalog, &err))
            set_problem(catalog, &err);
        else if (!catalog->file_behind)
            clear_problem(catalog);
        return catalog->settings->catalog_poll;
    }
    set_problem(catalog, &err);
    pg_free(catalog->pg);
    catalog->pg = NULL;
    int64_t backoff_ms = catalog->backoff_ms ? 2 * catalog->backoff_ms : BACKOFF_FIRST_MS;
    catalog->backoff_ms = backoff_ms < BACKOFF_MAX_MS ? backoff_ms : BACKOFF_MAX_MS;
    return catalog->backoff_ms;
}

static void poll_thread(void *arg)
{
    struct catalog *catalog = arg;
    bool stopping = false;
    while (!stopping) {
        int64_t deadline_mono_ms = poll_once(catalog) + clock_mono_ms();
        lock_acquire(&catalog->lock);
        while (!catalog->stopping && lock_wait_until(&catalog->lock, deadline_mono_ms))
            ;
        stopping = catalog->stopping;
        lock_release(&catalog->lock);
    }
    pg_free(catalog->pg);
    catalog->pg = NULL;
}

struct catalog *catalog_start(const struct settings *settings)
{
    struct catalog *catalog = xcalloc(1, sizeof(*catalog));
    catalog->settings = settings;
    catalog->current_mono_ms = clock_mono_ms();
    lock_init(&catalog->lock);
    start_from_file(catalog);
    thread_start(&catalog->thread, "catalog", poll_thread, catalog);
    return catalog;
}

void catalog_stop(struct catalog *catalog)
{
    if (!catalog)
        return;
    lock_acquire(&catalog->lock);
    catalog->stopping = true;
    lock_notify(&catalog->lock);
    lock_release(&catalog->lock);
    thread_join(&catalog->thread);
    catalog_release(catalog->current);
    lock_done(&catalog->lock);
    free(catalog);
}

int64_t catalog_age_ms(struct catalog *catalog)
{
    lock_acquire(&catalog->lock);
    int64_t current_mono_ms = catalog->current_mono_ms;
    lock_release(&catalog->lock);
    return clock_mono_ms() - current_mono_ms;
}

bool catalog_ready(struct catalog *catalog, struct err *reterr)
{
    lock_acquire(&catalog->lock);
    bool loaded = catalog->current != NULL;
    int64_t age_ms = clock_mono_ms() - catalog->current_mono_ms;
    struct err problem = catalog->problem;
    lock_release(&catalog->lock);

    const char *why = problem.code == ERR_NONE ? "PostgreSQL has not answered yet" : problem.text;
    /* A reload may write it meanwhile. */
    int64_t max_stale_ms = __atomic_load_n(&catalog->settings->catalog_max_stale, __ATOMIC_RELAXED);
    if (!loaded)
        return err_set(reterr, ERR_NOT_READY, "the catalog is not loaded: %s", why);
    if (max_stale_ms > 0 && age_ms > max_stale_ms)
        return err_set(reterr, ERR_NOT_READY,
                       "the catalog is %lld s old, more than catalog.max_stale: %s",
                       (long long)(age_ms / 1000), why);
    return true;
}

bool catalog_take_problem(struct catalog *catalog, struct err *ret_problem)
{
    lock_acquire(&catalog->lock);
    bool fresh = catalog->problem.code != ERR_NONE && !catalog->problem_told;
    if (catalog->refused_file.code != ERR_NONE) {
        /* On its own: that PostgreSQL cannot be reached either must not hide it. */
        *ret_problem = catalog->refused_file;
        catalog->refused_file.code = ERR_NONE;
        fresh = true;
    } else if (fresh) {
        *ret_problem = catalog->problem;
        catalog->problem_told = true;
    }
    lock_release(&catalog->lock);
    return fresh;
}

bool catalog_take_broken_schema(struct catalog *catalog, struct err *ret_problem)
{
    lock_acquire(&catalog->lock);
    const struct catalog_snapshot *current = catalog->current;
    const char *text = current && current->schemas_broken > 0 ? current->broken_schema.text : "";
    bool changed = strcmp(text, catalog->broken_told) != 0;
    if (changed)
        snprintf(catalog->broken_told, sizeof(catalog->broken_told), "%s", text);
    bool fresh = changed && text[0] != '\0';
    if (fresh)
        *ret_problem = current->broken_schema;
    lock_release(&catalog->lock);
    return fresh;
}

const struct catalog_snapshot *catalog_acquire(struct catalog *catalog)
{
    lock_acquire(&catalog->lock);
    struct catalog_snapshot *snapshot = catalog->current;
    if (snapshot)
        snapshot_acquire(snapshot);
    lock_release(&catalog->lock);
    return snapshot;
}

bool catalog_authenticate(const struct catalog_snapshot *snapshot, struct slice key,
                          enum catalog_scope scope, int64_t now_ms,
                          const struct catalog_organization **ret_organization, struct err *reterr)
{
    if (key.size == 0 || key.size > CATALOG_KEY_SIZE_MAX)
        return err_set(reterr, ERR_UNAUTHORIZED, "the API key must have 1 to %d characters",
                       CATALOG_KEY_SIZE_MAX);
    uint8_t sha256[DIGEST_SHA256_SIZE];
    digest_sha256(key, sha256);
    const struct snapshot_key *found = snapshot_find_key(snapshot, sha256);
    if (!found)
        return err_set(reterr, ERR_UNAUTHORIZED, "the API key is not known");
    if (found->revoked)
        return err_set(reterr, ERR_UNAUTHORIZED, "the API key was revoked");
    if (found->expires_ms <= now_ms)
        return err_set(reterr, ERR_UNAUTHORIZED, "the API key has expired");
    if (!(found->scopes & scope))
        return err_set(reterr, ERR_FORBIDDEN, "the API key does not have the scope %s",
                       catalog_scope_name(scope));
    *ret_organization = &snapshot->organizations[found->organization];
    return true;
}
