/* bxb dead discard. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/dead.h"

enum { PAGE = 1000 };

/* Discards what was chosen, page by page. */
static bool discard(const struct cli *cli, struct pg *pg, const struct dead_choice *choice,
                    bool dry_run, size_t *ret_count, struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *behind = NULL;
    *ret_count = 0;
    for (;;) {
        struct pg_result *rows = NULL;
        if (!dead_find(cli, pg, choice, PAGE, behind, &rows, reterr))
            return false;
        pg_result_free(behind);
        behind = rows;
        if (pg_rows(rows) == 0)
            return true;
        if (!dry_run && !dead_set_state(cli, pg, rows, NULL, "discarded", reterr))
            return false;
        *ret_count += pg_rows(rows);
    }
}

int dead_discard_run(const struct cli *cli, int argc, char **argv)
{
    struct dead_choice choice = {.state = "open"};
    bool json = false, dry_run = false;
    const struct args_option options[] = {
        DEAD_CHOICE_OPTIONS(choice),
        {.name = "--dry-run", .kind = ARGS_FLAG, .target = &dry_run, .help = "only count them"},
        {.name = "--json", .kind = ARGS_FLAG, .target = &json, .help = "print a JSON object"},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;

    struct err err;
    size_t count;
    if (!dead_choice_made(&choice, &err))
        return cli_fail(&err, NULL);
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, &err);
    if (!pg || !discard(cli, pg, &choice, dry_run, &count, &err))
        return cli_fail(&err, NULL);
    dead_print_count("discarded", count, 0, dry_run, json);
    return EXIT_CODE_OK;
}
