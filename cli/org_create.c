/* bxb org create. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/organization.h"
#include "cli/args.h"
#include "cli/cli.h"
#include <stdio.h>

/* What --if-missing finds: its id must be the one that was asked for, if any was. */
static bool adopt(struct pg *pg, const char *name, const char *id, enum organization_codes codes,
                  char ret_id[UUID_TEXT_SIZE], struct err *reterr)
{
    char wanted[UUID_TEXT_SIZE];
    if (!organization_find(pg, name, ret_id, reterr))
        return false;
    if (id && uuid_parse(slice_from(id), wanted) && strcmp(wanted, ret_id) != 0)
        return err_set(reterr, ERR_EXISTS, "the organization '%s' has the id %s", name, ret_id);
    return codes == ORGANIZATION_CODES_UNCHANGED || organization_update(pg, ret_id, codes, reterr);
}

int org_create_run(const struct cli *cli, int argc, char **argv)
{
    const char *name = NULL, *id = NULL, *unknown_codes = NULL;
    bool if_missing = false;
    const struct args_option options[] = {
        {.name = "NAME", .kind = ARGS_TEXT, .target = &name, .required = true, .help = "its name"},
        {.name = "--id",
         .value = "UUID",
         .kind = ARGS_TEXT,
         .target = &id,
         .help = "its id, where it has one already (default: a random one)"},
        {.name = "--unknown-codes",
         .value = "accept|reject",
         .kind = ARGS_TEXT,
         .target = &unknown_codes,
         .help = "what is done with events whose code is no metric (default: accept)"},
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
    enum organization_codes codes = ORGANIZATION_CODES_UNCHANGED;
    if (unknown_codes && !organization_parse_codes(unknown_codes, &codes, &err))
        return cli_fail(&err, NULL);
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, &err);
    if (!pg)
        return cli_fail(&err, NULL);
    if (!organization_create(pg, name, id, codes, made, &err)) {
        bool there = err.code == ERR_EXISTS && if_missing;
        if (!there || !adopt(pg, name, id, codes, made, &err))
            return cli_fail(&err, NULL);
    }
    printf("%s\n", made);
    return EXIT_CODE_OK;
}
