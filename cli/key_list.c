/* bxb key list. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/api_key.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/output.h"

int key_list_run(const struct cli *cli, int argc, char **argv)
{
    const char *org = NULL;
    bool json = false;
    const struct args_option options[] = {
        args_org(&org, false),
        {.name = "--json", .kind = ARGS_FLAG, .target = &json, .help = "print a JSON array"},
    };
    static const struct output_column columns[] = {
        [API_KEY_ID] = {"id", "ID", OUTPUT_TEXT},
        [API_KEY_ORGANIZATION_ID] = {"organization_id", NULL, OUTPUT_TEXT},
        [API_KEY_ORGANIZATION] = {"organization", "ORGANIZATION", OUTPUT_TEXT},
        [API_KEY_PREFIX] = {"prefix", "BEGINS WITH", OUTPUT_TEXT},
        [API_KEY_NAME] = {"name", "NAME", OUTPUT_TEXT},
        [API_KEY_SCOPES] = {"scopes", "SCOPES", OUTPUT_LIST},
        [API_KEY_STATE] = {"state", "STATE", OUTPUT_TEXT},
        [API_KEY_CREATED_AT] = {"created_at", "CREATED", OUTPUT_TEXT},
        [API_KEY_EXPIRES_AT] = {"expires_at", "EXPIRES", OUTPUT_TEXT},
        [API_KEY_REVOKED_AT] = {"revoked_at", NULL, OUTPUT_TEXT},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;

    struct err err;
    char organization_id[UUID_TEXT_SIZE];
    CLEANUP(pg_freep) struct pg *pg = cli_connect_org(cli, org, organization_id, &err);
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg || !api_key_list(pg, org ? organization_id : NULL, &rows, &err))
        return cli_fail(&err, NULL);
    output_rows(rows, columns, ARRAY_LEN(columns), json);
    return EXIT_CODE_OK;
}
