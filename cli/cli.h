/* What the commands of bxb share: the table of them, errors, connections.
 *
 * Every command is a file with a function `NAME_run`, and a row in cli/commands.def.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_CLI_H
#define CLI_CLI_H
#include "base/err.h"
#include "base/options.h"
#include "base/settings.h"
#include "catalog/uuid.h"
#include "postgres/pg.h"

struct cli {
    const struct settings *settings;
    const struct command *command; /* the one that runs */
};

struct command {
    const char *words;   /* "key create" */
    const char *summary; /* one line */
    const char *example; /* lines for `bxb COMMAND --help` */
    /* `argv` begins behind the words. Returns an exit code (base/options.h). */
    int (*run)(const struct cli *cli, int argc, char **argv);
};

#define COMMAND(name, words, summary, example)                                                     \
    int name##_run(const struct cli *cli, int argc, char **argv);
#include "cli/commands.def"
#undef COMMAND

/* Says on stderr what is wrong and what to do, and returns the exit code of its kind. `remedy`
 * NULL: that of base/errors.def. */
int cli_fail(const struct err *err, const char *remedy);

/* A connection for a command; NULL on failure. */
struct pg *cli_connect(const struct cli *cli, struct err *reterr) MUST_CHECK;

/* The same for a command about an organization, given by name or id, whose id is found, too. `org`
 * NULL: about all of them; ret_id is then left alone. */
struct pg *cli_connect_org(const struct cli *cli, const char *org, char ret_id[UUID_TEXT_SIZE],
                           struct err *reterr) MUST_CHECK;

#endif
