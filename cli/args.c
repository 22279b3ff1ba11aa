/* The arguments of one command. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/args.h"
#include "base/assert.h"
#include "base/units.h"
#include <stdio.h>
#include <string.h>

struct args_option args_org(const char **target, bool required)
{
    return (struct args_option){
        .name = "--org",
        .value = "ORG",
        .kind = ARGS_TEXT,
        .target = target,
        .required = required,
        .help = required ? "the organization, by name or id"
                         : "only of this organization, by name or id",
    };
}

static bool is_operand(const struct args_option *option)
{
    return option->name[0] != '-';
}

/* The option that `argument` names (up to its '='), or NULL. */
static const struct args_option *find(const struct args_option options[], size_t options_len,
                                      const char *argument)
{
    size_t size = strcspn(argument, "=");
    for (size_t i = 0; i < options_len; i++)
        if (!is_operand(&options[i]) && strlen(options[i].name) == size &&
            memcmp(options[i].name, argument, size) == 0)
            return &options[i];
    return NULL;
}

static const struct args_option *operand(const struct args_option options[], size_t options_len,
                                         size_t index)
{
    for (size_t i = 0; i < options_len; i++)
        if (is_operand(&options[i]) && index-- == 0)
            return &options[i];
    return NULL;
}

static bool fail_range(const struct args_option *option, const char *value, struct err *reterr)
{
    if (option->kind == ARGS_DURATION) {
        char min[UNITS_TEXT_SIZE], max[UNITS_TEXT_SIZE];
        units_format_duration((int64_t)option->min, min);
        units_format_duration((int64_t)option->max, max);
        return err_set(reterr, ERR_USAGE, "%s takes a duration from %s to %s, as in 90d, not '%s'",
                       option->name, min, max, value);
    }
    return err_set(reterr, ERR_USAGE, "%s takes a number from %llu to %llu, not '%s'", option->name,
                   (unsigned long long)option->min, (unsigned long long)option->max, value);
}

static bool store(const struct args_option *option, const char *value, struct err *reterr)
{
    switch (option->kind) {
    case ARGS_FLAG:
        *(bool *)option->target = true;
        return true;
    case ARGS_TEXT:
        *(const char **)option->target = value;
        return true;
    case ARGS_LIST: {
        struct args_list *list = option->target;
        if (list->len == ARGS_LIST_MAX)
            return err_set(reterr, ERR_USAGE, "%s may come at most %d times", option->name,
                           ARGS_LIST_MAX);
        list->items[list->len++] = value;
        return true;
    }
    case ARGS_NUMBER: {
        uint64_t number;
        if (!units_parse_number(value, &number) || number < option->min || number > option->max)
            return fail_range(option, value, reterr);
        *(uint64_t *)option->target = number;
        return true;
    }
    case ARGS_DURATION: {
        int64_t ms;
        if (!units_parse_duration(value, &ms) || (uint64_t)ms < option->min ||
            (uint64_t)ms > option->max)
            return fail_range(option, value, reterr);
        *(int64_t *)option->target = ms;
        return true;
    }
    }
    return false;
}

static bool check_required(const struct args_option options[], size_t options_len,
                           const bool given[], struct err *reterr)
{
    for (size_t i = 0; i < options_len; i++)
        if (options[i].required && !given[i])
            return err_set(reterr, ERR_USAGE, "%s is missing", options[i].name);
    return true;
}

enum { OPTIONS_MAX = 16 };

/* One option and its value. Returns the number of arguments taken, or 0. */
static int take_option(const struct args_option *option, int left, char **argv, struct err *reterr)
{
    const char *value = strchr(argv[0], '=');
    if (option->kind == ARGS_FLAG) {
        if (!value)
            return store(option, NULL, reterr) ? 1 : 0;
        err_set(reterr, ERR_USAGE, "%s takes no value", option->name);
        return 0;
    }
    if (value)
        return store(option, value + 1, reterr) ? 1 : 0;
    if (left >= 2)
        return store(option, argv[1], reterr) ? 2 : 0;
    err_set(reterr, ERR_USAGE, "%s needs a value", option->name);
    return 0;
}

bool args_parse(const struct args_option options[], size_t options_len, int argc, char **argv,
                bool *ret_help, struct err *reterr)
{
    ASSERT(options_len <= OPTIONS_MAX);
    bool given[OPTIONS_MAX] = {false};
    bool only_operands = false;
    size_t operands = 0;
    for (int i = 0; i < argc;) {
        const struct args_option *option;
        /* "-" alone is an operand: standard input. */
        if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0') {
            if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
                *ret_help = true;
                return true;
            }
            if (strcmp(argv[i], "--") == 0) {
                only_operands = true;
                i++;
                continue;
            }
            option = find(options, options_len, argv[i]);
            if (!option)
                return err_set(reterr, ERR_USAGE, "there is no option %s", argv[i]);
            int taken = take_option(option, argc - i, argv + i, reterr);
            if (taken == 0)
                return false;
            i += taken;
        } else {
            option = operand(options, options_len, operands++);
            if (!option)
                return err_set(reterr, ERR_USAGE, "'%s' is one argument too many", argv[i]);
            if (!store(option, argv[i++], reterr))
                return false;
        }
        given[option - options] = true;
    }
    *ret_help = false;
    return check_required(options, options_len, given, reterr);
}

static void print_help(const struct command *command, const struct args_option options[],
                       size_t options_len)
{
    printf("bxb %s: %s\n\nusage: bxb %s", command->words, command->summary, command->words);
    for (size_t i = 0; i < options_len; i++) {
        const struct args_option *option = &options[i];
        bool repeats = option->kind == ARGS_LIST;
        printf(option->required ? " %s%s%s%s" : " [%s%s%s]%s", option->name,
               option->value ? " " : "", option->value ? option->value : "", repeats ? "…" : "");
    }
    printf("\n\n");
    for (size_t i = 0; i < options_len; i++) {
        char left[64];
        snprintf(left, sizeof(left), "%s%s%s", options[i].name, options[i].value ? " " : "",
                 options[i].value ? options[i].value : "");
        printf("  %-22s %s\n", left, options[i].help);
    }
    printf("  %-22s %s\n\nexample:\n%s", "--help", "print this, and exit", command->example);
}

bool args_read(const struct cli *cli, const struct args_option options[], size_t options_len,
               int argc, char **argv, int *ret_exit)
{
    bool help;
    struct err err;
    if (!args_parse(options, options_len, argc, argv, &help, &err)) {
        fprintf(stderr, "bxb %s: %s; see: bxb %s --help\n", cli->command->words, err.text,
                cli->command->words);
        *ret_exit = EXIT_CODE_USAGE;
        return false;
    }
    if (help) {
        print_help(cli->command, options, options_len);
        *ret_exit = EXIT_CODE_OK;
        return false;
    }
    return true;
}
