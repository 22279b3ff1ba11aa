/* catalog/: building a snapshot, keys, and the snapshot file. SPDX-License-Identifier: Apache-2.0
 */
#include <config.h>
#include "catalog/catalog.h"
#include "base/clock.h"
#include "catalog/sealed_file.h"
#include "catalog/snapshot.h"
#include "tests/unit/check.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ORG_A "11111111-1111-4111-8111-111111111111"
#define ORG_B "22222222-2222-4222-8222-222222222222"
#define KEY_A "bxb_live_6319c05afac3ec13646316280e71802028fe5362d586a29fdaec3ffc80354fef"

static const int64_t now_ms = 1800000000000;

static void add_key(struct catalog_snapshot *snapshot, const char *organization_id,
                    const char *text, struct snapshot_key key)
{
    struct err err;
    digest_sha256(slice_from(text), key.sha256);
    CHECK(snapshot_add_key(snapshot, slice_from(organization_id), &key, &err));
}

static void add_metric(struct catalog_snapshot *snapshot, const char *organization_id,
                       const char *code, const char *field_name, bool transactional)
{
    struct err err;
    const struct event_metric metric = {.field_name = slice_from(field_name),
                                        .transactional = transactional};
    CHECK(snapshot_add_metric(snapshot, slice_from(organization_id), slice_from(code), &metric,
                              &err));
}

static struct catalog_snapshot *sample(void)
{
    struct err err;
    struct catalog_snapshot *snapshot = snapshot_new(7);
    CHECK(snapshot_add_organization(snapshot, SLICE(ORG_A), SLICE("Acme \"ä\""), false, &err));
    CHECK(snapshot_add_organization(snapshot, SLICE(ORG_B), SLICE("beta"), true, &err));
    snapshot_limit_organization(snapshot, &(struct catalog_limits){2000, 0, 30000});
    const struct snapshot_key writes = {.scopes = CATALOG_SCOPE_EVENTS_WRITE,
                                        .expires_ms = INT64_MAX};
    struct snapshot_key key = writes;
    add_key(snapshot, ORG_A, KEY_A, key);
    add_key(snapshot, ORG_B, "any text", key);
    key.expires_ms = now_ms;
    add_key(snapshot, ORG_B, "expires", key);
    key = writes;
    key.revoked = true;
    add_key(snapshot, ORG_B, "revoked", key);
    key = writes;
    key.scopes = CATALOG_SCOPE_EVENTS_READ | CATALOG_SCOPE_ADMIN;
    add_key(snapshot, ORG_B, "reads", key);
    add_metric(snapshot, ORG_A, "storage", "gigabytes", false);
    add_metric(snapshot, ORG_B, "storage", "", true);
    CHECK(snapshot_seal(snapshot, &err));
    return snapshot;
}

/* The code that authentication ends with; ERR_NONE: an organization of this name. */
static enum err_code authenticate(const struct catalog_snapshot *snapshot, const char *key,
                                  int64_t at_ms, const char *expected_id)
{
    const struct catalog_organization *organization = NULL;
    struct err err;
    if (!catalog_authenticate(snapshot, slice_from(key), CATALOG_SCOPE_EVENTS_WRITE, at_ms,
                              &organization, &err)) {
        CHECK(!organization);
        return err.code;
    }
    CHECK(slice_equal(organization->id, slice_from(expected_id)));
    return ERR_NONE;
}

static void check_keys(const struct catalog_snapshot *snapshot)
{
    CHECK(authenticate(snapshot, KEY_A, now_ms, ORG_A) == ERR_NONE);
    CHECK(authenticate(snapshot, "any text", now_ms, ORG_B) == ERR_NONE);
    CHECK(authenticate(snapshot, "expires", now_ms - 1, ORG_B) == ERR_NONE);
    CHECK(authenticate(snapshot, "expires", now_ms, ORG_B) == ERR_UNAUTHORIZED);
    CHECK(authenticate(snapshot, "revoked", now_ms, ORG_B) == ERR_UNAUTHORIZED);
    CHECK(authenticate(snapshot, "reads", now_ms, ORG_B) == ERR_FORBIDDEN);
    CHECK(authenticate(snapshot, "nobody's", now_ms, NULL) == ERR_UNAUTHORIZED);
    CHECK(authenticate(snapshot, "", now_ms, NULL) == ERR_UNAUTHORIZED);
}

static const struct catalog_organization *organization_of(const struct catalog_snapshot *snapshot,
                                                          const char *id)
{
    const struct catalog_organization *organization =
        catalog_organization_find(snapshot, slice_from(id));
    CHECK(organization && slice_equal(organization->id, slice_from(id)));
    return organization;
}

static void check_metrics(const struct catalog_snapshot *snapshot)
{
    const struct catalog_organization *a = organization_of(snapshot, ORG_A);
    const struct catalog_organization *b = organization_of(snapshot, ORG_B);
    const struct event_metric *metric = catalog_metric_find(a, SLICE("storage"));
    CHECK(metric && slice_equal(metric->field_name, SLICE("gigabytes")) && !metric->transactional);
    metric = catalog_metric_find(b, SLICE("storage"));
    CHECK(metric && metric->field_name.size == 0 && metric->transactional);
    CHECK(!catalog_metric_find(a, SLICE("storag")) && !catalog_metric_find(a, SLICE("")));
    CHECK(!a->known_codes_only && b->known_codes_only);
}

TEST(catalog, a_metric_belongs_to_its_organization)
{
    struct catalog_snapshot *snapshot = sample();
    CHECK(catalog_metrics(snapshot) == 2);
    check_metrics(snapshot);
    CHECK(!catalog_organization_find(snapshot, SLICE("33333333-3333-4333-8333-333333333333")));
    struct event_metrics metrics = catalog_event_metrics(organization_of(snapshot, ORG_B));
    CHECK(metrics.known_only && metrics.find(metrics.context, SLICE("storage"))->transactional);
    CHECK(!metrics.find(metrics.context, SLICE("other")));
    metrics = catalog_event_metrics(NULL);
    CHECK(!metrics.find && !metrics.known_only);
    catalog_release(snapshot);
}

TEST(catalog, an_organization_without_metrics_costs_no_lookup)
{
    struct err err;
    struct catalog_snapshot *snapshot = snapshot_new(1);
    CHECK(snapshot_add_organization(snapshot, SLICE(ORG_A), SLICE("a"), false, &err));
    CHECK(snapshot_add_organization(snapshot, SLICE(ORG_B), SLICE("b"), true, &err));
    CHECK(snapshot_seal(snapshot, &err));
    struct event_metrics metrics = catalog_event_metrics(organization_of(snapshot, ORG_A));
    CHECK(!metrics.find && !metrics.known_only);
    metrics = catalog_event_metrics(organization_of(snapshot, ORG_B));
    CHECK(!metrics.find && metrics.known_only);
    CHECK(!catalog_metric_find(organization_of(snapshot, ORG_A), SLICE("x")));
    catalog_release(snapshot);
}

TEST(catalog, thousands_of_metrics_are_each_found)
{
    enum { METRICS = 5000 };
    struct err err;
    char code[64], field[64];
    struct catalog_snapshot *snapshot = snapshot_new(1);
    CHECK(snapshot_add_organization(snapshot, SLICE(ORG_A), SLICE("a"), false, &err));
    CHECK(snapshot_add_organization(snapshot, SLICE(ORG_B), SLICE("b"), false, &err));
    for (int i = 0; i < METRICS; i++) {
        snprintf(code, sizeof(code), "code %d", i / 2);
        snprintf(field, sizeof(field), "field %d", i);
        add_metric(snapshot, i % 2 ? ORG_B : ORG_A, code, field, i % 3 == 0);
    }
    CHECK(snapshot_seal(snapshot, &err));
    for (int i = 0; i < METRICS; i++) {
        snprintf(code, sizeof(code), "code %d", i / 2);
        snprintf(field, sizeof(field), "field %d", i);
        const struct event_metric *metric =
            catalog_metric_find(organization_of(snapshot, i % 2 ? ORG_B : ORG_A), slice_from(code));
        CHECK(metric && slice_equal(metric->field_name, slice_from(field)));
        CHECK(metric->transactional == (i % 3 == 0));
    }
    catalog_release(snapshot);
}

TEST(catalog, a_metric_that_cannot_be_is_refused)
{
    struct err err;
    const struct event_metric metric = {.transactional = true};
    struct catalog_snapshot *snapshot = snapshot_new(1);
    CHECK(!snapshot_add_metric(snapshot, SLICE(ORG_A), SLICE("x"), &metric, &err));
    CHECK(err.code == ERR_IO && strstr(err.text, ORG_A));
    CHECK(snapshot_add_organization(snapshot, SLICE(ORG_A), SLICE("a"), false, &err));
    CHECK(!snapshot_add_metric(snapshot, SLICE(ORG_A), SLICE(""), &metric, &err));
    CHECK(snapshot_add_metric(snapshot, SLICE(ORG_A), SLICE("x"), &metric, &err));
    CHECK(snapshot_add_metric(snapshot, SLICE(ORG_A), SLICE("x"), &metric, &err));
    CHECK(!snapshot_seal(snapshot, &err));
    CHECK(err.code == ERR_IO && strstr(err.text, "twice"));
    catalog_release(snapshot);
}

TEST(catalog, a_key_belongs_to_its_organization_while_it_is_valid)
{
    struct catalog_snapshot *snapshot = sample();
    CHECK(catalog_version(snapshot) == 7);
    CHECK(catalog_organizations(snapshot) == 2);
    CHECK(catalog_keys(snapshot) == 5);
    check_keys(snapshot);
    catalog_release(snapshot);
}

TEST(catalog, a_key_has_at_most_255_bytes)
{
    struct err err;
    char key[CATALOG_KEY_SIZE_MAX + 2];
    memset(key, 'k', sizeof(key));
    key[CATALOG_KEY_SIZE_MAX + 1] = '\0';
    struct catalog_snapshot *snapshot = snapshot_new(1);
    CHECK(snapshot_add_organization(snapshot, SLICE(ORG_A), SLICE("a"), false, &err));
    struct snapshot_key facts = {.scopes = CATALOG_SCOPE_EVENTS_WRITE, .expires_ms = INT64_MAX};
    add_key(snapshot, ORG_A, key, facts);
    key[CATALOG_KEY_SIZE_MAX] = '\0';
    add_key(snapshot, ORG_A, key, facts);
    CHECK(snapshot_seal(snapshot, &err));
    CHECK(authenticate(snapshot, key, now_ms, ORG_A) == ERR_NONE);
    key[CATALOG_KEY_SIZE_MAX] = 'k';
    CHECK(authenticate(snapshot, key, now_ms, NULL) == ERR_UNAUTHORIZED);
    catalog_release(snapshot);
}

TEST(catalog, thousands_of_keys_are_each_found)
{
    enum { KEYS = 5000 };
    struct err err;
    char text[64];
    struct catalog_snapshot *snapshot = snapshot_new(1);
    for (int i = 0; i < KEYS; i++) {
        snprintf(text, sizeof(text), "%08d-1111-4111-8111-111111111111", i);
        CHECK(snapshot_add_organization(snapshot, slice_from(text), SLICE("o"), false, &err));
    }
    for (int i = 0; i < KEYS; i++) {
        char key[64];
        snprintf(text, sizeof(text), "%08d-1111-4111-8111-111111111111", i);
        snprintf(key, sizeof(key), "key %d", i);
        add_key(
            snapshot, text, key,
            (struct snapshot_key){.scopes = CATALOG_SCOPE_EVENTS_WRITE, .expires_ms = INT64_MAX});
    }
    CHECK(snapshot_seal(snapshot, &err));
    for (int i = 0; i < KEYS; i++) {
        char key[64];
        snprintf(text, sizeof(text), "%08d-1111-4111-8111-111111111111", i);
        snprintf(key, sizeof(key), "key %d", i);
        CHECK(authenticate(snapshot, key, now_ms, text) == ERR_NONE);
    }
    CHECK(authenticate(snapshot, "key 5000", now_ms, NULL) == ERR_UNAUTHORIZED);
    catalog_release(snapshot);
}

TEST(catalog, a_snapshot_without_keys_knows_nobody)
{
    struct err err;
    struct catalog_snapshot *snapshot = snapshot_new(1);
    CHECK(snapshot_seal(snapshot, &err));
    CHECK(authenticate(snapshot, KEY_A, now_ms, NULL) == ERR_UNAUTHORIZED);
    catalog_release(snapshot);
}

TEST(catalog, what_cannot_be_a_catalog_is_refused)
{
    struct err err;
    struct snapshot_key key = {.scopes = 1};
    struct catalog_snapshot *snapshot = snapshot_new(1);
    CHECK(!snapshot_add_key(snapshot, SLICE(ORG_A), &key, &err));
    CHECK(err.code == ERR_IO);
    CHECK(!snapshot_add_organization(snapshot, SLICE(""), SLICE("x"), false, &err));
    CHECK(snapshot_add_organization(snapshot, SLICE(ORG_B), SLICE("b"), false, &err));
    CHECK(!snapshot_add_organization(snapshot, SLICE(ORG_B), SLICE("b"), false, &err));
    CHECK(!snapshot_add_organization(snapshot, SLICE(ORG_A), SLICE("a"), false, &err));
    CHECK(!snapshot_add_key(snapshot, SLICE(ORG_A), &key, &err));
    CHECK(snapshot_add_key(snapshot, SLICE(ORG_B), &key, &err));
    CHECK(snapshot_add_key(snapshot, SLICE(ORG_B), &key, &err));
    CHECK(!snapshot_seal(snapshot, &err));
    catalog_release(snapshot);
}

TEST(catalog, scopes_have_names)
{
    enum catalog_scope scope;
    CHECK(catalog_scope_parse(SLICE("events:read"), &scope));
    CHECK(scope == CATALOG_SCOPE_EVENTS_READ);
    CHECK(strcmp(catalog_scope_name(CATALOG_SCOPE_ADMIN), "admin") == 0);
    CHECK(!catalog_scope_parse(SLICE("events"), &scope));
    CHECK(!catalog_scope_parse(SLICE(""), &scope));
}

/* --- The snapshot file -------------------------------------------------------------------------
 */

static void path_in(const char *directory, char ret_path[256])
{
    snprintf(ret_path, 256, "%s/catalog.json", directory);
}

static void make_directory(char ret_directory[64])
{
    snprintf(ret_directory, 64, "catalog-test-XXXXXX");
    CHECK(mkdtemp(ret_directory));
}

TEST(snapshot_file, a_round_trip_keeps_everything)
{
    char directory[64], path[256];
    struct err err;
    make_directory(directory);
    path_in(directory, path);
    struct catalog_snapshot *snapshot = sample();
    int64_t before_ms = clock_wall_ms();
    CHECK(snapshot_file_write(path, snapshot, &err));
    catalog_release(snapshot);

    struct stat facts;
    CHECK(stat(path, &facts) == 0 && (facts.st_mode & 0777) == 0600);
    int64_t current_ms = 0;
    snapshot = snapshot_file_read(path, &current_ms, &err);
    CHECK(snapshot);
    CHECK(current_ms > before_ms - 2000 && current_ms < clock_wall_ms() + 2000);
    CHECK(catalog_version(snapshot) == 7);
    CHECK(catalog_organizations(snapshot) == 2);
    CHECK(catalog_keys(snapshot) == 5);
    CHECK(slice_equal(snapshot->organizations[0].name, SLICE("Acme \"ä\"")));
    const struct catalog_limits *limits = &snapshot->organizations[0].limits;
    CHECK(limits->events_per_second == CATALOG_LIMIT_DEFAULT &&
          limits->bytes_per_second == CATALOG_LIMIT_DEFAULT &&
          limits->burst_ms == CATALOG_LIMIT_DEFAULT);
    limits = &snapshot->organizations[1].limits;
    CHECK(limits->events_per_second == 2000 && limits->bytes_per_second == 0 &&
          limits->burst_ms == 30000);
    check_keys(snapshot);
    CHECK(catalog_metrics(snapshot) == 2);
    check_metrics(snapshot);
    catalog_release(snapshot);
    CHECK(unlink(path) == 0 && rmdir(directory) == 0); /* nothing else was left there */
}

TEST(snapshot_file, holds_no_key)
{
    char directory[64], path[256], text[4096] = "";
    struct err err;
    make_directory(directory);
    path_in(directory, path);
    struct catalog_snapshot *snapshot = sample();
    CHECK(snapshot_file_write(path, snapshot, &err));
    catalog_release(snapshot);
    FILE *file = fopen(path, "r");
    CHECK(file && fread(text, 1, sizeof(text) - 1, file) > 0);
    fclose(file);
    CHECK(!strstr(text, KEY_A) && !strstr(text, "any text"));
    CHECK(unlink(path) == 0 && rmdir(directory) == 0);
}

static enum err_code read_code(const char *path)
{
    struct err err;
    int64_t current_ms;
    struct catalog_snapshot *snapshot = snapshot_file_read(path, &current_ms, &err);
    if (!snapshot)
        return err.code;
    catalog_release(snapshot);
    return ERR_NONE;
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(text, file) >= 0);
    CHECK(fclose(file) == 0 && chmod(path, 0600) == 0);
}

#define ORGANIZATION(limits)                                                                       \
    "{\"id\":\"" ORG_A "\",\"name\":\"a\",\"unknown_codes\":\"reject\"" limits "}"
#define LIMITS ",\"events_per_second\":null,\"bytes_per_second\":5,\"burst_ms\":null"
#define DOCUMENT(organizations, keys, metrics)                                                     \
    "{\"version\":1,\"organizations\":[" organizations "],\"keys\":[" keys                         \
    "],\"metrics\":[" metrics "]}"
#define METRICS(metrics) DOCUMENT(ORGANIZATION(LIMITS), "", metrics)
#define METRIC_OF(organization, rest)                                                              \
    "{\"organization_id\":\"" organization "\",\"code\":\"x\"" rest "}"
#define WHOLE_METRIC        ",\"field_name\":null,\"transactional\":true,\"schema\":null"
#define WITH_SCHEMA(schema) ",\"field_name\":null,\"transactional\":true,\"schema\":{" schema "}"
#define WITH(key)           DOCUMENT(ORGANIZATION(LIMITS), key, "")
#define HASH                "1111111111111111111111111111111111111111111111111111111111111111"

/* A file whose checksum is right, whatever its document says. */
static void write_document(const char *path, const char *document)
{
    struct err err;
    CHECK(sealed_file_write(path, "bxb-catalog 4", slice_from(document), &err));
}

TEST(snapshot_file, what_is_incomplete_is_refused)
{
    static const char *const wrong[] = {
        "",
        "{\"version\":1",
        "[]",
        "{\"organizations\":[],\"keys\":[],\"metrics\":[]}",
        "{\"version\":1,\"organizations\":[],\"keys\":[]}",
        DOCUMENT("{\"id\":\"" ORG_A "\",\"name\":\"a\"" LIMITS "}", "", ""),
        DOCUMENT(ORGANIZATION(""), "", ""),
        DOCUMENT(ORGANIZATION(",\"events_per_second\":null,\"bytes_per_second\":5"), "", ""),
        DOCUMENT(ORGANIZATION(",\"events_per_second\":-1,\"bytes_per_second\":5,\"burst_ms\":1"),
                 "", ""),
        METRICS(METRIC_OF(ORG_A, ",\"field_name\":null,\"schema\":null")),
        METRICS(METRIC_OF(ORG_A, ",\"transactional\":true,\"schema\":null")),
        METRICS(METRIC_OF(ORG_A, ",\"field_name\":null,\"transactional\":true")),
        METRICS("{\"organization_id\":\"" ORG_A "\",\"field_name\":null,\"transactional\":true,"
                "\"schema\":null}"),
        METRICS(METRIC_OF(ORG_B, WHOLE_METRIC)),
        METRICS(METRIC_OF(ORG_A, WITH_SCHEMA("\"mode\":\"perhaps\",\"version\":1,"
                                             "\"assert_formats\":false,\"text\":\"{}\""))),
        METRICS(METRIC_OF(ORG_A, WITH_SCHEMA("\"mode\":\"warn\",\"version\":1,"
                                             "\"assert_formats\":false"))),
        METRICS(METRIC_OF(ORG_A, WITH_SCHEMA("\"mode\":\"warn\",\"version\":1,\"text\":\"{}\""))),
        METRICS(METRIC_OF(ORG_A, WITH_SCHEMA("\"mode\":\"warn\",\"assert_formats\":false,"
                                             "\"text\":\"{}\""))),
        WITH("{\"organization_id\":\"" ORG_A "\",\"sha256\":\"12\",\"expires_ms\":null,"
             "\"revoked\":false}"),
        WITH("{\"organization_id\":\"" ORG_B "\",\"sha256\":\"" HASH "\",\"expires_ms\":null,"
             "\"revoked\":false}"),
        WITH("{\"organization_id\":\"" ORG_A "\",\"sha256\":\"" HASH "\",\"expires_ms\":null}"),
        WITH("{\"organization_id\":\"" ORG_A "\",\"sha256\":\"" HASH "\",\"revoked\":false}"),
    };
    char directory[64], path[256];
    make_directory(directory);
    path_in(directory, path);
    CHECK(read_code(path) == ERR_NOT_FOUND);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        write_document(path, wrong[i]);
        CHECK(read_code(path) == ERR_IO);
    }
    write_document(path, WITH("{\"organization_id\":\"" ORG_A "\",\"sha256\":\"" HASH
                              "\",\"expires_ms\":null,\"revoked\":false}"));
    CHECK(read_code(path) == ERR_NONE);
    write_document(path, METRICS(METRIC_OF(ORG_A, WHOLE_METRIC)));
    CHECK(read_code(path) == ERR_NONE);
    write_document(path, METRICS(METRIC_OF(ORG_A, WITH_SCHEMA("\"mode\":\"warn\",\"version\":1,"
                                                              "\"assert_formats\":false,"
                                                              "\"text\":\"{}\""))));
    CHECK(read_code(path) == ERR_NONE);
    CHECK(chmod(path, 0620) == 0); /* somebody else may have written it */
    CHECK(read_code(path) == ERR_IO);
    CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
    CHECK(read_code(path) == ERR_IO);
    CHECK(rmdir(path) == 0 && rmdir(directory) == 0);
}

TEST(snapshot_file, another_format_is_refused)
{
    char directory[64], path[256];
    struct err err;
    make_directory(directory);
    path_in(directory, path);
    write_text(path,
               "{\"format\":2,\"version\":1,\"organizations\":[],\"keys\":[],\"metrics\":[]}");
    CHECK(read_code(path) == ERR_IO);
    CHECK(sealed_file_write(path, "bxb-catalog 40", slice_from(METRICS("")), &err));
    CHECK(read_code(path) == ERR_IO);
    CHECK(sealed_file_write(path, "bxb-catalog 3", slice_from(METRICS("")), &err));
    CHECK(read_code(path) == ERR_IO);
    write_document(path, METRICS(""));
    CHECK(read_code(path) == ERR_NONE);
    CHECK(unlink(path) == 0 && rmdir(directory) == 0);
}

/* Each bit of the file in turn, and each shorter file. */
TEST(snapshot_file, a_damaged_byte_is_found)
{
    char directory[64], path[256], text[1024];
    make_directory(directory);
    path_in(directory, path);
    write_document(path, METRICS(""));
    FILE *file = fopen(path, "r");
    const size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
    CHECK(size > 100 && size < sizeof(text) - 1 && fclose(file) == 0);
    text[size] = '\0';
    for (size_t i = 0; i < size; i++) {
        text[i] ^= 1;
        write_text(path, text);
        CHECK(read_code(path) == ERR_IO);
        text[i] ^= 1;
    }
    for (size_t cut = 0; cut < size; cut++) {
        char kept = text[cut];
        text[cut] = '\0';
        write_text(path, text);
        CHECK(read_code(path) == ERR_IO);
        text[cut] = kept;
    }
    write_text(path, text);
    CHECK(read_code(path) == ERR_NONE);
    CHECK(unlink(path) == 0 && rmdir(directory) == 0);
}

TEST(snapshot_file, a_directory_that_is_missing_is_an_error)
{
    struct err err;
    struct catalog_snapshot *snapshot = sample();
    CHECK(!snapshot_file_write("no-such-directory/catalog.json", snapshot, &err));
    CHECK(strstr(err.text, "no-such-directory"));
    catalog_release(snapshot);
    CHECK(!snapshot_file_touch("no-such-directory/catalog.json"));
}

/* --- The thread, without PostgreSQL --------------------------------------------------------------
 */

static void settings_for(struct settings *settings, const char *path, const char *max_stale)
{
    struct err err;
    settings_init(settings);
    CHECK(settings_set(settings, "postgres", "postgresql://bxb@127.0.0.1:1/bxb", &err));
    CHECK(settings_set(settings, "catalog.snapshot", path, &err));
    CHECK(settings_set(settings, "catalog.max_stale", max_stale, &err));
}

TEST(catalog, starts_from_the_file_when_postgres_is_away)
{
    char directory[64], path[256];
    struct settings settings;
    struct err err;
    make_directory(directory);
    path_in(directory, path);
    struct catalog_snapshot *snapshot = sample();
    CHECK(snapshot_file_write(path, snapshot, &err));
    catalog_release(snapshot);

    settings_for(&settings, path, "0s");
    struct catalog *catalog = catalog_start(&settings);
    CHECK(catalog_ready(catalog, &err));
    const struct catalog_snapshot *current = catalog_acquire(catalog);
    CHECK(current);
    check_keys(current);
    catalog_stop(catalog);
    check_keys(current); /* a reference outlives the catalog */
    catalog_release(current);
    settings_done(&settings);
    CHECK(unlink(path) == 0 && rmdir(directory) == 0);
}

TEST(catalog, is_not_ready_with_a_file_older_than_max_stale)
{
    char directory[64], path[256];
    struct settings settings;
    struct err err;
    make_directory(directory);
    path_in(directory, path);
    struct catalog_snapshot *snapshot = sample();
    CHECK(snapshot_file_write(path, snapshot, &err));
    catalog_release(snapshot);
    int64_t old_s = clock_wall_ms() / 1000 - 3600;
    const struct timespec times[2] = {{.tv_sec = old_s}, {.tv_sec = old_s}};
    CHECK(utimensat(AT_FDCWD, path, times, 0) == 0);

    settings_for(&settings, path, "30m");
    struct catalog *catalog = catalog_start(&settings);
    CHECK(!catalog_ready(catalog, &err));
    CHECK(err.code == ERR_NOT_READY);
    CHECK(catalog_age_ms(catalog) >= 3600 * 1000);
    catalog_stop(catalog);
    settings_done(&settings);
    CHECK(unlink(path) == 0 && rmdir(directory) == 0);
}

/* Also when PostgreSQL cannot be reached, which is another problem. */
TEST(catalog, tells_once_why_the_file_is_not_used)
{
    char directory[64], path[256];
    struct settings settings;
    struct err err, problem;
    make_directory(directory);
    path_in(directory, path);
    write_text(path, "damaged");
    settings_for(&settings, path, "0s");
    struct catalog *catalog = catalog_start(&settings);
    for (int i = 0; i < 500 && catalog_ready(catalog, &err); i++)
        clock_sleep_ms(10);
    for (int i = 0; i < 500 && !strstr(err.text, "127.0.0.1"); i++) {
        clock_sleep_ms(10);
        CHECK(!catalog_ready(catalog, &err));
    }
    CHECK(catalog_take_problem(catalog, &problem) && strstr(problem.text, path));
    CHECK(catalog_take_problem(catalog, &problem) && problem.code == ERR_POSTGRES_UNAVAILABLE);
    CHECK(!catalog_take_problem(catalog, &problem));
    catalog_stop(catalog);
    settings_done(&settings);
    CHECK(unlink(path) == 0 && rmdir(directory) == 0);
}

TEST(catalog, is_not_ready_without_postgres_and_file_and_says_why)
{
    struct settings settings;
    struct err err, problem;
    settings_for(&settings, "", "0s");
    struct catalog *catalog = catalog_start(&settings);
    CHECK(!catalog_acquire(catalog));
    bool told = false;
    for (int i = 0; i < 500 && !told; i++) {
        told = catalog_take_problem(catalog, &problem);
        clock_sleep_ms(10);
    }
    CHECK(told && problem.code == ERR_POSTGRES_UNAVAILABLE);
    CHECK(!catalog_take_problem(catalog, &problem)); /* once */
    CHECK(!catalog_ready(catalog, &err));
    CHECK(err.code == ERR_NOT_READY && strstr(err.text, "127.0.0.1"));
    catalog_stop(catalog);
    catalog_stop(NULL);
    settings_done(&settings);
}
