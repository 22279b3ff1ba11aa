/* Regular expressions: from ECMA-262 to RE2's syntax. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/pattern.h"
#include "base/buf.h"
#include "schemas/pattern_re2.h"

#include <stdlib.h>

struct pattern {
    void *re2;    /* owned */
    char *source; /* owned */
    size_t size;
};

enum { OUT_MAX = 64 * PATTERN_SIZE_MAX, WHY_SIZE = 160 };

/* White space and line ends of ECMA-262, for between brackets. */
#define SPACES                                                                                     \
    "\\t\\n\\v\\f\\r "                                                                             \
    "\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
/* Everything else. */
#define NO_SPACES                                                                                  \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-"     \
    "\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{"    \
    "ff00}-"                                                                                       \
    "\\x{10ffff}"
#define LINE_END "\\n\\r\\x{2028}\\x{2029}"

struct translate {
    struct slice rest;
    struct buf out;
    bool in_class;
    struct err *reterr;
};

static bool refuse(struct translate *translate, enum err_code code, const char *text)
{
    return err_set(translate->reterr, code, "%s", text);
}

static void step(struct translate *translate, size_t size)
{
    translate->rest.data += size;
    translate->rest.size -= size;
}

static bool starts(const struct translate *translate, const char *text)
{
    size_t size = strlen(text);
    return translate->rest.size >= size && memcmp(translate->rest.data, text, size) == 0;
}

/* `len` hexadecimal digits behind the first two characters of an escape. */
static bool take_hex(struct translate *translate, size_t len)
{
    struct slice rest = translate->rest;
    bool ok = rest.size >= 2 + len;
    for (size_t i = 2; ok && i < 2 + len; i++) {
        char c = rest.data[i], lower = (char)(c | 0x20);
        ok = (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'f');
    }
    if (!ok)
        return refuse(translate, ERR_SCHEMA_INVALID,
                      "An escape with \\x or \\u has too few hexadecimal digits.");
    buf_printf(&translate->out, "\\x{%.*s}", (int)len, rest.data + 2);
    step(translate, 2 + len);
    return true;
}

static bool take_space(struct translate *translate, bool outside)
{
    const char *brackets[] = {translate->in_class ? "" : "[", translate->in_class ? "" : "]"};
    buf_printf(&translate->out, "%s%s%s", brackets[0], outside ? NO_SPACES : SPACES, brackets[1]);
    step(translate, 2);
    if (translate->in_class && starts(translate, "-") && !starts(translate, "-]"))
        return refuse(translate, ERR_SCHEMA_INVALID,
                      "Between brackets, a range goes from one character to another.");
    return true;
}

/* \cX: the control character of a letter. */
static bool take_control(struct translate *translate)
{
    char c = translate->rest.size > 2 ? translate->rest.data[2] : '0';
    if ((c | 0x20) < 'a' || (c | 0x20) > 'z')
        return refuse(translate, ERR_SCHEMA_INVALID, "\\c is followed by a letter.");
    buf_printf(&translate->out, "\\x{%x}", (unsigned)(c & 0x1f));
    step(translate, 3);
    return true;
}

/* \u{…} and \uXXXX */
static bool take_unicode(struct translate *translate)
{
    if (!starts(translate, "\\u{"))
        return take_hex(translate, 4);
    buf_append_str(&translate->out, "\\x");
    step(translate, 2); /* RE2 checks what is between the braces */
    return true;
}

static bool take_escape(struct translate *translate)
{
    if (translate->rest.size < 2)
        return refuse(translate, ERR_SCHEMA_INVALID, "The expression ends with a backslash.");
    char c = translate->rest.data[1];
    if (c == 's' || c == 'S')
        return take_space(translate, c == 'S');
    if (c == 'c')
        return take_control(translate);
    if (c == 'u')
        return take_unicode(translate);
    if (c == 'x')
        return take_hex(translate, 2);
    if ((c >= '1' && c <= '9') || c == 'k')
        return refuse(translate, ERR_SCHEMA_UNSUPPORTED,
                      "Backreferences are not supported: they cannot be matched in linear time.");
    bool property =
        (c == 'p' || c == 'P') && translate->rest.size > 2 && translate->rest.data[2] == '{';
    bool letter = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    if (c == '0')
        buf_append_str(&translate->out, "\\x{0}");
    else if (c == 'b' && translate->in_class)
        buf_append_str(&translate->out, "\\x{8}");
    else if (letter && !property && strchr("dDwWbBfnrtv", c) == NULL)
        return refuse(translate, ERR_SCHEMA_UNSUPPORTED,
                      "An escape is not supported; letters that may follow a backslash are "
                      "d D w W s S b B f n r t v c x u and p{…}.");
    else
        buf_append(&translate->out, translate->rest.data, 2);
    step(translate, 2);
    return true;
}

/* What follows "(?" */
static bool take_group(struct translate *translate)
{
    if (starts(translate, "(?=") || starts(translate, "(?!") || starts(translate, "(?<=") ||
        starts(translate, "(?<!"))
        return refuse(translate, ERR_SCHEMA_UNSUPPORTED,
                      "Lookaround is not supported: it cannot be matched in linear time.");
    if (starts(translate, "(?<")) {
        buf_append_str(&translate->out, "(?P<");
        step(translate, 3);
        return true;
    }
    if (!starts(translate, "(?:"))
        return refuse(translate, ERR_SCHEMA_INVALID, "A group begins with (, (?: or (?<name>.");
    buf_append_str(&translate->out, "(?:");
    step(translate, 3);
    return true;
}

static bool take_open_class(struct translate *translate)
{
    /* Empty brackets are no character, or any. */
    if (starts(translate, "[]") || starts(translate, "[^]")) {
        bool any = starts(translate, "[^");
        buf_append_str(&translate->out, any ? "(?s:.)" : "[^\\x{0}-\\x{10ffff}]");
        step(translate, any ? 3 : 2);
        return true;
    }
    translate->in_class = true;
    bool negated = starts(translate, "[^");
    buf_append_str(&translate->out, negated ? "[^" : "[");
    step(translate, negated ? 2 : 1);
    return true;
}

static bool take_one(struct translate *translate)
{
    char c = translate->rest.data[0];
    if (c == '\\')
        return take_escape(translate);
    if (!translate->in_class && c == '[')
        return take_open_class(translate);
    if (!translate->in_class && starts(translate, "(?"))
        return take_group(translate);
    if (translate->in_class && c == '[') /* RE2 would read [:alpha:] */
        buf_append_str(&translate->out, "\\[");
    else if (!translate->in_class && c == '.')
        buf_append_str(&translate->out, "[^" LINE_END "]");
    else
        buf_append_char(&translate->out, c);
    if (c == ']')
        translate->in_class = false;
    step(translate, 1);
    return true;
}

struct pattern *pattern_new(struct slice text, struct err *reterr)
{
    if (text.size > PATTERN_SIZE_MAX) {
        err_set(reterr, ERR_SCHEMA_UNSUPPORTED,
                "A regular expression of more than %d bytes is not supported.", PATTERN_SIZE_MAX);
        return NULL;
    }
    struct translate translate = {.rest = text, .reterr = reterr};
    CLEANUP(buf_done) struct buf out = {.size = 0};
    buf_init(&translate.out, OUT_MAX);
    bool ok = true;
    while (ok && translate.rest.size > 0)
        ok = take_one(&translate);
    out = translate.out;
    if (!ok)
        return NULL;
    char why[WHY_SIZE] = "";
    void *re2 = out.overflow ? NULL
                             : pattern_re2_new(out.size > 0 ? out.data : "", out.size,
                                               PATTERN_MEMORY_MAX, why, sizeof why);
    if (re2 == NULL) {
        err_set(reterr, ERR_SCHEMA_UNSUPPORTED, "The regular expression cannot be used: %s.",
                out.overflow ? "it is too long" : why);
        return NULL;
    }
    struct pattern *pattern = xmalloc(sizeof *pattern);
    *pattern = (struct pattern){re2, xstrndup(text.data, text.size), text.size};
    return pattern;
}

void pattern_free(struct pattern *pattern)
{
    if (pattern == NULL)
        return;
    pattern_re2_free(pattern->re2);
    free(pattern->source);
    free(pattern);
}

bool pattern_match(const struct pattern *pattern, struct slice text)
{
    return pattern_re2_match(pattern->re2, text.data, text.size);
}

struct slice pattern_source(const struct pattern *pattern)
{
    return (struct slice){pattern->source, pattern->size};
}
