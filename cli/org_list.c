/* bxb org list. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/organization.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/org_columns.h"

int org_list_run(const struct cli *cli, int argc, char **argv)
{
    bool json = false;
    const struct args_option options[] = {
        {.name = "--json", .kind = ARGS_FLAG, .target = &json, .help = "print a JSON array"},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;

    struct err err;
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, &err);
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg || !organization_list(pg, NULL, &rows, &err))
        return cli_fail(&err, NULL);
    output_rows(rows, org_columns, org_columns_len, json);
    return EXIT_CODE_OK;
}
