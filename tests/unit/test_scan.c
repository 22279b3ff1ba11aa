/* The cursor over JSON, member names, UTF-8. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "schemas/scan.h"
#include "schemas/utf8.h"
#include "tests/support/text.h"

#include <stdlib.h>

/* Reads a whole text and says what became of it: "ok", or "code pointer". */
static const char *verdict(struct slice text, struct arena *arena)
{
    static char said[1024];
    struct scan scan;
    struct keys keys;
    struct scan_value value;
    keys_init(&keys, arena);
    scan_init(&scan, text, &keys, arena);
    bool read = scan_read(&scan, &value);
    CHECK(read != scan.broken);
    if (read && !scan_at_end(&scan))
        return "more";
    if (scan.err.code == ERR_NONE)
        return "ok";
    CHECK(scan.err.text[0] != '\0');
    snprintf(said, sizeof said, "%s%s %s", read ? "" : "broken ", err_code_name(scan.err.code),
             scan.err.pointer);
    return said;
}

static void check_verdict(size_t row, const char *text, const char *want)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    check_same(row, slice_from(verdict(json(&arena, text), &arena)), want);
    arena_done(&arena);
}

TEST(scan, takes_json)
{
    static const char *const rows[] = {
        "{}",
        "[]",
        "''",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-0.0e-0",
        "1.5E+10",
        "123456789012345678901234567890.5",
        " \t\r\n[ 1 , 2 ] \t\r\n",
        "{'a':{'a':{'a':[{'a':1},{'a':1}]}},'b':[]}",
        "{'a':1,'A':2,'':3,' ':4}",
        "'\\'\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uD83D\\uDE00\\ud83d\\ude00'",
        "'\x7F \xC2\x80 \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80 \xEF\xBF\xBF \xF4\x8F\xBF\xBF'",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_verdict(i, rows[i], "ok");
}

TEST(scan, breaks_at_syntax_errors_and_names_the_place)
{
    static const struct {
        const char *text, *pointer;
    } rows[] = {
        {"", ""},
        {" ", ""},
        {"{", ""},
        {"}", ""},
        {"[", "/0"},
        {"]", ""},
        {"[1", "/0"},
        {"[1,", "/1"},
        {"[1,]", "/1"},
        {"[,1]", "/0"},
        {"[1 2]", "/0"},
        {"[1:2]", "/0"},
        {"[1}", "/0"},
        {"{'a'}", "/a"},
        {"{'a':}", "/a"},
        {"{'a':1,}", "/a"},
        {"{,}", ""},
        {"{a:1}", ""},
        {"{1:1}", ""},
        {"{'a' 1}", "/a"},
        {"{'a':1 'b':2}", "/a"},
        {"{'a':1;'b':2}", "/a"},
        {"{'a':1]", "/a"},
        {"{'a':[1,{'b':tru}]}", "/a/1/b"},
        {"nul", ""},
        {"nulL", ""},
        {"True", ""},
        {"NaN", ""},
        {"Infinity", ""},
        {"-Infinity", ""},
        {"-", ""},
        {"+1", ""},
        {"01", NULL}, /* a number, and more */
        {"1.", ""},
        {".5", ""},
        {"1e", ""},
        {"1e+", ""},
        {"-a", ""},
        {"'abc", ""},
        {"'abc\\", ""},
        {"'abc\\'", ""},
        {"'\\x'", ""},
        {"'\\a'", ""},
        {"'\\u12'", ""},
        {"'\\u12G4'", ""},
        {"'\\uD83D\\uZZZZ'", ""},
        {"'a\nb'", ""},
        {"'a\tb'", ""},
        {"'\x01'", ""},
        {"\xEF\xBB\xBF{}", ""}, /* a byte order mark */
        {"\xC2\xA0"
         "1",
         ""},
        {"/* */ 1", ""},
        {"1 // x", NULL},
        {"[1] x", NULL},
        {"{} {}", NULL},
    };
    char want[100];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        snprintf(want, sizeof want, "broken json_malformed %s",
                 rows[i].pointer ? rows[i].pointer : "");
        check_verdict(i, rows[i].text, rows[i].pointer ? want : "more");
    }
}

TEST(scan, says_where_a_syntax_error_is)
{
    struct arena arena;
    struct keys keys;
    struct scan scan;
    struct scan_value value;
    arena_init(&arena, 1 << 16);
    keys_init(&keys, &arena);
    scan_init(&scan, json(&arena, "{'a': [1, 2, x]}"), &keys, &arena);
    CHECK(!scan_read(&scan, &value));
    check_same(0, slice_from(scan.err.text), "expected a value at offset 13, but there is 'x'");
    scan_init(&scan, json(&arena, "[true"), &keys, &arena);
    CHECK(!scan_read(&scan, &value));
    check_same(1, slice_from(scan.err.text),
               "expected ',' or ']' at offset 5, but there the text ends");
    arena_done(&arena);
}

TEST(scan, reads_on_behind_flaws)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"{'a':1,'a':2}", "duplicate_key /a"},
        {"{'a':1,'b':2,'c':3,'\\u0061':2}", "duplicate_key /a"},
        {"{'ä':1,'\\u00e4':2}", "duplicate_key /ä"},
        {"{'😀':1,'\\ud83d\\ude00':2}", "duplicate_key /😀"},
        {"{'x':[0,{'p':{'a':1,'b':{'a':1},'a':2}}]}", "duplicate_key /x/1/p/a"},
        {"{'a/b':{'c~d':{'e':1,'e':2}}}", "duplicate_key /a~1b/c~0d/e"},
        {"{'a\\/b':{'':{'\\u0000':1,'\\u0000':2}}}", "duplicate_key /a~1b//\xEF\xBF\xBD"},
        {"['a','\x80']", "utf8_invalid /1"},
        {"'\xC0\x80'", "utf8_invalid "},         /* overlong */
        {"'\xE0\x80\x80'", "utf8_invalid "},     /* overlong */
        {"'\xF0\x80\x80\x80'", "utf8_invalid "}, /* overlong */
        {"'\xED\xA0\x80'", "utf8_invalid "},     /* a surrogate */
        {"'\xF4\x90\x80\x80'", "utf8_invalid "}, /* above U+10FFFF */
        {"'\xF5\x80\x80\x80'", "utf8_invalid "},
        {"'\xE2\x82'", "utf8_invalid "}, /* cut short */
        {"'\xE2\x82', 1", "more"},
        {"{'a':'\xFF','b':2}", "utf8_invalid /a"},
        {"{'k\xFF':1}", "utf8_invalid /k\xEF\xBF\xBD"},
        {"{'a':'\\uD83D'}", "utf8_invalid /a"},
        {"{'a':'\\uDE00'}", "utf8_invalid /a"},
        {"{'a':'\\uD83Dx\\uDE00'}", "utf8_invalid /a"},
        {"{'a':'\\uDE00\\uD83D'}", "utf8_invalid /a"},
        {"{'a':'\\uD83D\\uD83D\\uDE00'}", "utf8_invalid /a"},
        {"{'a':'\\uD83D\\n'}", "utf8_invalid /a"},
        {"{'\\uD83D':1}", "utf8_invalid /\xEF\xBF\xBD"},
        /* the first flaw is told */
        {"[{'a':1,'a':2},'\xFF']", "duplicate_key /0/a"},
        /* a syntax error weighs more */
        {"[{'a':1,'a':2},x]", "broken json_malformed /1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_verdict(i, rows[i].text, rows[i].want);
}

/* `levels` arrays around a number. */
static char *nested(size_t levels)
{
    char *text = xmalloc(2 * levels + 2);
    memset(text, '[', levels);
    text[levels] = '1';
    memset(text + levels + 1, ']', levels);
    text[2 * levels + 1] = '\0';
    return text;
}

TEST(scan, counts_levels)
{
    static const struct {
        size_t levels;
        const char *want;
    } rows[] = {
        {31, "ok"},
        {32, "ok"},
        {33, "nesting_too_deep /0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0"},
        {1000, "nesting_too_deep /0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0"},
        {1025, "broken nesting_too_deep "
               "/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0"},
        {100000, "broken nesting_too_deep "
                 "/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(mem_freep) char *text = nested(rows[i].levels);
        check_verdict(i, text, rows[i].want);
    }
}

/* Below level 32 members are not remembered any more, but brackets still have to match. */
TEST(scan, matches_brackets_at_any_level)
{
    CLEANUP(mem_freep) char *text = nested(100);
    text[150] = '}';
    struct arena arena;
    arena_init(&arena, 1 << 16);
    CHECK(strncmp(verdict(slice_from(text), &arena), "broken json_malformed", 21) == 0);
    arena_done(&arena);
}

TEST(scan, cuts_long_pointers_between_characters)
{
    struct arena arena;
    struct buf text;
    arena_init(&arena, 1 << 20);
    buf_init(&text, 100000);
    for (int level = 0; level < 20; level++)
        buf_append_str(&text, "{\"\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC/\":");
    buf_append_str(&text, "\"\xFF\"");
    for (int level = 0; level < 20; level++)
        buf_append_char(&text, '}');
    const char *said = verdict(buf_slice(&text), &arena);
    const char *pointer = strchr(said, ' ') + 1;
    size_t size = strlen(pointer);
    CHECK(size > ERR_POINTER_SIZE - 40 && size < ERR_POINTER_SIZE);
    uint32_t point;
    for (size_t at = 0, bytes; at < size; at += bytes) {
        bytes = utf8_decode(pointer + at, size - at, &point);
        CHECK(bytes > 0);
    }
    buf_done(&text);
    arena_done(&arena);
}

TEST(scan, unescapes)
{
    struct arena arena;
    struct keys keys;
    struct scan scan;
    struct scan_value value;
    struct slice text;
    arena_init(&arena, 1 << 16);
    keys_init(&keys, &arena);
    struct slice input = json(&arena, "'\\'\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u20AC\\uD83D\\uDE00ä€😀'");
    scan_init(&scan, input, &keys, &arena);
    CHECK(scan_read(&scan, &value) && value.kind == SCAN_STRING && value.escaped && value.valid);
    CHECK(scan_text(&scan, &value, &text));
    /* json() made the escaped ' a " */
    check_same(0, text, "\"\\/\b\f\n\r\tä€😀ä€😀");

    input = SLICE("\"plain\"");
    scan_init(&scan, input, &keys, &arena);
    CHECK(scan_read(&scan, &value) && !value.escaped && scan_text(&scan, &value, &text));
    CHECK(text.data == input.data + 1 && text.size == 5); /* not copied */
    arena_done(&arena);
}

TEST(scan, stops_at_the_cap_of_its_arena)
{
    struct arena arena, small;
    struct buf text;
    arena_init(&arena, 1 << 20);
    arena_init(&small, 4096);
    buf_init(&text, 1 << 20);
    for (int i = 0; i < 2000; i++)
        buf_printf(&text, "%s\"key%d\":%d", i ? "," : "{", i, i);
    buf_append_char(&text, '}');
    CHECK(strcmp(verdict(buf_slice(&text), &arena), "ok") == 0);
    const char *said = verdict(buf_slice(&text), &small);
    CHECK(strncmp(said, "broken body_too_large ", 22) == 0);
    buf_done(&text);
    arena_done(&small);
    arena_done(&arena);
}

TEST(scan, limits_a_value_and_reads_to_its_end)
{
    struct arena arena;
    struct keys keys;
    struct scan scan;
    struct scan_value value;
    arena_init(&arena, 1 << 16);
    keys_init(&keys, &arena);
    scan_init(&scan, json(&arena, "{'a':1,'b':2,'c':3,'c':4} "), &keys, &arena);
    scan_begin(&scan, &keys, 10);
    CHECK(scan_read(&scan, &value) && scan_at_end(&scan));
    CHECK(scan.err.code == ERR_EVENT_TOO_LARGE);
    arena_done(&arena);
}

TEST(keys, tells_objects_apart_and_forgets)
{
    struct arena arena;
    struct keys keys;
    char name[16];
    arena_init(&arena, 1 << 22);
    keys_init(&keys, &arena);
    for (int round = 0; round < 3; round++) {
        uint32_t one = keys_object(&keys), two = keys_object(&keys);
        for (int i = 0; i < 5000; i++) {
            snprintf(name, sizeof name, "k%d", i);
            struct slice kept = arena_copy(&arena, slice_from(name));
            CHECK(keys_add(&keys, one, kept) == KEYS_NEW);
            CHECK(keys_add(&keys, two, kept) == KEYS_NEW);
            CHECK(keys_add(&keys, one, slice_from(name)) == KEYS_SEEN);
        }
        CHECK(keys.len == 10000);
        size_t used = arena.used;
        CHECK(keys_add(&keys, two, SLICE("k4999")) == KEYS_SEEN);
        keys_forget(&keys);
        CHECK(keys.len == 0 && arena.used == used);
    }
    arena_done(&arena);
}

/* 32,000 names in one object: with a list instead of a table this would take minutes. */
TEST(keys, does_not_slow_down_with_many_names)
{
    struct arena arena;
    struct buf text;
    arena_init(&arena, 16 << 20);
    buf_init(&text, 4 << 20);
    for (int i = 0; i < 32000; i++)
        buf_printf(&text, "%s\"%x\":0", i ? "," : "{", i);
    buf_append_str(&text, ",\"7CFF\":0,\"7cff\":1}");
    check_same(0, slice_from(verdict(buf_slice(&text), &arena)), "duplicate_key /7cff");
    buf_done(&text);
    arena_done(&arena);
}

/* Around the number at which the list becomes a table: every name is known before and after. */
TEST(keys, knows_the_first_names_when_they_become_many)
{
    struct arena arena;
    struct keys keys;
    char names[KEYS_FEW + 3][16];
    arena_init(&arena, 1 << 20);
    keys_init(&keys, &arena);
    for (int round = 0; round < 3; round++) {
        uint32_t one = keys_object(&keys), two = keys_object(&keys);
        for (int i = 0; i < KEYS_FEW + 3; i++) {
            snprintf(names[i], sizeof names[i], "%.*s%d", i % 9, "same_name", i);
            CHECK(keys_add(&keys, i % 2 ? one : two, slice_from(names[i])) == KEYS_NEW);
            for (int j = 0; j <= i; j++)
                CHECK(keys_add(&keys, j % 2 ? one : two, slice_from(names[j])) == KEYS_SEEN);
        }
        keys_forget(&keys);
    }
    arena_done(&arena);
}

TEST(keys, is_full_when_the_arena_is)
{
    struct arena arena;
    struct keys keys;
    arena_init(&arena, 16);
    keys_init(&keys, &arena);
    for (int i = 0; i < KEYS_FEW; i++) /* a few need no memory */
        CHECK(keys_add(&keys, keys_object(&keys), SLICE("a")) == KEYS_NEW);
    CHECK(keys_add(&keys, keys_object(&keys), SLICE("a")) == KEYS_FULL);
    arena_done(&arena);
}

TEST(utf8, decodes_what_it_encodes)
{
    char bytes[4];
    for (uint32_t point = 0; point <= 0x10FFFF; point++) {
        uint32_t back = 0;
        size_t size = utf8_encode(point, bytes);
        bool surrogate = point >= 0xD800 && point <= 0xDFFF;
        CHECK(utf8_decode(bytes, size, &back) == (surrogate ? 0 : size));
        CHECK(surrogate || back == point);
        if (size > 1)
            CHECK(utf8_decode(bytes, size - 1, &back) == 0);
    }
}
