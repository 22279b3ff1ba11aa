/* Dead letters, as `bxb dead …` chooses and changes them.
 *
 * A letter's id is incarnation/partition/offset of its record in the topic, as "0/3/1742".
 *
 * Threads: that of the connection. SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DEAD_H
#define CLI_DEAD_H
#include "cli/args.h"
#include "cli/output.h"

/* Which letters; NULL: any. */
struct dead_choice {
    const char *id;
    const char *reason;
    const char *org; /* name or id */
    const char *state;
    bool all;
    bool redrivable;    /* no conflicts with what is stored */
    const char *before; /* those that were there at that time of PostgreSQL's; NULL: all */
};

/* The options of a command that changes letters: ID, --reason, --org, --all. */
#define DEAD_CHOICE_OPTIONS(choice)                                                                \
    {.name = "ID",                                                                                 \
     .kind = ARGS_TEXT,                                                                            \
     .target = &(choice).id,                                                                       \
     .help = "one letter, as `bxb dead list` shows it"},                                           \
        {.name = "--reason",                                                                       \
         .value = "CODE",                                                                          \
         .kind = ARGS_TEXT,                                                                        \
         .target = &(choice).reason,                                                               \
         .help = "letters with this reason, as record_invalid"},                                   \
        {.name = "--org",                                                                          \
         .value = "ORG",                                                                           \
         .kind = ARGS_TEXT,                                                                        \
         .target = &(choice).org,                                                                  \
         .help = "letters of this organization, by name or id"},                                   \
    {                                                                                              \
        .name = "--all", .kind = ARGS_FLAG, .target = &(choice).all, .help = "all open letters"    \
    }

/* False when nothing was chosen: changing all letters takes --all. Errors: USAGE. */
bool dead_choice_made(const struct dead_choice *choice, struct err *reterr) MUST_CHECK;

enum dead_column {
    DEAD_ID,
    DEAD_REASON,
    DEAD_DETAIL,
    DEAD_ORGANIZATION_ID,
    DEAD_STATE,
    DEAD_APPENDED_AT,
    DEAD_BYTES,
    DEAD_INCARNATION,
    DEAD_PARTITION,
    DEAD_OFFSET,
    DEAD_KEY_HEX,
    DEAD_VALUE_HEX,
    DEAD_SHOWN = DEAD_INCARNATION, /* the columns before it are for lists */
};
extern const struct output_column dead_columns[DEAD_SHOWN];

/* At most `limit` letters of the setting's topic, oldest first, in the columns above. `behind`:
 * only those behind this row of rows (NULL: from the first). Errors: NOT_FOUND (the organization,
 * or the one that `id` names), USAGE (no such state), those of pg_query. */
bool dead_find(const struct cli *cli, struct pg *pg, const struct dead_choice *choice, size_t limit,
               const struct pg_result *behind, struct pg_result **ret_rows,
               struct err *reterr) MUST_CHECK;

/* Sets the state of open letters: those of `rows` whose place in `chosen` is true (NULL: all). */
bool dead_set_state(const struct cli *cli, struct pg *pg, const struct pg_result *rows,
                    const bool chosen[], const char *state, struct err *reterr) MUST_CHECK;

/* Letters that were handled, for people or as {"<done>":n,"skipped":n}. */
void dead_print_count(const char *done, size_t count, size_t skipped, bool dry_run, bool json);

#endif
