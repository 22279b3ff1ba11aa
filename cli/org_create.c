/* bxb org create. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/organization.h"
#include "cli/args.h"
#include "cli/cli.h"
#include <stdio.h>

int org_create_run(const struct cli *cli, int argc, char **argv)
{
    const char *name = NULL, *id = NULL;
    bool if_missing = false;
    const struct args_option options[] = {
        {.name = "NAME", .kind = ARGS_TEXT, .target = &name, .required = true, .help = "its name"},
        {.name = "--id",
         .value = "UUID",
         .kind = ARGS_TEXT,
         .target = &id,
         .help = "its id, where it has one already (default: a random one)"},
        {.name = "--if-missing",
         .kind = ARGS_FLAG,
         .target = &if_missing,
         .help = "no error when there is one with this name; prints its id"},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;

    struct err err;
    char made[UUID_TEXT_SIZE];
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, &err);
    if (!pg)
        return cli_fail(&err, NULL);
    if (!organization_create(pg, name, id, made, &err)) {
        bool there = err.code == ERR_EXISTS && if_missing;
        if (!there || !organization_find(pg, name, made, &err))
            return cli_fail(&err, NULL);
        char wanted[UUID_TEXT_SIZE];
        if (id && uuid_parse(slice_from(id), wanted) && strcmp(wanted, made) != 0) {
            err_set(&err, ERR_EXISTS, "the organization '%s' has the id %s", name, made);
            return cli_fail(&err, NULL);
        }
    }
    printf("%s\n", made);
    return EXIT_CODE_OK;
}
