/* bxb key create and bxb key import: the same but for where the key comes from.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/clock.h"
#include "catalog/api_key.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/output.h"
#include <stdio.h>

/* What stands on the command line. */
struct wish {
    const char *org, *name, *expires;
    const char *sha256; /* of a key that exists elsewhere */
    struct args_list scopes;
    bool test, json;
};

/* The options of both, and the one that each has for itself. */
static bool read_wish(const struct cli *cli, int argc, char **argv,
                      const struct args_option *further, struct wish *wish, int *ret_exit)
{
    const struct args_option options[] = {
        args_org(&wish->org, true),
        {.name = "--name",
         .value = "NAME",
         .kind = ARGS_TEXT,
         .target = &wish->name,
         .help = "what it is for"},
        {.name = "--scope",
         .value = "SCOPE",
         .kind = ARGS_LIST,
         .target = &wish->scopes,
         .help = "events:write (default), events:read or admin; can be given several times"},
        {.name = "--expires",
         .value = "90d|DATE",
         .kind = ARGS_TEXT,
         .target = &wish->expires,
         .help = "when it ends: from now on, or a date or time, as in 2027-03-31 (default: never)"},
        {.name = "--json", .kind = ARGS_FLAG, .target = &wish->json, .help = "print a JSON object"},
        *further,
    };
    return args_read(cli, options, ARRAY_LEN(options), argc, argv, ret_exit);
}

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

static bool make_plan(const struct wish *wish, struct api_key_plan *ret_plan, struct err *reterr)
{
    struct api_key_plan plan = {.name = wish->name ? wish->name : "", .test = wish->test};
    if (!scopes_of(&wish->scopes, &plan.scopes, reterr))
        return false;
    if (wish->expires &&
        !api_key_parse_expiry(wish->expires, clock_wall_ms(), &plan.expires_ms, reterr))
        return false;
    *ret_plan = plan;
    return true;
}

/* The key alone goes to stdout, so that `KEY=$(bxb key create …)` works. `key` NULL: imported. */
static void print_made(const char *key, const char *id, bool json)
{
    if (json) {
        output_json(key ? json_pack("{s:s,s:s}", "id", id, "key", key)
                        : json_pack("{s:s}", "id", id));
        return;
    }
    printf("%s\n", key ? key : id);
    if (key)
        fprintf(stderr, "bxb: key %s; store it now, it cannot be shown again\n", id);
}

static int make(const struct cli *cli, const struct wish *wish)
{
    struct err err;
    struct api_key_plan plan;
    if (!make_plan(wish, &plan, &err))
        return cli_fail(&err, NULL);
    char organization_id[UUID_TEXT_SIZE], id[UUID_TEXT_SIZE], key[API_KEY_TEXT_SIZE];
    CLEANUP(pg_freep) struct pg *pg = cli_connect_org(cli, wish->org, organization_id, &err);
    plan.organization_id = organization_id;
    if (!pg || !(wish->sha256 ? api_key_import(pg, &plan, wish->sha256, id, &err)
                              : api_key_create(pg, &plan, key, id, &err)))
        return cli_fail(&err, NULL);
    print_made(wish->sha256 ? NULL : key, id, wish->json);
    return EXIT_CODE_OK;
}

int key_create_run(const struct cli *cli, int argc, char **argv)
{
    struct wish wish = {.org = NULL};
    const struct args_option test = {
        .name = "--test",
        .kind = ARGS_FLAG,
        .target = &wish.test,
        .help = "make it begin with bxb_test_ instead of bxb_live_",
    };
    int exit_code;
    return read_wish(cli, argc, argv, &test, &wish, &exit_code) ? make(cli, &wish) : exit_code;
}

int key_import_run(const struct cli *cli, int argc, char **argv)
{
    struct wish wish = {.org = NULL};
    const struct args_option sha256 = {
        .name = "--sha256",
        .value = "HEX",
        .kind = ARGS_TEXT,
        .target = &wish.sha256,
        .required = true,
        .help = "the SHA-256 of the key's text, 64 hex digits",
    };
    int exit_code;
    return read_wish(cli, argc, argv, &sha256, &wish, &exit_code) ? make(cli, &wish) : exit_code;
}
