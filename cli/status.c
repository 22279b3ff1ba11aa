/* bxb status. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/status.h"
#include "cli/args.h"
#include "cli/cli.h"

int status_run(const struct cli *cli, int argc, char **argv)
{
    bool json = false;
    const struct args_option options[] = {
        {.name = "--json", .kind = ARGS_FLAG, .target = &json, .help = "print a JSON object"},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;

    struct status status;
    status_collect(cli->settings, &status);
    if (json)
        status_print_json(&status);
    else
        status_print(&status);
    exit_code = status_good(&status) ? EXIT_CODE_OK : EXIT_CODE_FINDING;
    status_done(&status);
    return exit_code;
}
