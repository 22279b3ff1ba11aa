/* bxb key import. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/api_key.h"
#include "catalog/organization.h"
#include "cli/args.h"
#include "cli/cli.h"
#include <stdio.h>

int key_import_run(const struct cli *cli, int argc, char **argv)
{
    const char *org = NULL, *sha256 = NULL;
    struct api_key_plan plan = {.name = ""};
    const struct args_option options[] = {
        {.name = "--org",
         .value = "ORG",
         .kind = ARGS_TEXT,
         .target = &org,
         .required = true,
         .help = "the organization, by name or id"},
        {.name = "--sha256",
         .value = "HEX",
         .kind = ARGS_TEXT,
         .target = &sha256,
         .required = true,
         .help = "the SHA-256 of the key's text, 64 hex digits"},
        {.name = "--name",
         .value = "NAME",
         .kind = ARGS_TEXT,
         .target = &plan.name,
         .help = "what it is for"},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;

    struct err err;
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, &err);
    char organization_id[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE];
    plan.organization_id = organization_id;
    if (!pg || !organization_find(pg, org, organization_id, &err) ||
        !api_key_import(pg, &plan, sha256, id, &err))
        return cli_fail(&err, NULL);
    printf("%s\n", id);
    return EXIT_CODE_OK;
}
