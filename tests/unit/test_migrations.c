/* schemas/migrations. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/migrations.h"
#include "tests/unit/check.h"
#include <stdio.h>
#include <string.h>

TEST(migrations, versions_run_from_one_without_a_gap_in_each_store)
{
    uint32_t newest[2] = {0};
    CHECK(migrations_len > 0);
    for (size_t i = 0; i < migrations_len; i++) {
        CHECK(i == 0 || migrations[i].store >= migrations[i - 1].store);
        CHECK(migrations[i].version == newest[migrations[i].store] + 1);
        newest[migrations[i].store] = migrations[i].version;
        CHECK(migrations[i].name[0] != '\0');
    }
    CHECK(migration_newest(MIGRATION_POSTGRES) == newest[MIGRATION_POSTGRES]);
    CHECK(migration_newest(MIGRATION_CLICKHOUSE) == newest[MIGRATION_CLICKHOUSE]);
    CHECK(newest[MIGRATION_POSTGRES] >= 2 && newest[MIGRATION_CLICKHOUSE] >= 1);
}

/* The file as the repository has it, so that what is embedded is neither cut nor escaped. */
static void file_of(const struct migration *migration, char *ret_text, size_t size)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/schemas/%s/%04u_%s.sql", SRCDIR,
             migration_store_name(migration->store), migration->version, migration->name);
    FILE *file = fopen(path, "r");
    CHECK(file);
    size_t n = fread(ret_text, 1, size - 1, file);
    fclose(file);
    ret_text[n] = '\0';
}

TEST(migrations, the_text_and_its_checksum_are_those_of_the_file)
{
    for (size_t i = 0; i < migrations_len; i++) {
        static char text[256 * 1024];
        uint8_t ours[DIGEST_SHA256_SIZE], of_file[DIGEST_SHA256_SIZE];
        file_of(&migrations[i], text, sizeof(text));
        CHECK(strcmp(text, migrations[i].text) == 0);
        migration_sha256(&migrations[i], ours);
        digest_sha256(slice_from(text), of_file);
        CHECK(digest_equal(ours, of_file, sizeof(ours)));
    }
}

TEST(migrations, checksums_differ)
{
    for (size_t i = 1; i < migrations_len; i++) {
        uint8_t a[DIGEST_SHA256_SIZE], b[DIGEST_SHA256_SIZE];
        migration_sha256(&migrations[i - 1], a);
        migration_sha256(&migrations[i], b);
        CHECK(!digest_equal(a, b, sizeof(a)));
    }
}

TEST(migrations, statements_end_with_a_semicolon_at_the_end_of_a_line)
{
    struct slice text = SLICE("-- a comment; with a semicolon\n\nSELECT 1,\n  ';'; -- no end\n"
                              "FROM t ;\n\n-- next\nSELECT 2;\nSELECT 3\n\n");
    struct slice statement;
    CHECK(migration_statement(&text, &statement));
    CHECK(slice_equal(statement, SLICE("SELECT 1,\n  ';'; -- no end\nFROM t")));
    CHECK(migration_statement(&text, &statement));
    CHECK(slice_equal(statement, SLICE("SELECT 2")));
    CHECK(migration_statement(&text, &statement));
    CHECK(slice_equal(statement, SLICE("SELECT 3")));
    CHECK(!migration_statement(&text, &statement));
}

TEST(migrations, a_text_of_comments_has_no_statement)
{
    struct slice text = SLICE("-- nothing\n  \n-- at all"), statement;
    CHECK(!migration_statement(&text, &statement));
}

TEST(migrations, every_clickhouse_step_has_statements_with_its_table)
{
    for (size_t i = 0; i < migrations_len; i++) {
        struct slice text = slice_from(migrations[i].text), statement;
        if (migrations[i].store != MIGRATION_CLICKHOUSE)
            continue;
        size_t statements = 0;
        while (migration_statement(&text, &statement)) {
            struct buf out;
            buf_init(&out, 64 * 1024);
            migration_fill(&out, statement, "d", "t");
            CHECK(strstr(buf_text(&out), "`d`.`t`"));
            CHECK(!strstr(buf_text(&out), "{table}"));
            buf_done(&out);
            statements++;
        }
        CHECK(statements > 0);
    }
}

TEST(migrations, names_are_quoted_as_identifiers)
{
    struct buf out;
    buf_init(&out, 1024);
    migration_fill(&out, SLICE("DROP TABLE {database}.{table} {x}"), "a`; DROP", "b\\");
    CHECK(strcmp(buf_text(&out), "DROP TABLE `a\\`; DROP`.`b\\\\` {x}") == 0);
    buf_done(&out);
}
