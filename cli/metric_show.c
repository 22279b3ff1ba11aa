/* bxb metric show. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/metric.h"
#include "cli/args.h"
#include "cli/cli.h"
#include <stdio.h>

int metric_show_run(const struct cli *cli, int argc, char **argv)
{
    const char *org = NULL, *code = NULL;
    const struct args_option options[] = {
        {.name = "CODE",
         .kind = ARGS_TEXT,
         .target = &code,
         .required = true,
         .help = "the code of its events"},
        args_org(&org, true),
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;

    struct err err;
    char organization_id[UUID_TEXT_SIZE];
    CLEANUP(pg_freep) struct pg *pg = cli_connect_org(cli, org, organization_id, &err);
    CLEANUP(pg_result_freep) struct pg_result *row = NULL;
    if (!pg || !metric_read_schema(pg, organization_id, code, &row, &err))
        return cli_fail(&err, err.code == ERR_NOT_FOUND ? "`bxb metric list` shows all." : NULL);
    printf("%s\n", pg_text(row, 0, 0));
    return EXIT_CODE_OK;
}
