/* bxb topic renew. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/args.h"
#include "cli/mending.h"

int topic_renew_run(const struct cli *cli, int argc, char **argv)
{
    struct mending_wish wish = {.command = "topic renew", .renew = true};
    const struct args_option options[] = {
        {.name = "--new-cluster",
         .kind = ARGS_FLAG,
         .target = &wish.new_cluster,
         .help = "Kafka itself was replaced: the topic is of another cluster than before"},
        {.name = "--dry-run",
         .kind = ARGS_FLAG,
         .target = &wish.dry_run,
         .help = "only show what was found and what would be lost"},
        {.name = "--yes", .kind = ARGS_FLAG, .target = &wish.yes, .help = "do not ask"},
        {.name = "--json", .kind = ARGS_FLAG, .target = &wish.json, .help = "print a JSON object"},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;
    return mending_run(cli, &wish);
}
