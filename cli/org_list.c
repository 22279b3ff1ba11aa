/* bxb org list. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/organization.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/output.h"

int org_list_run(const struct cli *cli, int argc, char **argv)
{
    bool json = false;
    const struct args_option options[] = {
        {.name = "--json", .kind = ARGS_FLAG, .target = &json, .help = "print a JSON array"},
    };
    static const struct output_column columns[] = {
        [ORGANIZATION_ID] = {"id", "ID", OUTPUT_TEXT},
        [ORGANIZATION_NAME] = {"name", "NAME", OUTPUT_TEXT},
        [ORGANIZATION_KEYS] = {"active_keys", "ACTIVE KEYS", OUTPUT_NUMBER},
        [ORGANIZATION_UNKNOWN_CODES] = {"unknown_codes", "UNKNOWN CODES", OUTPUT_TEXT},
        [ORGANIZATION_CREATED_AT] = {"created_at", "CREATED", OUTPUT_TEXT},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;

    struct err err;
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, &err);
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg || !organization_list(pg, &rows, &err))
        return cli_fail(&err, NULL);
    output_rows(rows, columns, ARRAY_LEN(columns), json);
    return EXIT_CODE_OK;
}
