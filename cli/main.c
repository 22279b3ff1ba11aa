/* bxb: the operator's command line. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "cli/cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELP_SIZE_MAX = 16 * 1024 };

static const struct command commands[] = {
#define COMMAND(name, words, summary, example) {words, summary, example, name##_run},
#include "cli/commands.def"
#undef COMMAND
};

/* How many arguments the words of `command` take up, if `argv` begins with them; else 0. */
static int words_matched(const struct command *command, int argc, char **argv)
{
    const char *word = command->words;
    for (int i = 0; i < argc; i++) {
        size_t size = strcspn(word, " ");
        if (strlen(argv[i]) != size || memcmp(argv[i], word, size) != 0)
            return 0;
        word += size;
        if (*word == '\0')
            return i + 1;
        word++;
    }
    return 0;
}

/* Options that all programs share may also stand behind the command: they are moved to the front,
 * where options_read looks for them. */
static void move_common_options(int argc, char **argv)
{
    int front = 1;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        bool alone = strncmp(argv[i], "--set=", 6) == 0 || strncmp(argv[i], "--config=", 9) == 0;
        bool pair =
            (strcmp(argv[i], "--set") == 0 || strcmp(argv[i], "--config") == 0) && i + 1 < argc;
        for (int taken = 0; taken < alone + 2 * pair; taken++) {
            char *moved = argv[i + taken];
            memmove(&argv[front + 1], &argv[front], (size_t)(i + taken - front) * sizeof(*argv));
            argv[front++] = moved;
        }
        i += pair;
    }
}

static void print_commands(struct buf *out)
{
    buf_append_str(out, "commands:\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        buf_printf(out, "  %-18s %s\n", commands[i].words, commands[i].summary);
    buf_append_str(out, "\n`bxb COMMAND --help` tells more, with an example.\n");
}

static int run_command(const struct settings *settings, int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        int words = words_matched(&commands[i], argc, argv);
        if (words == 0)
            continue;
        struct cli cli = {.settings = settings, .command = &commands[i]};
        int exit_code = commands[i].run(&cli, argc - words, argv + words);
        /* A full disk behind stdout shows when it is flushed. */
        if (fflush(stdout) == 0 && !ferror(stdout))
            return exit_code;
        fprintf(stderr, "bxb: the output could not be written\n");
        return EXIT_CODE_FAILURE;
    }
    if (argc == 0)
        fprintf(stderr, "bxb: which command? See: bxb --help\n");
    else
        fprintf(stderr, "bxb: there is no command '%s%s%s'; see: bxb --help\n", argv[0],
                argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
    return EXIT_CODE_USAGE;
}

int main(int argc, char **argv)
{
    CLEANUP(buf_done) struct buf help;
    buf_init(&help, HELP_SIZE_MAX);
    print_commands(&help);
    const struct program program = {
        .name = "bxb",
        .summary = "the command line of bxb-ingest",
        .usage = "[OPTION]… COMMAND [ARGUMENT]…",
        .details = buf_text(&help),
    };
    struct settings settings;
    int first, exit_code;
    move_common_options(argc, argv);
    if (!options_read(&program, argc, argv, &settings, &first, &exit_code))
        return exit_code;
    exit_code = run_command(&settings, argc - first, argv + first);
    settings_done(&settings);
    return exit_code;
}
