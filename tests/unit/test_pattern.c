/* Regular expressions of property schemas. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "schemas/pattern.h"
#include "tests/unit/check.h"

#include <stdlib.h>

static bool matches(const char *expression, const char *text)
{
    struct err err;
    struct pattern *pattern = pattern_new(slice_from(expression), &err);
    CHECK(pattern != NULL);
    bool result = pattern_match(pattern, slice_from(text));
    CHECK(slice_equal(pattern_source(pattern), slice_from(expression)));
    pattern_free(pattern);
    return result;
}

static enum err_code refusal(const char *expression)
{
    struct err err = {.code = ERR_NONE};
    struct pattern *pattern = pattern_new(slice_from(expression), &err);
    CHECK((pattern == NULL) == (err.code != ERR_NONE));
    pattern_free(pattern);
    return err.code;
}

TEST(pattern, matches_as_ecma_262_does)
{
    static const struct {
        const char *expression, *text;
        bool want;
    } rows[] = {
        {"b", "abc", true}, /* not anchored */
        {"^b", "abc", false},
        {"^abc$", "abc\n", false}, /* $ is the end of the text */
        {"^$", "", true},
        {"", "anything", true},
        {"^.$", "\xF0\x9F\x98\x80", true}, /* one character, not its bytes */
        {"^.$", "\n", false},
        {"^.$", "\r", false},
        {"^.$", "\xE2\x80\xA8", false}, /* U+2028 */
        {"^\\d$", "\xDF\x80", false},   /* digits are ASCII */
        {"^\\w$", "\xC3\xA9", false},
        {"^\\s$", "\xC2\xA0", true},
        {"^\\s$", "\v", true},
        {"^[\\s]$", "\xEF\xBB\xBF", true},
        {"^\\S$", "\xC2\xA0", false},
        {"^[\\S]$", "\xC2\xA0", false},
        {"^[\\S]$", "\xC2\xA1", true},
        {"^[\\S\\n]$", "\n", true},
        {"^[^\\S]$", "\xE2\x80\x88", true}, /* U+2008 */
        {"^[\\s\\S]$", "\xF4\x8F\xBF\xBF", true},
        {"^[\\s-]$", "-", true},
        {"^\\cj\\cM$", "\n\r", true},
        {"^[\\cI]$", "\t", true},
        {"[]", "", false},
        {"a[]|b", "a", false},
        {"a[]|b", "b", true},
        {"^[^]$", "\n", true},
        {"^[^]$", "", false},
        {"^\\u00e9$", "\xC3\xA9", true},
        {"^\\u{1F600}$", "\xF0\x9F\x98\x80", true},
        {"^\\x41$", "A", true},
        {"^[\\b]$", "\b", true},
        {"\\bcat\\b", "a cat!", true},
        {"^(?<year>[0-9]{4})-(?:a|b)$", "2026-b", true},
        {"^[[:]+$", "[:", true}, /* no class of POSIX */
        {"^\\p{Lu}$", "\xC3\x89", true},
        {"^a\\/b\\-c$", "a/b-c", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(matches(rows[i].expression, rows[i].text) == rows[i].want);
}

TEST(pattern, refuses_what_cannot_be_matched_in_linear_time)
{
    CHECK(refusal("a(?=b)") == ERR_SCHEMA_UNSUPPORTED);
    CHECK(refusal("a(?!b)") == ERR_SCHEMA_UNSUPPORTED);
    CHECK(refusal("(?<=a)b") == ERR_SCHEMA_UNSUPPORTED);
    CHECK(refusal("(?<!a)b") == ERR_SCHEMA_UNSUPPORTED);
    CHECK(refusal("(a)\\1") == ERR_SCHEMA_UNSUPPORTED);
    CHECK(refusal("(?<x>a)\\k<x>") == ERR_SCHEMA_UNSUPPORTED);
}

TEST(pattern, refuses_what_only_re2_knows_and_what_is_broken)
{
    static const char *const rows[] = {
        "\\A",     "\\z", "\\Qa\\E", "\\C", "\\a", "\\pN", "(?i)a", "(?P<x>a)", "\\c",   "\\c1",
        "[\\s-a]", "(",   "a)",      "[a",  "*",   "\\",   "\\x4",  "\\u12",    "a{2,1}"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CHECK(refusal(rows[i]) != ERR_NONE);
}

TEST(pattern, has_limits)
{
    char text[PATTERN_SIZE_MAX + 2];
    memset(text, 'a', sizeof text);
    text[PATTERN_SIZE_MAX + 1] = '\0';
    CHECK(refusal(text) == ERR_SCHEMA_UNSUPPORTED);
    text[PATTERN_SIZE_MAX] = '\0';
    CHECK(refusal(text) == ERR_NONE);
    CHECK(refusal("((a{100}){100}){100}") == ERR_SCHEMA_UNSUPPORTED);
}

/* A matcher that goes back would need 2^100000 steps. */
TEST(pattern, takes_linear_time)
{
    struct buf text;
    buf_init(&text, 200000);
    for (int i = 0; i < 100000; i++)
        buf_append_char(&text, 'a');
    buf_append_char(&text, '!');
    CHECK(!matches("^(a+)+$", buf_text(&text)));
    CHECK(!matches("^(a|a)*$", buf_text(&text)));
    buf_done(&text);
}
