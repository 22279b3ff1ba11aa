/* The command line that all programs share: --config FILE, --set KEY=VALUE, --print-settings,
 * --print-docs NAME, --version, --help. Everything else is left to the program.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H
#include "base/settings.h"

/* What programs return; DESIGN: 0, a negative finding, failure, usage, settings. */
enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FINDING = 1,
    EXIT_CODE_FAILURE = 2,
    EXIT_CODE_USAGE = 64,
    EXIT_CODE_SETTINGS = 78,
};

struct program {
    const char *name;    /* "bxb-server" */
    const char *summary; /* one line for --help */
    const char *usage;   /* what stands behind the name, as "[OPTION]… COMMAND" */
    const char *details; /* further lines for --help, or NULL */
};

/* Reads argv, then the settings in their order of precedence, and sets the log up. Returns true
 * when the program should go on; *ret_first is then the index of the first argument that is not an
 * option. Otherwise everything was said and *ret_exit is the exit code. */
bool options_read(const struct program *program, int argc, char **argv, struct settings *settings,
                  int *ret_first, int *ret_exit) MUST_CHECK;

/* For SIGHUP: reads everything again and takes over what is reloadable, all or nothing. On an
 * error the settings are as they were. */
bool options_reload(int argc, char **argv, struct settings *settings,
                    struct err *reterr) MUST_CHECK;

#endif
