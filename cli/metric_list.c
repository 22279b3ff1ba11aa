/* bxb metric list. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/metric.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/metric_columns.h"

int metric_list_run(const struct cli *cli, int argc, char **argv)
{
    const char *org = NULL;
    bool json = false;
    const struct args_option options[] = {
        args_org(&org, false),
        {.name = "--json", .kind = ARGS_FLAG, .target = &json, .help = "print a JSON array"},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;

    struct err err;
    char organization_id[UUID_TEXT_SIZE];
    CLEANUP(pg_freep) struct pg *pg = cli_connect_org(cli, org, organization_id, &err);
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg || !metric_list(pg, org ? organization_id : NULL, NULL, &rows, &err))
        return cli_fail(&err, NULL);
    output_rows(rows, metric_columns, metric_columns_len, json);
    return EXIT_CODE_OK;
}
