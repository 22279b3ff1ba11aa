/* bxb org update. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/organization.h"
#include "cli/args.h"
#include "cli/cli.h"
#include <stdio.h>

int org_update_run(const struct cli *cli, int argc, char **argv)
{
    const char *org = NULL, *unknown_codes = NULL;
    const struct args_option options[] = {
        {.name = "ORG",
         .kind = ARGS_TEXT,
         .target = &org,
         .required = true,
         .help = "the organization, by name or id"},
        {.name = "--unknown-codes",
         .value = "accept|reject",
         .kind = ARGS_TEXT,
         .target = &unknown_codes,
         .required = true,
         .help = "what is done with events whose code is no metric"},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;

    struct err err;
    enum organization_codes codes;
    if (!organization_parse_codes(unknown_codes, &codes, &err))
        return cli_fail(&err, NULL);
    char id[UUID_TEXT_SIZE];
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, &err);
    if (!pg || !organization_find(pg, org, id, &err) || !organization_update(pg, id, codes, &err))
        return cli_fail(&err, NULL);
    printf("%s\n", id);
    return EXIT_CODE_OK;
}
