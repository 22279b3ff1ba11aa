/* Lists for people and for programs. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/output.h"
#include "base/assert.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 16 };

void output_json(json_t *document)
{
    ASSERT(document);
    json_dumpf(document, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(document);
}

static json_t *list_json(const char *text)
{
    json_t *list = json_array();
    while (*text) {
        size_t size = strcspn(text, ",");
        json_array_append_new(list, json_stringn(text, size));
        text += size + (text[size] == ',');
    }
    return list;
}

static json_t *cell_json(const struct pg_result *rows, size_t row, size_t column,
                         enum output_kind kind)
{
    if (pg_is_null(rows, row, column))
        return json_null();
    switch (kind) {
    case OUTPUT_TEXT:
        return json_string(pg_text(rows, row, column));
    case OUTPUT_NUMBER:
        return json_integer(pg_i64(rows, row, column));
    case OUTPUT_LIST:
        return list_json(pg_text(rows, row, column));
    case OUTPUT_FLAG:
        return json_boolean(pg_bool(rows, row, column));
    }
    UNREACHABLE("unknown kind of column");
}

static json_t *row_json(const struct pg_result *rows, size_t row,
                        const struct output_column columns[], size_t columns_len)
{
    json_t *object = json_object();
    for (size_t i = 0; i < columns_len; i++)
        json_object_set_new(object, columns[i].name, cell_json(rows, row, i, columns[i].kind));
    return object;
}

void output_row_json(const struct pg_result *rows, const struct output_column columns[],
                     size_t columns_len)
{
    ASSERT(pg_rows(rows) > 0);
    output_json(row_json(rows, 0, columns, columns_len));
}

static void print_json(const struct pg_result *rows, const struct output_column columns[],
                       size_t columns_len)
{
    json_t *list = json_array();
    for (size_t row = 0; row < pg_rows(rows); row++)
        json_array_append_new(list, row_json(rows, row, columns, columns_len));
    output_json(list);
}

/* Characters, not bytes: printf's widths count bytes. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xC0) != 0x80;
    return width;
}

static const char *cell_text(const struct pg_result *rows, size_t row, size_t column,
                             enum output_kind kind)
{
    if (kind == OUTPUT_FLAG)
        return pg_bool(rows, row, column) ? "yes" : "no";
    const char *text = pg_text(rows, row, column);
    return text[0] ? text : "-";
}

static void print_cell(const char *text, int width, enum output_kind kind, bool last)
{
    int blanks = width - width_of(text);
    if (kind == OUTPUT_NUMBER)
        printf("%*s%s%s", blanks, "", text, last ? "\n" : "  ");
    else if (last)
        printf("%s\n", text);
    else
        printf("%s%*s", text, blanks + 2, "");
}

static void print_table(const struct pg_result *rows, const struct output_column columns[],
                        size_t columns_len)
{
    int widths[COLUMNS_MAX] = {0};
    size_t last = 0;
    for (size_t i = 0; i < columns_len; i++) {
        if (!columns[i].title)
            continue;
        last = i;
        widths[i] = width_of(columns[i].title);
        for (size_t row = 0; row < pg_rows(rows); row++) {
            int width = width_of(cell_text(rows, row, i, columns[i].kind));
            widths[i] = width > widths[i] ? width : widths[i];
        }
    }
    for (size_t i = 0; i < columns_len; i++)
        if (columns[i].title)
            print_cell(columns[i].title, widths[i], columns[i].kind, i == last);
    for (size_t row = 0; row < pg_rows(rows); row++)
        for (size_t i = 0; i < columns_len; i++)
            if (columns[i].title)
                print_cell(cell_text(rows, row, i, columns[i].kind), widths[i], columns[i].kind,
                           i == last);
}

void output_rows(const struct pg_result *rows, const struct output_column columns[],
                 size_t columns_len, bool json)
{
    ASSERT(columns_len <= COLUMNS_MAX);
    if (json)
        print_json(rows, columns, columns_len);
    else
        print_table(rows, columns, columns_len);
}
