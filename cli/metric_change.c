/* bxb metric create and bxb metric update: the same but for what must be there before.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/metric.h"
#include "base/buf.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/document.h"
#include "cli/metric_columns.h"
#include "schemas/property_schema.h"
#include <stdio.h>

/* What stands on the command line. */
struct wish {
    const char *org, *code, *field, *schema, *mode;
    bool no_field, transactional, no_transactional, json;
    bool no_schema, assert_formats, no_assert_formats;
};

static bool read_wish(const struct cli *cli, int argc, char **argv, struct wish *wish,
                      int *ret_exit)
{
    const struct args_option options[] = {
        args_org(&wish->org, true),
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
        {.name = "--schema",
         .value = "FILE|-",
         .kind = ARGS_TEXT,
         .target = &wish->schema,
         .help = "a JSON Schema that the properties of its events must fit"},
        {.name = "--mode",
         .value = "off|warn|reject",
         .kind = ARGS_TEXT,
         .target = &wish->mode,
         .help = "what is done with properties that do not (a first schema: warn)"},
        {.name = "--no-schema",
         .kind = ARGS_FLAG,
         .target = &wish->no_schema,
         .help = "properties are not checked, and the schema is removed"},
        {.name = "--assert-formats",
         .kind = ARGS_FLAG,
         .target = &wish->assert_formats,
         .help = "the schema's formats date-time and uuid are checked"},
        {.name = "--no-assert-formats",
         .kind = ARGS_FLAG,
         .target = &wish->no_assert_formats,
         .help = "formats are notes"},
        {.name = "--json",
         .kind = ARGS_FLAG,
         .target = &wish->json,
         .help = "print the metric as a JSON object, not its code"},
    };
    return args_read(cli, options, ARRAY_LEN(options), argc, argv, ret_exit);
}

/* A pair of options that say the opposite. */
static bool read_flag(bool on, bool off, const char *name, enum metric_flag *ret_flag,
                      struct err *reterr)
{
    if (on && off)
        return err_set(reterr, ERR_USAGE, "--%s and --no-%s exclude each other", name, name);
    if (on || off)
        *ret_flag = on ? METRIC_FLAG_ON : METRIC_FLAG_OFF;
    return true;
}

/* The schema, without the white space around it, so that what `metric show` prints is no change. */
static bool read_schema(const struct wish *wish, struct buf *text, struct slice *ret_schema,
                        struct err *reterr)
{
    static const char blank[] = " \t\r\n";
    if (wish->schema && wish->no_schema)
        return err_set(reterr, ERR_USAGE, "--schema and --no-schema exclude each other");
    if (wish->no_schema)
        *ret_schema = SLICE("");
    if (!wish->schema)
        return true;
    if (!document_read(wish->schema, PROPERTY_SCHEMA_SIZE_MAX, text, reterr))
        return false;
    struct slice schema = buf_slice(text);
    while (schema.size > 0 && memchr(blank, schema.data[schema.size - 1], sizeof(blank) - 1))
        schema.size--;
    for (; schema.size > 0 && memchr(blank, schema.data[0], sizeof(blank) - 1); schema.size--)
        schema.data++;
    *ret_schema = schema;
    return schema.size > 0 ||
           err_set(reterr, ERR_USAGE, "%s: there is no schema in it", wish->schema);
}

/* `text` holds the schema for as long as the plan is used. */
static bool make_plan(const struct wish *wish, struct buf *text, struct metric_plan *ret_plan,
                      struct err *reterr)
{
    struct metric_plan plan = {.code = wish->code, .field_name = wish->field, .mode = wish->mode};
    if (wish->field && wish->no_field)
        return err_set(reterr, ERR_USAGE, "--field and --no-field exclude each other");
    if (wish->field && wish->field[0] == '\0')
        return err_set(reterr, ERR_USAGE, "--field needs the name of a property");
    if (wish->no_field)
        plan.field_name = "";
    if (!read_flag(wish->transactional, wish->no_transactional, "transactional",
                   &plan.transactional, reterr) ||
        !read_flag(wish->assert_formats, wish->no_assert_formats, "assert-formats", &plan.formats,
                   reterr) ||
        !read_schema(wish, text, &plan.schema, reterr))
        return false;
    *ret_plan = plan;
    return true;
}

/* A schema that is refused is named by its code and the place in it. */
static int fail(struct err *err)
{
    if (err->code == ERR_SCHEMA_INVALID || err->code == ERR_SCHEMA_UNSUPPORTED)
        err_prefix(err, "%s at \"%s\"", err_code_name(err->code), err->pointer);
    return cli_fail(err, NULL);
}

static int change(const struct cli *cli, int argc, char **argv,
                  bool (*apply)(struct pg *, const struct metric_plan *, struct err *))
{
    struct wish wish = {.org = NULL};
    CLEANUP(buf_done) struct buf text = {.data = NULL};
    struct metric_plan plan;
    struct err err;
    int exit_code;
    if (!read_wish(cli, argc, argv, &wish, &exit_code))
        return exit_code;
    if (!make_plan(&wish, &text, &plan, &err))
        return fail(&err);

    char organization_id[UUID_TEXT_SIZE];
    CLEANUP(pg_freep) struct pg *pg = cli_connect_org(cli, wish.org, organization_id, &err);
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    plan.organization_id = organization_id;
    if (!pg || !apply(pg, &plan, &err) || !metric_list(pg, organization_id, plan.code, &rows, &err))
        return fail(&err);
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
