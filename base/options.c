/* The command line that all programs share. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/options.h"
#include "base/log.h"
#include "base/metrics.h"

#include <getopt.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_FILE SYSCONFDIR "/bxb-ingest/bxb.conf"

enum { OPTION_CONFIG = 256, OPTION_SET, OPTION_PRINT_SETTINGS, OPTION_PRINT_DOCS };

static const struct option long_options[] = {
    {"config", required_argument, NULL, OPTION_CONFIG},
    {"set", required_argument, NULL, OPTION_SET},
    {"print-settings", no_argument, NULL, OPTION_PRINT_SETTINGS},
    {"print-docs", required_argument, NULL, OPTION_PRINT_DOCS},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static const struct {
    const char *name;
    void (*print)(FILE *out);
} documents[] = {
    {"settings", settings_print_docs},
    {"errors", err_print_docs},
    {"metrics", metrics_print_docs},
};

/* What the options say, before anything is read. */
struct choice {
    const char *file;
    bool print_settings;
};

static void print_help(const struct program *program)
{
    printf("%s: %s\n\n"
           "usage: %s %s\n\n"
           "  --config FILE      settings file (default: %s)\n"
           "  --set KEY=VALUE    one setting; wins over environment and file\n"
           "  --print-settings   print every setting with its value, and exit\n"
           "  --print-docs NAME  print the document of settings, errors or metrics, and exit\n"
           "  --version          print the version, and exit\n"
           "  --help             print this, and exit\n",
           program->name, program->summary, program->name, program->usage, DEFAULT_FILE);
    if (program->details != NULL)
        printf("\n%s", program->details);
}

static int print_docs(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(documents); i++) {
        if (strcmp(name, documents[i].name) == 0) {
            documents[i].print(stdout);
            return EXIT_CODE_OK;
        }
    }
    fprintf(stderr, "--print-docs: there is no document '%s'\n", name);
    return EXIT_CODE_USAGE;
}

/* First pass: everything but --set. False: *ret_exit. */
static bool read_options(const struct program *program, int argc, char **argv,
                         struct choice *choice, int *ret_exit)
{
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "+hV", long_options, NULL)) != -1;) {
        switch (option) {
        case OPTION_CONFIG:
            choice->file = optarg;
            break;
        case OPTION_SET:
            break;
        case OPTION_PRINT_SETTINGS:
            choice->print_settings = true;
            break;
        case OPTION_PRINT_DOCS:
            *ret_exit = print_docs(optarg);
            return false;
        case 'V':
            printf("%s %s\n", program->name, PACKAGE_VERSION);
            *ret_exit = EXIT_CODE_OK;
            return false;
        case 'h':
            print_help(program);
            *ret_exit = EXIT_CODE_OK;
            return false;
        default:
            fprintf(stderr, "try: %s --help\n", program->name);
            *ret_exit = EXIT_CODE_USAGE;
            return false;
        }
    }
    return true;
}

/* Second pass: --set, which wins over what was read in between. */
static bool apply_sets(int argc, char **argv, struct settings *settings, struct err *reterr)
{
    optind = 1;
    for (int option; (option = getopt_long(argc, argv, "+hV", long_options, NULL)) != -1;) {
        if (option != OPTION_SET)
            continue;
        size_t key_size = strcspn(optarg, "=");
        if (optarg[key_size] == '\0')
            return err_set(reterr, ERR_SETTINGS_INVALID, "--set %s: write it as KEY=VALUE", optarg);
        CLEANUP(mem_freep) char *key = xstrndup(optarg, key_size);
        if (settings_is_secret(key))
            return err_set(reterr, ERR_SETTINGS_INVALID,
                           "--set %s: others can see command lines; name a file that holds it with "
                           "%s_file, or set it in the environment or the settings file",
                           key, key);
        if (!settings_set(settings, key, optarg + key_size + 1, reterr))
            return err_prefix(reterr, "--set");
    }
    return true;
}

static void warn_unknown(const char *name)
{
    log_warning(SETTING_IGNORED, log_str("name", name),
                log_str("reason", "there is no such setting, ignoring"));
}

static bool read_settings(const struct choice *choice, int argc, char **argv,
                          struct settings *settings, struct err *reterr)
{
    const char *file = choice->file;
    if (file == NULL && access(DEFAULT_FILE, F_OK) == 0)
        file = DEFAULT_FILE;
    return (file == NULL || settings_read_file(settings, file, reterr)) &&
           settings_read_environment(settings, warn_unknown, reterr) &&
           apply_sets(argc, argv, settings, reterr) && settings_check(settings, reterr);
}

static enum log_level level_of(const char *name)
{
    return strcmp(name, "debug") == 0     ? LOG_LEVEL_DEBUG
           : strcmp(name, "warning") == 0 ? LOG_LEVEL_WARNING
           : strcmp(name, "error") == 0   ? LOG_LEVEL_ERROR
                                          : LOG_LEVEL_INFO;
}

bool options_read(const struct program *program, int argc, char **argv, struct settings *settings,
                  int *ret_first, int *ret_exit)
{
    struct choice choice = {0};
    log_setup(program->name, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    if (!read_options(program, argc, argv, &choice, ret_exit))
        return false;

    struct err err;
    settings_init(settings);
    if (!read_settings(&choice, argc, argv, settings, &err)) {
        fprintf(stderr, "%s: %s\n", program->name, err.text);
        settings_done(settings);
        *ret_exit = EXIT_CODE_SETTINGS;
        return false;
    }
    if (choice.print_settings) {
        settings_print(settings, stdout);
        settings_done(settings);
        *ret_exit = EXIT_CODE_OK;
        return false;
    }
    log_setup(program->name, level_of(settings->log_level),
              strcmp(settings->log_format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT);
    *ret_first = optind;
    return true;
}

bool options_reload(int argc, char **argv, struct settings *settings, struct err *reterr)
{
    struct choice choice = {.file = settings->file};
    struct settings fresh;
    settings_init(&fresh);
    bool good = read_settings(&choice, argc, argv, &fresh, reterr);
    if (good)
        settings_reload(settings, &fresh);
    settings_done(&fresh);
    return good;
}
