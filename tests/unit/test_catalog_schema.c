/* catalog/: the schemas of metrics: what a change makes of one, and how snapshots share them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/metric.h"
#include "catalog/snapshot.h"
#include "schemas/property_schema.h"
#include "tests/unit/check.h"
#include <stdlib.h>
#include <unistd.h>

#define ORG_A "11111111-1111-4111-8111-111111111111"
#define ORG_B "22222222-2222-4222-8222-222222222222"

/* ---- What a change makes of a schema ---- */

#define FACTS(schema, mode_, formats, version_)                                                    \
    {                                                                                              \
        .text = {schema, sizeof schema - 1}, .mode = METRIC_MODE_##mode_,                          \
        .assert_formats = formats, .version = version_                                             \
    }
#define NO_FACTS                                                                                   \
    {                                                                                              \
        .version = 0                                                                               \
    }
#define TEXT(schema)                                                                               \
    {                                                                                              \
        schema, sizeof schema - 1                                                                  \
    }
#define DATE    "{\"format\":\"date-time\"}"
#define ODD     "{\"format\":\"color\"}"
#define STRINGS "{\"type\":\"string\"}"

TEST(metric_plan, makes_a_schema_of_what_was_there_and_what_is_wished)
{
    static const struct {
        struct metric_schema_facts before;
        struct metric_plan plan;
        struct metric_schema_facts after;
    } rows[] = {
        /* nothing is said about it */
        {NO_FACTS, {.code = "c"}, NO_FACTS},
        {FACTS(DATE, REJECT, true, 3), {.code = "c"}, FACTS(DATE, REJECT, true, 3)},
        {FACTS("{\"broken\":1}", WARN, false, 3),
         {.code = "c"},
         FACTS("{\"broken\":1}", WARN, false, 3)},
        /* a schema without a mode */
        {NO_FACTS, {.schema = TEXT(DATE)}, FACTS(DATE, WARN, false, 1)},
        {{.version = 4}, {.schema = TEXT(DATE)}, FACTS(DATE, WARN, false, 5)},
        {FACTS(DATE, REJECT, false, 1),
         {.schema = TEXT(STRINGS)},
         FACTS(STRINGS, REJECT, false, 2)},
        {FACTS(DATE, OFF, true, 1), {.schema = TEXT(STRINGS)}, FACTS(STRINGS, OFF, true, 2)},
        /* with one; the same schema is no new version */
        {NO_FACTS, {.schema = TEXT(DATE), .mode = "reject"}, FACTS(DATE, REJECT, false, 1)},
        {NO_FACTS, {.schema = TEXT(DATE), .mode = "off"}, FACTS(DATE, OFF, false, 1)},
        {FACTS(DATE, WARN, false, 1),
         {.schema = TEXT(DATE), .mode = "reject"},
         FACTS(DATE, REJECT, false, 1)},
        /* a mode alone */
        {FACTS(DATE, WARN, false, 2), {.mode = "off"}, FACTS(DATE, OFF, false, 2)},
        {FACTS(DATE, OFF, false, 2), {.mode = "reject"}, FACTS(DATE, REJECT, false, 2)},
        {NO_FACTS, {.mode = "off"}, NO_FACTS},
        /* formats */
        {FACTS(DATE, WARN, false, 1), {.formats = METRIC_FLAG_ON}, FACTS(DATE, WARN, true, 2)},
        {FACTS(DATE, WARN, true, 2), {.formats = METRIC_FLAG_ON}, FACTS(DATE, WARN, true, 2)},
        {FACTS(DATE, WARN, true, 2), {.formats = METRIC_FLAG_OFF}, FACTS(DATE, WARN, false, 3)},
        {NO_FACTS, {.schema = TEXT(DATE), .formats = METRIC_FLAG_ON}, FACTS(DATE, WARN, true, 1)},
        {FACTS(DATE, WARN, true, 2),
         {.schema = TEXT(ODD), .formats = METRIC_FLAG_OFF},
         FACTS(ODD, WARN, false, 3)},
        /* gone */
        {FACTS(DATE, REJECT, true, 2), {.schema = TEXT("")}, {.version = 3}},
        {NO_FACTS, {.schema = TEXT("")}, NO_FACTS},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct metric_schema_facts after;
        struct err err = {.code = ERR_NONE};
        bool ok = metric_plan_schema(&rows[i].before, &rows[i].plan, &after, &err);
        const struct metric_schema_facts *want = &rows[i].after;
        ok = ok && slice_equal(after.text, want->text) && after.mode == want->mode &&
             after.assert_formats == want->assert_formats && after.version == want->version;
        if (!ok)
            fprintf(stderr, "row %zu: %s\n", i, err.text);
        CHECK(ok);
    }
}

TEST(metric_plan, refuses_what_cannot_be_checked)
{
    static const struct {
        struct metric_schema_facts before;
        struct metric_plan plan;
        enum err_code code;
        const char *pointer;
    } rows[] = {
        {NO_FACTS, {.code = "c", .mode = "warn"}, ERR_USAGE, ""},
        {NO_FACTS, {.code = "c", .formats = METRIC_FLAG_ON}, ERR_USAGE, ""},
        {FACTS(DATE, WARN, false, 1),
         {.code = "c", .schema = TEXT(""), .mode = "warn"},
         ERR_USAGE,
         ""},
        {FACTS(DATE, WARN, false, 1), {.mode = "perhaps"}, ERR_USAGE, ""},
        {NO_FACTS, {.schema = TEXT("{")}, ERR_SCHEMA_INVALID, ""},
        {NO_FACTS, {.schema = TEXT("{\"a\":1,\"a\":1}")}, ERR_SCHEMA_INVALID, "/a"},
        {NO_FACTS,
         {.schema = TEXT("{\"items\":{\"contains\":{}}}")},
         ERR_SCHEMA_UNSUPPORTED,
         "/items/contains"},
        {FACTS(ODD, WARN, false, 1),
         {.formats = METRIC_FLAG_ON},
         ERR_SCHEMA_UNSUPPORTED,
         "/format"},
        {FACTS(DATE, WARN, true, 1), {.schema = TEXT(ODD)}, ERR_SCHEMA_UNSUPPORTED, "/format"},
        {FACTS("{\"broken\":1}", OFF, false, 1),
         {.mode = "warn"},
         ERR_SCHEMA_UNSUPPORTED,
         "/broken"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct metric_schema_facts after;
        struct err err = {.code = ERR_NONE};
        bool ok = metric_plan_schema(&rows[i].before, &rows[i].plan, &after, &err);
        if (ok || err.code != rows[i].code)
            fprintf(stderr, "row %zu: %s %s\n", i, err_code_name(err.code), err.text);
        CHECK(!ok && err.code == rows[i].code && strcmp(err.pointer, rows[i].pointer) == 0);
    }
}

/* ---- Snapshots ---- */

/* A snapshot of one metric, "x" of an organization. */
static struct catalog_snapshot *snapshot_of(const char *organization,
                                            const struct metric_schema_facts *facts,
                                            const struct catalog_snapshot *previous)
{
    struct err err;
    const struct event_metric metric = {.transactional = true};
    struct catalog_snapshot *snapshot = snapshot_new(1);
    CHECK(snapshot_add_organization(snapshot, slice_from(organization), SLICE("a"), false, &err));
    CHECK(snapshot_add_metric(snapshot, slice_from(organization), SLICE("x"), &metric, &err));
    snapshot_schema_metric(snapshot, facts, previous);
    CHECK(snapshot_seal(snapshot, &err));
    return snapshot;
}

static const struct event_metric *metric_of(const struct catalog_snapshot *snapshot)
{
    const struct event_metric *metric =
        catalog_metric_find(&snapshot->organizations[0], SLICE("x"));
    CHECK(metric != NULL && metric->transactional);
    return metric;
}

TEST(snapshot_schema, is_compiled_once_while_it_is_the_same)
{
    static const struct metric_schema_facts first = FACTS(DATE, WARN, false, 1);
    static const struct {
        const char *organization;
        struct metric_schema_facts facts;
        bool same;
    } rows[] = {
        {ORG_A, FACTS(DATE, WARN, false, 1), true},
        {ORG_A, FACTS(DATE, REJECT, false, 7), true}, /* the mode is no part of it */
        {ORG_A, FACTS(DATE, WARN, true, 1), false},
        {ORG_A, FACTS(STRINGS, WARN, false, 1), false},
        {ORG_B, FACTS(DATE, WARN, false, 1), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct catalog_snapshot *before = snapshot_of(ORG_A, &first, NULL);
        const struct property_schema *compiled = metric_of(before)->schema;
        CHECK(compiled != NULL && metric_of(before)->schema_warns);
        struct catalog_snapshot *after = snapshot_of(rows[i].organization, &rows[i].facts, before);
        CHECK((metric_of(after)->schema == compiled) == rows[i].same);
        CHECK(metric_of(after)->schema_warns == (rows[i].facts.mode == METRIC_MODE_WARN));
        catalog_release(before); /* what is shared stays */
        struct arena arena;
        struct err err;
        arena_init(&arena, 1 << 16);
        CHECK(property_schema_check(metric_of(after)->schema, SLICE("\"2026-11-23T08:00:00Z\""),
                                    &arena, &err));
        arena_done(&arena);
        catalog_release(after);
    }
}

TEST(snapshot_schema, that_is_off_is_not_there)
{
    static const struct metric_schema_facts off = FACTS("{\"broken\":1}", OFF, false, 1);
    struct catalog_snapshot *snapshot = snapshot_of(ORG_A, &off, NULL);
    CHECK(metric_of(snapshot)->schema == NULL && snapshot->schemas_broken == 0);
    struct catalog_snapshot *after = snapshot_of(ORG_A, &off, snapshot);
    CHECK(metric_of(after)->schema == NULL);
    catalog_release(snapshot);
    catalog_release(after);
}

TEST(snapshot_schema, that_cannot_be_used_is_told_and_checks_nothing)
{
    static const struct metric_schema_facts broken = FACTS("{\"broken\":1}", REJECT, false, 3);
    struct catalog_snapshot *snapshot = snapshot_of(ORG_A, &broken, NULL);
    for (int i = 0; i < 2; i++) { /* also when it is shared */
        CHECK(metric_of(snapshot)->schema == NULL && snapshot->schemas_broken == 1);
        const struct err *problem = &snapshot->broken_schema;
        CHECK(problem->code == ERR_SCHEMA_UNSUPPORTED);
        CHECK(strstr(problem->text, "'x'") && strstr(problem->text, ORG_A));
        CHECK(strstr(problem->text, "version 3") && strstr(problem->text, "/broken: "));
        struct catalog_snapshot *next = snapshot_of(ORG_A, &broken, snapshot);
        catalog_release(snapshot);
        snapshot = next;
    }
    catalog_release(snapshot);
}

TEST(snapshot_schema, survives_the_file_to_the_byte)
{
    static const struct metric_schema_facts facts =
        FACTS("{ \"enum\":[1e400,0.10, \"\\u0000\\\"ä\"],\n\"b\":1}", REJECT, true, 5);
    static const struct metric_schema_facts exact = FACTS("{\"multipleOf\": 0.10}", WARN, false, 2);
    static const struct metric_schema_facts *const rows[] = {&facts, &exact};
    char directory[] = "catalog-test-XXXXXX", path[256];
    struct err err;
    CHECK(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/catalog.json", directory);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t current_ms;
        struct catalog_snapshot *snapshot = snapshot_of(ORG_A, rows[i], NULL);
        CHECK(snapshot_file_write(path, snapshot, &err));
        struct catalog_snapshot *read = snapshot_file_read(path, &current_ms, &err);
        CHECK(read != NULL);
        const struct snapshot_metric *row = &read->metrics[0];
        CHECK(slice_equal(row->schema->text, rows[i]->text) && row->mode == rows[i]->mode);
        CHECK(row->schema_version == rows[i]->version);
        CHECK(row->schema->assert_formats == rows[i]->assert_formats);
        CHECK((metric_of(read)->schema != NULL) == (rows[i] == &exact));
        catalog_release(snapshot);
        catalog_release(read);
    }
    CHECK(unlink(path) == 0 && rmdir(directory) == 0);
}
