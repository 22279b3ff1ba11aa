/* The arguments of one command, as a table that makes the parser and its --help.
 *
 *     const char *name = NULL;
 *     bool json = false;
 *     const struct args_option options[] = {
 *         {.name = "NAME", .kind = ARGS_TEXT, .target = &name, .required = true, .help = "…"},
 *         {.name = "--json", .kind = ARGS_FLAG, .target = &json, .help = "…"},
 *     };
 *     int exit_code;
 *     if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
 *         return exit_code;
 *
 * A name without dashes is an operand; operands are filled in the order of the table. Options and
 * operands may be mixed; `--` ends the options; `--name=value` is `--name value`.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H
#include "cli/cli.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ARGS_LIST_MAX = 16 };

struct args_list {
    const char *items[ARGS_LIST_MAX];
    size_t len;
};

enum args_kind {
    ARGS_FLAG,     /* bool */
    ARGS_TEXT,     /* const char *, borrowed from argv */
    ARGS_LIST,     /* struct args_list: may come several times */
    ARGS_NUMBER,   /* uint64_t from min to max */
    ARGS_DURATION, /* int64_t, milliseconds, from min to max */
};

struct args_option {
    const char *name;  /* "--org", or "NAME" for an operand */
    const char *value; /* what --help calls the value of an option */
    enum args_kind kind;
    void *target; /* written only when given; the kind says what it points to */
    bool required;
    uint64_t min, max; /* of a number or duration */
    const char *help;
};

/* The option --org of a command about an organization, or, when it is not required, about all. */
struct args_option args_org(const char **target, bool required);

/* Fills the targets. *ret_help: --help was asked for, and nothing else counts. Errors: USAGE. */
bool args_parse(const struct args_option options[], size_t options_len, int argc, char **argv,
                bool *ret_help, struct err *reterr) MUST_CHECK;

/* args_parse for a command: prints help or what is wrong. False: return *ret_exit. */
bool args_read(const struct cli *cli, const struct args_option options[], size_t options_len,
               int argc, char **argv, int *ret_exit) MUST_CHECK;

#endif
