/* Examples of errors from their table. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/err_examples.h"
#include "base/assert.h"

#include <string.h>

static const struct err_example rows[ERR_COUNT] = {
#define EXAMPLE(name, given, request, pointer) [ERR_##name] = {given, request, pointer},
#define NO_EXAMPLE(name, why)                  [ERR_##name] = {why, NULL, ""},
#include "base/err_examples.def"
#undef EXAMPLE
#undef NO_EXAMPLE
};

const struct err_example *err_example_of(enum err_code code)
{
    ASSERT(code < ERR_COUNT);
    return rows[code].pointer != NULL ? &rows[code] : NULL;
}

/* The lines of a request, indented as Markdown has code. */
static void print_request(FILE *out, const char *request)
{
    while (*request != '\0') {
        int size = (int)strcspn(request, "\n");
        fprintf(out, size > 0 ? "    %.*s\n" : "\n", size, request);
        request += size + (request[size] == '\n');
        if (strcmp(request, "\n") == 0)
            break; /* there is no body */
    }
}

static void print_example(FILE *out, enum err_code code, const struct err_example *example)
{
    fprintf(out, "\n### `%s`\n\n", err_code_name(code));
    if (example->request == NULL) {
        fprintf(out, "%s\n", example->given);
        return;
    }
    if (example->given != NULL)
        fprintf(out, "Given: %s.\n\n", example->given);
    print_request(out, example->request);
    fprintf(out, "\nAnswered %d", err_code_status(code));
    if (example->pointer[0] != '\0')
        fprintf(out, " with the pointer `%s`", example->pointer);
    fputs(".\n", out);
}

void err_examples_print(FILE *out)
{
    fputs("\n## Examples\n\n"
          "One for each code that a caller sees. The tests send them as they stand here, with a "
          "valid key unless there is another, and with the present for 2026-11-23T08:00:00Z. "
          "`⟨x⟩×3` stands for `xxx`.\n",
          out);
    for (int code = ERR_NONE + 1; code < ERR_COUNT; code++)
        if (err_code_status((enum err_code)code) != 0 && err_example_of((enum err_code)code))
            print_example(out, (enum err_code)code, err_example_of((enum err_code)code));
}
