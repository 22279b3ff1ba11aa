/* Lists for people and for programs, from one description of their columns.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H
#include "postgres/pg.h"
#include <jansson.h>
#include <stdbool.h>

enum output_kind {
    OUTPUT_TEXT,
    OUTPUT_NUMBER,
    OUTPUT_LIST, /* separated by commas; an array in JSON */
    OUTPUT_FLAG, /* a boolean; "yes" or "no" in a table */
};

struct output_column {
    const char *name;  /* of the member in JSON */
    const char *title; /* above the column; NULL: only in JSON */
    enum output_kind kind;
};

/* Prints rows as a table, or as a JSON array of objects. The columns are those of the rows. */
void output_rows(const struct pg_result *rows, const struct output_column columns[],
                 size_t columns_len, bool json);

/* Prints the first row as a JSON object. */
void output_row_json(const struct pg_result *rows, const struct output_column columns[],
                     size_t columns_len);

/* Prints a document with a line feed, and takes it. */
void output_json(json_t *document);

#endif
