/* bxb dead show. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/digest.h"
#include "cli/dead.h"
#include <stdio.h>

/* The bytes behind a column in hex; owned by the caller. */
static char *bytes_of(const struct pg_result *rows, enum dead_column column, size_t *ret_size)
{
    struct slice hex = pg_slice(rows, 0, column);
    char *bytes = xmalloc(hex.size / 2 + 1);
    *ret_size = digest_from_hex(hex, (uint8_t *)bytes, hex.size / 2) ? hex.size / 2 : 0;
    return bytes;
}

/* As text when it is one, else in hex. */
static void add_bytes(json_t *document, const char *name, const struct pg_result *rows,
                      enum dead_column column)
{
    size_t size;
    CLEANUP(mem_freep) char *bytes = bytes_of(rows, column, &size);
    CLEANUP(mem_freep) char *hex_name = xasprintf("%s_hex", name);
    json_t *text = json_stringn(bytes, size);
    if (text)
        json_object_set_new(document, name, text);
    else
        json_object_set_new(document, hex_name, json_string(pg_text(rows, 0, column)));
}

static void print_document(const struct pg_result *rows)
{
    json_t *document = json_object();
    for (int column = 0; column < DEAD_SHOWN; column++) {
        const char *name = dead_columns[column].name;
        if (pg_is_null(rows, 0, (size_t)column))
            json_object_set_new(document, name, json_null());
        else if (dead_columns[column].kind == OUTPUT_NUMBER)
            json_object_set_new(document, name, json_integer(pg_i64(rows, 0, (size_t)column)));
        else
            json_object_set_new(document, name, json_string(pg_text(rows, 0, (size_t)column)));
    }
    add_bytes(document, "key", rows, DEAD_KEY_HEX);
    add_bytes(document, "value", rows, DEAD_VALUE_HEX);
    output_json(document);
}

int dead_show_run(const struct cli *cli, int argc, char **argv)
{
    struct dead_choice choice = {.id = NULL};
    bool value = false;
    const struct args_option options[] = {
        {.name = "ID",
         .kind = ARGS_TEXT,
         .target = &choice.id,
         .required = true,
         .help = "as `bxb dead list` shows it"},
        {.name = "--value",
         .kind = ARGS_FLAG,
         .target = &value,
         .help = "print the record's bytes and nothing else, to be corrected"},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;

    struct err err;
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, &err);
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg || !dead_find(cli, pg, &choice, 1, NULL, &rows, &err))
        return cli_fail(&err,
                        err.code == ERR_NOT_FOUND ? "`bxb dead list --all` shows all." : NULL);
    if (!value) {
        print_document(rows);
        return EXIT_CODE_OK;
    }
    size_t size;
    CLEANUP(mem_freep) char *bytes = bytes_of(rows, DEAD_VALUE_HEX, &size);
    fwrite(bytes, 1, size, stdout);
    return EXIT_CODE_OK;
}
