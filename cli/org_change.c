/* bxb org create and bxb org update: a name or an organization, and the same wishes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/units.h"
#include "catalog/organization.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/org_columns.h"
#include <stdio.h>
#include <string.h>

/* As schemas/postgres has them. */
enum { EVENTS_MAX = 1000000000, BURST_MAX_MS = 24 * 3600 * 1000 };
static const uint64_t bytes_max = 1000000000000;

/* What stands on the command line. */
struct wish {
    const char *org; /* the name of a new one; name or id of one that is there */
    const char *id, *unknown_codes, *events, *bytes, *burst;
    bool if_missing, json;
};

/* The options of both; `create` has two more. */
static bool read_wish(const struct cli *cli, int argc, char **argv, bool create, struct wish *wish,
                      int *ret_exit)
{
    const struct args_option options[] = {
        {.name = create ? "NAME" : "ORG",
         .kind = ARGS_TEXT,
         .target = &wish->org,
         .required = true,
         .help = create ? "its name" : "the organization, by name or id"},
        {.name = "--unknown-codes",
         .value = "accept|reject",
         .kind = ARGS_TEXT,
         .target = &wish->unknown_codes,
         .help = "what is done with events whose code is no metric"},
        {.name = "--events-per-second",
         .value = "N",
         .kind = ARGS_TEXT,
         .target = &wish->events,
         .help = "how many each server takes, none, or default: as the servers' settings say"},
        {.name = "--bytes-per-second",
         .value = "SIZE",
         .kind = ARGS_TEXT,
         .target = &wish->bytes,
         .help = "bytes of request bodies, as in 4MiB, none, or default"},
        {.name = "--burst",
         .value = "DURATION",
         .kind = ARGS_TEXT,
         .target = &wish->burst,
         .help = "how much of that may come at once, as time at the rate, as in 10s, or default"},
        {.name = "--json",
         .kind = ARGS_FLAG,
         .target = &wish->json,
         .help = "print the organization as a JSON object, not its id"},
        {.name = "--id",
         .value = "UUID",
         .kind = ARGS_TEXT,
         .target = &wish->id,
         .help = "its id, where it has one already (default: a random one)"},
        {.name = "--if-missing",
         .kind = ARGS_FLAG,
         .target = &wish->if_missing,
         .help = "no error when there is one with this name; the wishes are applied to it"},
    };
    const size_t len = ARRAY_LEN(options) - (create ? 0 : 2);
    return args_read(cli, options, len, argc, argv, ret_exit);
}

static bool parse_number(const char *text, uint64_t *ret_number)
{
    return units_parse_number(text, ret_number) && *ret_number > 0;
}

static bool parse_size(const char *text, uint64_t *ret_size)
{
    return units_parse_size(text, ret_size) && *ret_size > 0;
}

static bool parse_burst(const char *text, uint64_t *ret_ms)
{
    int64_t ms;
    if (!units_parse_duration(text, &ms) || ms <= 0)
        return false;
    *ret_ms = (uint64_t)ms;
    return true;
}

/* One limit; `text` NULL leaves it. Nothing at all is no burst: it cannot be `none`. */
static bool read_limit(const char *option, const char *text,
                       bool (*parse)(const char *, uint64_t *), uint64_t max, int64_t *ret_limit,
                       struct err *reterr)
{
    uint64_t number;
    const bool can_be_none = parse != parse_burst;
    if (!text)
        return true;
    if (strcmp(text, "default") == 0)
        *ret_limit = CATALOG_LIMIT_DEFAULT;
    else if (can_be_none && strcmp(text, "none") == 0)
        *ret_limit = 0;
    else if (parse(text, &number) && number <= max)
        *ret_limit = (int64_t)number;
    else
        return err_set(reterr, ERR_USAGE, "%s takes %s%s or default, not '%s'", option,
                       parse == parse_number ? "a number up to 1000000000"
                       : parse == parse_size ? "a size, as in 4MiB, up to 10^12 bytes"
                                             : "a duration, as in 10s, up to 24h",
                       can_be_none ? ", none" : "", text);
    return true;
}

static bool make_change(const struct wish *wish, struct organization_change *ret_change,
                        struct err *reterr)
{
    struct organization_change change = organization_change_none;
    struct catalog_limits *limits = &change.limits;
    if (wish->unknown_codes &&
        !organization_parse_codes(wish->unknown_codes, &change.codes, reterr))
        return false;
    if (!read_limit("--events-per-second", wish->events, parse_number, EVENTS_MAX,
                    &limits->events_per_second, reterr) ||
        !read_limit("--bytes-per-second", wish->bytes, parse_size, bytes_max,
                    &limits->bytes_per_second, reterr) ||
        !read_limit("--burst", wish->burst, parse_burst, BURST_MAX_MS, &limits->burst_ms, reterr))
        return false;
    *ret_change = change;
    return true;
}

/* What --if-missing finds: its id must be the one that was asked for, if any was. */
static bool adopt(struct pg *pg, const struct wish *wish, const struct organization_change *change,
                  char ret_id[UUID_TEXT_SIZE], struct err *reterr)
{
    char wanted[UUID_TEXT_SIZE];
    if (!organization_find(pg, wish->org, ret_id, reterr))
        return false;
    if (wish->id && uuid_parse(slice_from(wish->id), wanted) && strcmp(wanted, ret_id) != 0)
        return err_set(reterr, ERR_EXISTS, "the organization '%s' has the id %s", wish->org,
                       ret_id);
    return memcmp(change, &organization_change_none, sizeof(*change)) == 0 ||
           organization_update(pg, ret_id, change, reterr);
}

static bool create(struct pg *pg, const struct wish *wish, const struct organization_change *change,
                   char ret_id[UUID_TEXT_SIZE], struct err *reterr)
{
    return organization_create(pg, wish->org, wish->id, change, ret_id, reterr) ||
           (wish->if_missing && reterr->code == ERR_EXISTS &&
            adopt(pg, wish, change, ret_id, reterr));
}

static bool update(struct pg *pg, const struct wish *wish, const struct organization_change *change,
                   char ret_id[UUID_TEXT_SIZE], struct err *reterr)
{
    return organization_find(pg, wish->org, ret_id, reterr) &&
           organization_update(pg, ret_id, change, reterr);
}

/* Applies what was read, and prints the organization as it is then. */
static int apply(const struct cli *cli, const struct wish *wish,
                 bool (*change_it)(struct pg *, const struct wish *,
                                   const struct organization_change *, char *, struct err *))
{
    struct err err;
    struct organization_change change;
    char id[UUID_TEXT_SIZE];
    if (!make_change(wish, &change, &err))
        return cli_fail(&err, NULL);
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, &err);
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg || !change_it(pg, wish, &change, id, &err) ||
        (wish->json && !organization_list(pg, id, &rows, &err)))
        return cli_fail(&err, NULL);
    if (rows)
        output_row_json(rows, org_columns, org_columns_len);
    else
        printf("%s\n", id);
    return EXIT_CODE_OK;
}

int org_create_run(const struct cli *cli, int argc, char **argv)
{
    struct wish wish = {.org = NULL};
    int exit_code;
    if (!read_wish(cli, argc, argv, true, &wish, &exit_code))
        return exit_code;
    return apply(cli, &wish, create);
}

int org_update_run(const struct cli *cli, int argc, char **argv)
{
    struct wish wish = {.org = NULL};
    struct err err;
    int exit_code;
    if (!read_wish(cli, argc, argv, false, &wish, &exit_code))
        return exit_code;
    if (!wish.unknown_codes && !wish.events && !wish.bytes && !wish.burst) {
        err_set(&err, ERR_USAGE, "there is nothing to change");
        return cli_fail(&err, "`bxb org update --help` lists what can be.");
    }
    return apply(cli, &wish, update);
}
