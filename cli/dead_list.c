/* bxb dead list. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/dead.h"

int dead_list_run(const struct cli *cli, int argc, char **argv)
{
    struct dead_choice choice = {.state = "open"};
    uint64_t limit = 100;
    bool json = false;
    const struct args_option options[] = {
        {.name = "--reason",
         .value = "CODE",
         .kind = ARGS_TEXT,
         .target = &choice.reason,
         .help = "only with this reason"},
        {.name = "--org",
         .value = "ORG",
         .kind = ARGS_TEXT,
         .target = &choice.org,
         .help = "only of this organization, by name or id"},
        {.name = "--state",
         .value = "STATE",
         .kind = ARGS_TEXT,
         .target = &choice.state,
         .help = "open, redriven or discarded (default: open)"},
        {.name = "--all",
         .kind = ARGS_FLAG,
         .target = &choice.all,
         .help = "whatever their state is"},
        {.name = "--limit",
         .value = "N",
         .kind = ARGS_NUMBER,
         .target = &limit,
         .min = 1,
         .max = 1000000,
         .help = "at most so many, oldest first (default: 100)"},
        {.name = "--json", .kind = ARGS_FLAG, .target = &json, .help = "print a JSON array"},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;
    if (choice.all)
        choice.state = NULL;

    struct err err;
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, &err);
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg || !dead_find(cli, pg, &choice, limit, NULL, &rows, &err))
        return cli_fail(&err, NULL);
    output_rows(rows, dead_columns, DEAD_SHOWN, json);
    return EXIT_CODE_OK;
}
