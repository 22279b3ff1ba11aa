/* bxb key create. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/api_key.h"
#include "catalog/organization.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/output.h"
#include <stdio.h>

static const uint64_t expires_max_ms = 3650ull * 24 * 3600 * 1000;

static bool scopes_of(const struct args_list *names, uint32_t *ret_scopes, struct err *reterr)
{
    uint32_t scopes = 0;
    for (size_t i = 0; i < names->len; i++) {
        enum catalog_scope scope;
        if (!catalog_scope_parse(slice_from(names->items[i]), &scope))
            return err_set(reterr, ERR_USAGE,
                           "there is no scope '%s'; there are events:write, events:read and admin",
                           names->items[i]);
        scopes |= scope;
    }
    *ret_scopes = scopes;
    return true;
}

/* The key alone goes to stdout, so that `KEY=$(bxb key create …)` works. */
static void print_key(const char *key, const char *id, bool json)
{
    if (json) {
        output_json(json_pack("{s:s,s:s}", "id", id, "key", key));
        return;
    }
    printf("%s\n", key);
    fprintf(stderr, "bxb: key %s; store it now, it cannot be shown again\n", id);
}

int key_create_run(const struct cli *cli, int argc, char **argv)
{
    const char *org = NULL;
    bool json = false;
    struct args_list scopes = {.len = 0};
    struct api_key_plan plan = {.name = ""};
    const struct args_option options[] = {
        {.name = "--org",
         .value = "ORG",
         .kind = ARGS_TEXT,
         .target = &org,
         .required = true,
         .help = "the organization, by name or id"},
        {.name = "--name",
         .value = "NAME",
         .kind = ARGS_TEXT,
         .target = &plan.name,
         .help = "what it is for"},
        {.name = "--scope",
         .value = "SCOPE",
         .kind = ARGS_LIST,
         .target = &scopes,
         .help = "events:write (default), events:read or admin; can be given several times"},
        {.name = "--expires",
         .value = "DURATION",
         .kind = ARGS_DURATION,
         .target = &plan.expires_in_ms,
         .min = 1000,
         .max = expires_max_ms,
         .help = "when it ends, from now on, as in 90d (default: never)"},
        {.name = "--test",
         .kind = ARGS_FLAG,
         .target = &plan.test,
         .help = "make it begin with bxb_test_ instead of bxb_live_"},
        {.name = "--json", .kind = ARGS_FLAG, .target = &json, .help = "print a JSON object"},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;

    struct err err;
    if (!scopes_of(&scopes, &plan.scopes, &err))
        return cli_fail(&err, NULL);
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, &err);
    char organization_id[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE], key[API_KEY_TEXT_SIZE];
    plan.organization_id = organization_id;
    if (!pg || !organization_find(pg, org, organization_id, &err) ||
        !api_key_create(pg, &plan, key, id, &err))
        return cli_fail(&err, NULL);
    print_key(key, id, json);
    return EXIT_CODE_OK;
}
