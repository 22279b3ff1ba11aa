/* What the commands share. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/cli.h"
#include "base/mem.h"
#include "catalog/organization.h"
#include <string.h>

static int exit_code_of(enum err_code code)
{
    if (code == ERR_USAGE)
        return EXIT_CODE_USAGE;
    if (code == ERR_SETTINGS_INVALID || code == ERR_SETTINGS_UNKNOWN)
        return EXIT_CODE_SETTINGS;
    return EXIT_CODE_FAILURE;
}

int cli_fail(const struct err *err, const char *remedy)
{
    size_t size = strlen(err->text);
    bool ended = size > 0 && strchr(".!?", err->text[size - 1]);
    fprintf(stderr, "bxb: %s%s %s\n", err->text, ended ? "" : ".",
            remedy ? remedy : err_code_remedy(err->code));
    return exit_code_of(err->code);
}

struct pg *cli_connect(const struct cli *cli, struct err *reterr)
{
    return pg_connect(cli->settings->postgres, "bxb", cli->settings->postgres_schema, reterr);
}

struct pg *cli_connect_org(const struct cli *cli, const char *org, char ret_id[UUID_TEXT_SIZE],
                           struct err *reterr)
{
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, reterr);
    bool found = pg && (!org || organization_find(pg, org, ret_id, reterr));
    return found ? TAKE(pg) : NULL;
}
