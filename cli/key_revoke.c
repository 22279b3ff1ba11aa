/* bxb key revoke. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/api_key.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/output.h"
#include <stdio.h>

int key_revoke_run(const struct cli *cli, int argc, char **argv)
{
    const char *which = NULL;
    bool json = false;
    const struct args_option options[] = {
        {.name = "ID|PREFIX",
         .kind = ARGS_TEXT,
         .target = &which,
         .required = true,
         .help = "its id, or its first characters as `bxb key list` shows them"},
        {.name = "--json", .kind = ARGS_FLAG, .target = &json, .help = "print a JSON object"},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;

    struct err err;
    char id[UUID_TEXT_SIZE];
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, &err);
    if (!pg || !api_key_revoke(pg, which, id, &err))
        return cli_fail(&err, err.code == ERR_NOT_FOUND ? "`bxb key list` shows all keys." : NULL);
    if (json)
        output_json(json_pack("{s:s,s:s}", "id", id, "state", "revoked"));
    else
        printf("revoked %s\n", id);
    return EXIT_CODE_OK;
}
