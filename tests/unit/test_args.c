/* cli/: arguments, lines, and what answers of the server mean. SPDX-License-Identifier: Apache-2.0
 */
#include <config.h>
#include "cli/args.h"
#include "cli/lines.h"
#include "cli/send_answer.h"
#include "tests/unit/check.h"
#include <string.h>
#include <unistd.h>

struct taken {
    const char *name, *second, *org;
    bool json, help;
    uint64_t number;
    int64_t duration;
    struct args_list scopes;
    struct err err;
};

static bool parse(struct taken *taken, int argc, const char *const argv[])
{
    *taken = (struct taken){.number = 42};
    const struct args_option options[] = {
        {.name = "NAME", .kind = ARGS_TEXT, .target = &taken->name, .required = true},
        {.name = "--org", .value = "ORG", .kind = ARGS_TEXT, .target = &taken->org},
        {.name = "--json", .kind = ARGS_FLAG, .target = &taken->json},
        {.name = "--n",
         .value = "N",
         .kind = ARGS_NUMBER,
         .target = &taken->number,
         .min = 1,
         .max = 100},
        {.name = "--for",
         .value = "D",
         .kind = ARGS_DURATION,
         .target = &taken->duration,
         .min = 1000,
         .max = 60000},
        {.name = "--scope", .value = "S", .kind = ARGS_LIST, .target = &taken->scopes},
        {.name = "SECOND", .kind = ARGS_TEXT, .target = &taken->second},
    };
    return args_parse(options, ARRAY_LEN(options), argc, (char **)argv, &taken->help, &taken->err);
}

#define PARSE(taken, ...)                                                                          \
    parse((taken), (int)ARRAY_LEN(((const char *[]){__VA_ARGS__})), (const char *[]){__VA_ARGS__})

TEST(args, options_and_operands_may_be_mixed)
{
    struct taken taken;
    CHECK(PARSE(&taken, "--org", "acme", "first", "--json", "--n=7", "--for", "5s", "second"));
    CHECK(strcmp(taken.name, "first") == 0 && strcmp(taken.second, "second") == 0);
    CHECK(strcmp(taken.org, "acme") == 0);
    CHECK(taken.json && taken.number == 7 && taken.duration == 5000 && !taken.help);
}

TEST(args, what_is_not_given_keeps_its_default)
{
    struct taken taken;
    CHECK(PARSE(&taken, "first"));
    CHECK(!taken.second && !taken.org && !taken.json && taken.number == 42);
    CHECK(taken.scopes.len == 0);
}

TEST(args, a_list_gathers_and_has_an_end)
{
    struct taken taken;
    CHECK(PARSE(&taken, "x", "--scope", "a", "--scope=b"));
    CHECK(taken.scopes.len == 2 && strcmp(taken.scopes.items[1], "b") == 0);
    const char *many[2 * ARGS_LIST_MAX + 3] = {"x"};
    for (int i = 1; i + 1 < (int)ARRAY_LEN(many); i += 2) {
        many[i] = "--scope";
        many[i + 1] = "s";
    }
    CHECK(!parse(&taken, (int)ARRAY_LEN(many), many));
    CHECK(taken.err.code == ERR_USAGE);
}

TEST(args, a_dash_is_an_operand_and_two_end_the_options)
{
    struct taken taken;
    CHECK(PARSE(&taken, "-"));
    CHECK(strcmp(taken.name, "-") == 0);
    CHECK(PARSE(&taken, "--", "--json", "-x"));
    CHECK(strcmp(taken.name, "--json") == 0 && strcmp(taken.second, "-x") == 0 && !taken.json);
}

TEST(args, help_wins_over_what_is_missing)
{
    struct taken taken;
    CHECK(PARSE(&taken, "--help") && taken.help);
    CHECK(PARSE(&taken, "--org", "a", "-h") && taken.help);
    CHECK(PARSE(&taken, "--org", "--help", "x") && !taken.help); /* it is the value */
}

TEST(args, what_is_wrong_is_a_usage_error_that_names_it)
{
    static const char *const wrong[][3] = {
        {"x", "--nope", NULL},
        {"x", "--org", NULL},
        {"x", "--json=1", NULL},
        {"x", "--n=0", NULL},
        {"x", "--n", "101"},
        {"x", "--n", "x"},
        {"x", "--for", "999ms"},
        {"x", "--for", "61s"},
        {"x", "--for", "soon"},
        {"--json", NULL, NULL},
        {"x", "-j", NULL},
        {"x", "--orga", "a"},
        {"x", "--n", "18446744073709551617"},
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct taken taken;
        int argc = wrong[i][2] ? 3 : wrong[i][1] ? 2 : 1;
        CHECK(!parse(&taken, argc, wrong[i]));
        CHECK(taken.err.code == ERR_USAGE && taken.err.text[0]);
    }
    struct taken taken;
    CHECK(!PARSE(&taken, "a", "b", "c"));
    CHECK(strstr(taken.err.text, "'c'"));
}

/* --- Lines -------------------------------------------------------------------------------------
 */

static void put(int fd, const char *text)
{
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
}

TEST(lines, come_as_they_are_written)
{
    int fds[2];
    struct lines lines;
    struct slice line;
    struct err err;
    CHECK(pipe(fds) == 0);
    lines_init(&lines, fds[0]);
    CHECK(lines_next(&lines, &line, &err) == LINES_WAIT);
    put(fds[1], "one\r\n\nth");
    CHECK(lines_next(&lines, &line, &err) == LINES_LINE && slice_equal(line, SLICE("one")));
    CHECK(lines.number == 1);
    CHECK(lines_next(&lines, &line, &err) == LINES_LINE && line.size == 0);
    CHECK(lines_next(&lines, &line, &err) == LINES_WAIT);
    put(fds[1], "ree\nlast");
    CHECK(lines_next(&lines, &line, &err) == LINES_LINE && slice_equal(line, SLICE("three")));
    CHECK(lines.number == 3);
    CHECK(lines_next(&lines, &line, &err) == LINES_WAIT);
    close(fds[1]);
    CHECK(lines_next(&lines, &line, &err) == LINES_LINE && slice_equal(line, SLICE("last")));
    CHECK(lines_next(&lines, &line, &err) == LINES_END);
    CHECK(lines_next(&lines, &line, &err) == LINES_END);
    close(fds[0]);
    lines_done(&lines);
}

TEST(lines, a_line_without_end_is_an_error_and_not_memory)
{
    FILE *zeros = fopen("/dev/zero", "r");
    struct lines lines;
    struct slice line;
    struct err err;
    CHECK(zeros);
    lines_init(&lines, fileno(zeros));
    CHECK(lines_next(&lines, &line, &err) == LINES_FAILED);
    CHECK(err.code == ERR_IO && strstr(err.text, "line 1 "));
    lines_done(&lines);
    fclose(zeros);
}

/* --- Answers -----------------------------------------------------------------------------------
 */

struct rejected {
    uint64_t count, index;
    char code[64];
};

static void remember(void *context, const struct send_rejection *rejection)
{
    struct rejected *rejected = context;
    rejected->count++;
    rejected->index = rejection->index;
    snprintf(rejected->code, sizeof(rejected->code), "%s", rejection->code);
}

static enum send_verdict judge(int status, const char *answer, uint64_t events,
                               struct send_counts *ret_counts, struct rejected *rejected,
                               struct err *reterr)
{
    *rejected = (struct rejected){.count = 0};
    return send_judge(status, slice_from(answer), "refused", events, remember, rejected, ret_counts,
                      reterr);
}

TEST(send_answer, counts_what_became_of_a_batch)
{
    struct send_counts counts;
    struct rejected rejected;
    struct err err;
    CHECK(judge(201, "{\"ingested\":3,\"duplicates\":1,\"rejected\":0,\"results\":[]}", 4, &counts,
                &rejected, &err) == SEND_TAKEN);
    CHECK(counts.accepted == 3 && counts.duplicates == 1 && counts.rejected == 0);
    CHECK(
        judge(207,
              "{\"ingested\":1,\"duplicates\":0,\"rejected\":1,\"results\":[{\"index\":1,"
              "\"status\":\"rejected\",\"error\":{\"code\":\"field_missing\",\"detail\":\"x\"}}]}",
              2, &counts, &rejected, &err) == SEND_TAKEN);
    CHECK(counts.accepted == 1 && counts.rejected == 1);
    CHECK(rejected.count == 1 && rejected.index == 1);
    CHECK(strcmp(rejected.code, "field_missing") == 0);
}

TEST(send_answer, understands_the_answer_to_one_event)
{
    struct send_counts counts;
    struct rejected rejected;
    struct err err;
    CHECK(judge(201, "{\"id\":\"x\"}", 1, &counts, &rejected, &err) == SEND_TAKEN);
    CHECK(counts.accepted == 1 && counts.duplicates == 0);
    CHECK(judge(201, "{\"id\":\"x\",\"duplicate\":true}", 1, &counts, &rejected, &err) ==
          SEND_TAKEN);
    CHECK(counts.accepted == 0 && counts.duplicates == 1);
    CHECK(judge(422, "{\"code\":\"field_empty\",\"detail\":\"x\"}", 1, &counts, &rejected, &err) ==
          SEND_TAKEN);
    CHECK(counts.rejected == 1 && rejected.count == 1 && rejected.index == 0);
}

TEST(send_answer, sends_again_what_can_pass_and_stops_at_what_cannot)
{
    static const struct {
        int status;
        enum send_verdict verdict;
    } cases[] = {
        {0, SEND_AGAIN},   {408, SEND_AGAIN}, {429, SEND_AGAIN}, {502, SEND_AGAIN},
        {503, SEND_AGAIN}, {504, SEND_AGAIN}, {400, SEND_STOP},  {401, SEND_STOP},
        {403, SEND_STOP},  {404, SEND_STOP},  {413, SEND_STOP},  {500, SEND_STOP},
        {301, SEND_STOP},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct send_counts counts;
        struct rejected rejected;
        struct err err;
        CHECK(judge(cases[i].status, "{\"code\":\"c\",\"detail\":\"why\"}", 2, &counts, &rejected,
                    &err) == cases[i].verdict);
        CHECK(err.code != ERR_NONE && rejected.count == 0);
        CHECK(strstr(err.text, cases[i].status ? "why" : "refused"));
    }
}

TEST(send_answer, an_answer_that_does_not_add_up_is_not_believed)
{
    struct send_counts counts;
    struct rejected rejected;
    struct err err;
    CHECK(judge(201, "{\"ingested\":3,\"duplicates\":0,\"rejected\":0}", 4, &counts, &rejected,
                &err) == SEND_STOP);
    CHECK(judge(200, "<html>hello</html>", 4, &counts, &rejected, &err) == SEND_STOP);
    CHECK(judge(200, "", 1, &counts, &rejected, &err) == SEND_STOP);
    CHECK(judge(200, "{}", 1, &counts, &rejected, &err) == SEND_STOP);
}
