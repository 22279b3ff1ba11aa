/* Errors from their table. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/err.h"
#include "base/assert.h"
#include "base/err_examples.h"

#include <stdarg.h>
#include <string.h>

static const struct row {
    const char *name, *title, *remedy;
    int status;
    enum err_class class;
} rows[ERR_COUNT] = {
    [ERR_NONE] = {"none", "No error", "", 0, ERR_CLASS_BUG},
#define ERROR(name, code, status, class, title, remedy)                                            \
    [ERR_##name] = {code, title, remedy, status, ERR_CLASS_##class},
#include "base/errors.def"
#undef ERROR
};

static const struct row *row_of(enum err_code code)
{
    ASSERT(code < ERR_COUNT);
    return &rows[code];
}

/* Cutting a text must not leave half a character at its end. */
static void cut_at_character(char *text)
{
    size_t size = strlen(text), start = size;
    while (start > 0 && (text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (size - (start - 1) < wanted)
        text[start - 1] = '\0';
}

static void fill(struct err *err, enum err_code code, const char *pointer, const char *format,
                 va_list args)
{
    /* The arguments may point into *err itself, so the text is made aside. */
    char text[ERR_TEXT_SIZE];
    int size = vsnprintf(text, sizeof text, format, args);
    if (size >= (int)sizeof text)
        cut_at_character(text);
    err->code = code;
    size = snprintf(err->pointer, sizeof err->pointer, "%s", pointer);
    if (size >= (int)sizeof err->pointer)
        cut_at_character(err->pointer);
    memcpy(err->text, text, sizeof err->text);
}

bool err_set(struct err *reterr, enum err_code code, const char *format, ...)
{
    if (reterr == NULL)
        return false;
    va_list args;
    va_start(args, format);
    fill(reterr, code, "", format, args);
    va_end(args);
    return false;
}

bool err_set_at(struct err *reterr, enum err_code code, const char *pointer, const char *format,
                ...)
{
    if (reterr == NULL)
        return false;
    va_list args;
    va_start(args, format);
    fill(reterr, code, pointer, format, args);
    va_end(args);
    return false;
}

bool err_prefix(struct err *reterr, const char *format, ...)
{
    if (reterr == NULL)
        return false;
    char context[ERR_TEXT_SIZE], joined[2 * ERR_TEXT_SIZE + 2];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
    snprintf(joined, sizeof joined, "%s: %s", context, reterr->text);
    bool cut = strlen(joined) >= sizeof reterr->text;
    joined[sizeof reterr->text - 1] = '\0';
    memcpy(reterr->text, joined, sizeof reterr->text);
    if (cut)
        cut_at_character(reterr->text);
    return false;
}

void err_prefix_pointer(struct err *reterr, const char *start)
{
    if (reterr == NULL)
        return;
    char pointer[ERR_POINTER_SIZE];
    memcpy(pointer, reterr->pointer, sizeof pointer);
    int size = snprintf(reterr->pointer, sizeof reterr->pointer, "%s%s", start, pointer);
    if (size >= (int)sizeof reterr->pointer)
        cut_at_character(reterr->pointer);
}

const char *err_code_name(enum err_code code)
{
    return row_of(code)->name;
}

const char *err_code_title(enum err_code code)
{
    return row_of(code)->title;
}

const char *err_code_remedy(enum err_code code)
{
    return row_of(code)->remedy;
}

enum err_class err_code_class(enum err_code code)
{
    return row_of(code)->class;
}

int err_code_status(enum err_code code)
{
    return row_of(code)->status;
}

static void print_table(FILE *out, bool http)
{
    fprintf(out, http ? "| code | status | meaning | what to do |\n|---|---|---|---|\n"
                      : "| code | meaning | what to do |\n|---|---|---|\n");
    for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
        const struct row *row = &rows[code];
        if ((row->status != 0) != http)
            continue;
        fprintf(out, "| `%s` |", row->name);
        if (http)
            fprintf(out, " %d |", row->status);
        fprintf(out, " %s | %s |\n", row->title, row->remedy);
    }
}

void err_print_docs(FILE *out)
{
    fputs("# Errors\n\n"
          "Made from `base/errors.def` by `make docs`.\n\n"
          "## What a caller sees\n\n"
          "In `application/problem+json` as `code`, or as the `code` of one event of a batch. A "
          "code is never renamed. Sending the same body again after a 503 is always right.\n\n",
          out);
    print_table(out, true);
    fputs("\n## What an operator sees\n\nIn log lines as `code=`, and in messages of `bxb`.\n\n",
          out);
    print_table(out, false);
    err_examples_print(out);
}
