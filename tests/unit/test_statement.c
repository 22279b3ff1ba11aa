/* embedded/statement: where the data of an INSERT begins. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "embedded/statement.h"
#include "tests/unit/check.h"

static struct statement parse(struct slice text, bool complete)
{
    struct statement statement;
    statement_parse(text, complete, &statement);
    return statement;
}

static bool is_data(const char *text, const char *head, const char *format, const char *data)
{
    struct statement statement = parse(slice_from(text), true);
    return statement.kind == STATEMENT_DATA && slice_equal(statement.head, slice_from(head)) &&
           slice_equal(statement.format, slice_from(format)) &&
           strcmp(text + statement.data, data) == 0;
}

static bool is_query(const char *text)
{
    return parse(slice_from(text), true).kind == STATEMENT_QUERY;
}

TEST(statement, data_begins_behind_the_format_and_one_line_break)
{
    CHECK(is_data("INSERT INTO t FORMAT CSV\n1\n", "INSERT INTO t ", "CSV", "1\n"));
    CHECK(is_data("INSERT INTO t FORMAT CSV\n\n1\n", "INSERT INTO t ", "CSV", "\n1\n"));
    CHECK(is_data("INSERT INTO t FORMAT CSV 1\n", "INSERT INTO t ", "CSV", "1\n"));
    CHECK(is_data("INSERT INTO t FORMAT CSV \r\n1", "INSERT INTO t ", "CSV", "1"));
    CHECK(is_data("insert into t format Native", "insert into t ", "Native", ""));
    CHECK(
        is_data("INSERT INTO t (a, b) VALUES (1,2)", "INSERT INTO t (a, b) ", "Values", " (1,2)"));
    CHECK(is_data("INSERT INTO t VALUES", "INSERT INTO t ", "Values", ""));
}

TEST(statement, names_comments_and_texts_are_no_keywords)
{
    CHECK(is_data("INSERT INTO format FORMAT CSV\n", "INSERT INTO format ", "CSV", ""));
    CHECK(is_data("INSERT INTO values (format, select) FORMAT CSV\n",
                  "INSERT INTO values (format, select) ", "CSV", "") == false); /* as ClickHouse's
                                       own lexer, SELECT begins a query wherever it stands */
    CHECK(is_data("INSERT INTO `a``FORMAT CSV` FORMAT TSV\n", "INSERT INTO `a``FORMAT CSV` ", "TSV",
                  ""));
    CHECK(is_data("INSERT INTO \"x\\\" VALUES\".t FORMAT TSV\n", "INSERT INTO \"x\\\" VALUES\".t ",
                  "TSV", ""));
    CHECK(is_data("/* INSERT */ -- x\n# y\nINSERT INTO t -- FORMAT CSV\n FORMAT TSV\n",
                  "/* INSERT */ -- x\n# y\nINSERT INTO t -- FORMAT CSV\n ", "TSV", ""));
    CHECK(is_data("INSERT INTO t SETTINGS x = 'FORMAT CSV', y = 1 FORMAT TSV\n",
                  "INSERT INTO t SETTINGS x = 'FORMAT CSV', y = 1 ", "TSV", ""));
    CHECK(is_data("INSERT INTO TABLE FUNCTION null('a UInt8') FORMAT CSV\n",
                  "INSERT INTO TABLE FUNCTION null('a UInt8') ", "CSV", ""));
    CHECK(is_data("INSERT INTO {d:Identifier}.{t:Identifier} FORMAT CSV\n",
                  "INSERT INTO {d:Identifier}.{t:Identifier} ", "CSV", ""));
}

TEST(statement, settings_behind_the_format_are_no_data)
{
    const char text[] = "INSERT INTO t FORMAT CSV SETTINGS a = -1, b = [1, (2)], c='x'\n7\n";
    struct statement statement = parse(slice_from(text), true);
    CHECK(statement.kind == STATEMENT_DATA);
    CHECK(slice_equal(statement.settings, SLICE("SETTINGS a = -1, b = [1, (2)], c='x'")));
    CHECK(strcmp(text + statement.data, "7\n") == 0);

    CHECK(is_data("INSERT INTO t FORMAT TSV\nsettings\t1\n", "INSERT INTO t ", "TSV",
                  "settings\t1\n"));
}

TEST(statement, what_has_no_data_is_a_query)
{
    CHECK(is_query(""));
    CHECK(is_query("SELECT 1 FORMAT CSV"));
    CHECK(is_query("EXPLAIN INSERT INTO t FORMAT CSV"));
    CHECK(is_query("INSERT INTO t SELECT * FROM s"));
    CHECK(is_query("INSERT INTO t (a) (SELECT 1)"));
    CHECK(is_query("INSERT INTO t WITH 1 AS x SELECT x"));
    CHECK(is_query("INSERT INTO t FROM INFILE 'f' FORMAT CSV"));
    CHECK(is_query("INSERT INTO t"));
    CHECK(is_query("INSERT INTO t FORMAT"));
    CHECK(is_query("INSERT INTO t FORMAT 'CSV'"));
    CHECK(is_query("INSERT"));
    CHECK(is_query("INSERT INTO t (a, b"));
    CHECK(is_query("/* open"));
    CHECK(is_query("'open"));
    CHECK(parse(SLICE("INSERT INTO t SELECT a FROM input('a UInt8') FORMAT CSV"), true).kind ==
          STATEMENT_INPUT);
    CHECK(is_query("INSERT INTO t SELECT input FROM s"));
}

TEST(statement, every_prefix_says_that_more_is_needed_or_the_same)
{
    static const char *const texts[] = {
        "-- c\nINSERT INTO d.`t` (a, b) SETTINGS x='1' FORMAT Native SETTINGS y = 2\nDATA",
        "INSERT INTO t VALUES (1)",
        "INSERT INTO t SELECT 1",
        "INSERT INTO t SELECT a FROM input('a UInt8')",
        "SELECT 1",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct slice text = slice_from(texts[i]);
        struct statement whole = parse(text, true);
        for (size_t size = 0; size < text.size; size++) {
            struct statement part = parse((struct slice){text.data, size}, false);
            CHECK(part.kind == STATEMENT_MORE || part.kind == whole.kind);
            if (part.kind == STATEMENT_DATA) {
                CHECK(slice_equal(part.head, whole.head));
                CHECK(slice_equal(part.settings, whole.settings));
                CHECK(slice_equal(part.format, whole.format));
                CHECK(part.data == whole.data);
            }
        }
    }
}

TEST(statement, the_output_format_is_the_last_one_outside_brackets)
{
    CHECK(slice_equal(statement_output_format(SLICE("SELECT 1 FORMAT CSV")), SLICE("CSV")));
    CHECK(slice_equal(statement_output_format(SLICE("SELECT 1 format CSV settings a=1;")),
                      SLICE("CSV")));
    CHECK(slice_equal(statement_output_format(SLICE("SELECT 'FORMAT CSV', f(FORMAT x)")),
                      (struct slice){0}));
    CHECK(slice_equal(statement_output_format(SLICE("SELECT 1 FORMAT")), (struct slice){0}));
}

static bool restores(const char *text, bool changed)
{
    struct buf out;
    buf_init(&out, 4096);
    statement_restore_query_ids(slice_from(text), &out);
    bool same = slice_equal(buf_slice(&out), slice_from(text));
    bool marked = strstr(buf_text(&out), STATEMENT_QUERY_ID_MARK) != NULL;
    buf_done(&out);
    return changed ? marked && !same : same;
}

TEST(statement, only_the_table_of_processes_is_replaced)
{
    CHECK(restores("SELECT * FROM system.processes WHERE 1", true));
    CHECK(restores("SELECT * FROM System . Processes AS p", true));
    CHECK(restores("SELECT 'system.processes' -- system.processes", false));
    CHECK(restores("SELECT * FROM system.parts, processes", false));
    CHECK(restores("", false));
}
