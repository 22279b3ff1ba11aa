/* bxb metric create and bxb metric update: the same but for what must be there before.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/metric.h"
#include "catalog/organization.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/metric_columns.h"
#include <stdio.h>

/* What stands on the command line. */
struct wish {
    const char *org, *code, *field;
    bool no_field, transactional, no_transactional, json;
};

static bool read_wish(const struct cli *cli, int argc, char **argv, struct wish *wish,
                      int *ret_exit)
{
    const struct args_option options[] = {
        {.name = "--org",
         .value = "ORG",
         .kind = ARGS_TEXT,
         .target = &wish->org,
         .required = true,
         .help = "its organization, by name or id"},
        {.name = "--code",
         .value = "CODE",
         .kind = ARGS_TEXT,
         .target = &wish->code,
         .required = true,
         .help = "the code of its events"},
        {.name = "--field",
         .value = "FIELD",
         .kind = ARGS_TEXT,
         .target = &wish->field,
         .help = "the top-level property that is the value of an event"},
        {.name = "--no-field",
         .kind = ARGS_FLAG,
         .target = &wish->no_field,
         .help = "the value is the event's own, as without a metric"},
        {.name = "--transactional",
         .kind = ARGS_FLAG,
         .target = &wish->transactional,
         .help = "its events are purchases, credits, one-off charges: marked in the record"},
        {.name = "--no-transactional",
         .kind = ARGS_FLAG,
         .target = &wish->no_transactional,
         .help = "its events are not marked"},
        {.name = "--json",
         .kind = ARGS_FLAG,
         .target = &wish->json,
         .help = "print the metric as a JSON object, not its code"},
    };
    return args_read(cli, options, ARRAY_LEN(options), argc, argv, ret_exit);
}

static bool make_plan(const struct wish *wish, struct metric_plan *ret_plan, struct err *reterr)
{
    struct metric_plan plan = {.code = wish->code, .field_name = wish->field};
    if (wish->field && wish->no_field)
        return err_set(reterr, ERR_USAGE, "--field and --no-field exclude each other");
    if (wish->field && wish->field[0] == '\0')
        return err_set(reterr, ERR_USAGE, "--field needs the name of a property");
    if (wish->transactional && wish->no_transactional)
        return err_set(reterr, ERR_USAGE,
                       "--transactional and --no-transactional exclude each other");
    if (wish->no_field)
        plan.field_name = "";
    if (wish->transactional)
        plan.transactional = METRIC_FLAG_ON;
    else if (wish->no_transactional)
        plan.transactional = METRIC_FLAG_OFF;
    *ret_plan = plan;
    return true;
}

static int change(const struct cli *cli, int argc, char **argv,
                  bool (*apply)(struct pg *, const struct metric_plan *, struct err *))
{
    struct wish wish = {.org = NULL};
    struct metric_plan plan;
    struct err err;
    int exit_code;
    if (!read_wish(cli, argc, argv, &wish, &exit_code))
        return exit_code;
    if (!make_plan(&wish, &plan, &err))
        return cli_fail(&err, NULL);

    char organization_id[UUID_TEXT_SIZE];
    CLEANUP(pg_freep) struct pg *pg = cli_connect(cli, &err);
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg || !organization_find(pg, wish.org, organization_id, &err))
        return cli_fail(&err, NULL);
    plan.organization_id = organization_id;
    if (!apply(pg, &plan, &err) || !metric_list(pg, organization_id, plan.code, &rows, &err))
        return cli_fail(&err, NULL);
    if (wish.json && pg_rows(rows) > 0)
        output_row_json(rows, metric_columns, metric_columns_len);
    else
        printf("%s\n", plan.code);
    return EXIT_CODE_OK;
}

int metric_create_run(const struct cli *cli, int argc, char **argv)
{
    return change(cli, argc, argv, metric_create);
}

int metric_update_run(const struct cli *cli, int argc, char **argv)
{
    return change(cli, argc, argv, metric_update);
}
