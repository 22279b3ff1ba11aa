/* A cursor over JSON text. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/scan.h"
#include "base/assert.h"
#include "schemas/escape.h"
#include "schemas/plain.h"
#include "schemas/utf8.h"
#include "schemas/wide.h"

#include <stdarg.h>
#include <stdio.h>

void scan_init(struct scan *scan, struct slice bytes, struct keys *keys, struct arena *arena)
{
    /* The arrays stay as they are: only levels that are open are read. */
    scan->bytes = bytes;
    scan->readable = bytes.data + bytes.size;
    scan->keys = keys;
    scan->arena = arena;
    scan->at = 0;
    scan->flaw_at = SIZE_MAX;
    scan->depth = 0;
    scan->base = 0;
    scan->first = false;
    scan->broken = false;
    scan->err.code = ERR_NONE;
    scan->err.pointer[0] = '\0';
    scan->err.text[0] = '\0';
}

static size_t add_saturated(size_t a, size_t b)
{
    return b < SIZE_MAX - a ? a + b : SIZE_MAX;
}

void scan_begin(struct scan *scan, struct keys *keys, size_t size_max)
{
    ASSERT(scan->depth <= SCAN_BASE_MAX);
    keys_forget(keys);
    scan->keys = keys;
    scan->base = scan->depth;
    scan->flaw_at = add_saturated(scan->at, size_max);
    if (!scan->broken)
        scan->err.code = ERR_NONE;
}

void scan_resume(struct scan *scan, struct keys *keys, size_t size_max)
{
    scan->keys = keys;
    scan->base = 0;
    scan->flaw_at = add_saturated(scan->at, size_max);
    if (!scan->broken)
        scan->err.code = ERR_NONE;
}

/* ---- What is wrong, and where ---- */

/* Appends a member name to a JSON Pointer, as far as there is room. */
static size_t add_name(char *pointer, size_t size, struct slice raw)
{
    uint32_t point;
    for (size_t at = 0; at < raw.size;) {
        at += escape_next(raw, at, &point);
        char bytes[4];
        size_t count;
        if (point == '~' || point == '/') { /* RFC 6901 */
            bytes[0] = '~';
            bytes[1] = point == '~' ? '0' : '1';
            count = 2;
        } else {
            count = utf8_encode(point ? point : UTF8_REPLACEMENT, bytes);
        }
        if (size + count >= ERR_POINTER_SIZE)
            break;
        memcpy(pointer + size, bytes, count);
        size += count;
    }
    return size;
}

/* Writes the pointer to the value that the cursor is reading. */
static void write_pointer(const struct scan *scan, size_t base, char ret_pointer[ERR_POINTER_SIZE])
{
    size_t size = 0,
           deepest = scan->depth < ARRAY_LEN(scan->levels) ? scan->depth : ARRAY_LEN(scan->levels);
    for (size_t i = base; i < deepest && size + 24 < ERR_POINTER_SIZE; i++) {
        const struct scan_level *level = &scan->levels[i];
        if (i + 1 == scan->depth && scan->first)
            break; /* nothing in it was reached yet */
        if (scan->kinds[i] == SCAN_ARRAY) {
            size +=
                (size_t)snprintf(ret_pointer + size, ERR_POINTER_SIZE - size, "/%zu", level->index);
        } else {
            ret_pointer[size++] = '/';
            size = add_name(ret_pointer, size, level->name);
        }
    }
    ret_pointer[size] = '\0';
}

static void set_error(struct scan *scan, size_t base, enum err_code code, const char *format,
                      va_list args)
{
    char pointer[ERR_POINTER_SIZE], text[ERR_TEXT_SIZE];
    write_pointer(scan, base, pointer);
    vsnprintf(text, sizeof text, format, args);
    err_set_at(&scan->err, code, pointer, "%s", text);
}

void scan_flaw(struct scan *scan, enum err_code code, const char *format, ...)
{
    if (scan->err.code != ERR_NONE)
        return;
    va_list args;
    va_start(args, format);
    set_error(scan, scan->base, code, format, args);
    va_end(args);
}

static RARE bool break_off(struct scan *scan, enum err_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);
static bool break_off(struct scan *scan, enum err_code code, const char *format, ...)
{
    if (scan->broken)
        return false;
    va_list args;
    va_start(args, format);
    set_error(scan, 0, code, format, args);
    va_end(args);
    scan->broken = true;
    return false;
}

bool scan_break(struct scan *scan, const char *format, ...)
{
    char text[ERR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return break_off(scan, ERR_JSON_MALFORMED, "%s", text);
}

static RARE bool no_memory(struct scan *scan)
{
    return break_off(scan, ERR_BODY_TOO_LARGE,
                     "reading it needs more than the %zu bytes of memory that a request may have",
                     scan->arena->max);
}

/* "expected X" and what there is instead. */
static RARE bool unexpected(struct scan *scan, const char *expected)
{
    if (scan->at >= scan->bytes.size)
        return scan_break(scan, "expected %s at offset %zu, but there the text ends", expected,
                          scan->at);
    unsigned char c = (unsigned char)scan->bytes.data[scan->at];
    if (c > 0x20 && c < 0x7F)
        return scan_break(scan, "expected %s at offset %zu, but there is '%c'", expected, scan->at,
                          c);
    return scan_break(scan, "expected %s at offset %zu, but there is the byte 0x%02x", expected,
                      scan->at, c);
}

/* ---- Scalars ---- */

/* The byte at the cursor; NUL, which begins nothing, where the text ends. */
static inline char byte_here(const struct scan *scan)
{
    return scan->at < scan->bytes.size ? scan->bytes.data[scan->at] : '\0';
}

static RARE void skip_spaces(struct scan *scan)
{
    while (scan->at < scan->bytes.size) {
        char c = scan->bytes.data[scan->at];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return;
        scan->at++;
    }
}

/* Skips white space and tells the byte behind it, NUL at the end. Programs send JSON without white
 * space: one comparison sees that there is none. */
static inline char next_byte(struct scan *scan)
{
    char c = byte_here(scan);
    if (c > ' ')
        return c;
    skip_spaces(scan);
    return byte_here(scan);
}

/* Where a string is not Unicode, and why. */
struct blemish {
    const char *why; /* NULL: there is none */
    size_t at;
};

/* Steps over a string with neither an escape nor a byte beyond ASCII, as nearly all are; the cursor
 * stands on its first quote. False: it is another one, and the cursor stays. */
static inline bool take_plain(struct scan *scan, struct slice *ret_raw)
{
    size_t start = scan->at + 1;
    size_t end = start + wide_plain(scan->bytes.data + start, scan->bytes.size - start);
    if (end >= scan->bytes.size || scan->bytes.data[end] != '"')
        return false;
    *ret_raw = (struct slice){scan->bytes.data + start, end - start};
    scan->at = end + 1;
    return true;
}

/* Reads any string; the cursor stands on its first quote. */
static RARE bool read_string(struct scan *scan, struct scan_value *ret_value,
                             struct blemish *ret_blemish)
{
    struct slice bytes = scan->bytes;
    struct blemish blemish = {NULL, 0};
    size_t start = scan->at + 1, at = start, size;
    bool escaped = false, lone;
    uint32_t point;
    for (; at < bytes.size && bytes.data[at] != '"'; at += size) {
        unsigned char c = (unsigned char)bytes.data[at];
        size = 1;
        if (c == '\\') {
            escaped = true;
            size = escape_read(bytes, at, &point, &lone);
            if (size == 0)
                return scan_break(scan, "there is no such escape in a string, at offset %zu", at);
            if (lone && blemish.why == NULL)
                blemish = (struct blemish){"half a surrogate pair", at};
        } else if (c < 0x20) {
            return scan_break(scan, "the control character 0x%02x must be escaped, at offset %zu",
                              c, at);
        } else if (c >= 0x80) {
            size = utf8_decode(bytes.data + at, bytes.size - at, &point);
            if (size > 0)
                continue;
            size = 1; /* no byte of an ASCII character belongs to a broken one */
            if (blemish.why == NULL)
                blemish = (struct blemish){"bytes that are not UTF-8", at};
        } else {
            size = wide_plain(bytes.data + at, bytes.size - at);
        }
    }
    if (at >= bytes.size)
        return scan_break(scan, "the string that begins at offset %zu does not end", scan->at);
    *ret_value = (struct scan_value){SCAN_STRING, .escaped = escaped, .valid = blemish.why == NULL,
                                     .raw = {bytes.data + start, at - start}};
    *ret_blemish = blemish;
    scan->at = at + 1;
    return true;
}

static void note_blemish(struct scan *scan, struct blemish blemish)
{
    if (blemish.why != NULL)
        scan_flaw(scan, ERR_UTF8_INVALID, "the text has %s, at offset %zu", blemish.why,
                  blemish.at);
}

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool skip_digits(struct scan *scan)
{
    size_t start = scan->at;
    while (is_digit(byte_here(scan)))
        scan->at++;
    return scan->at > start || unexpected(scan, "a digit");
}

/* Whether the character comes next; steps over it. */
static inline bool take(struct scan *scan, char c)
{
    if (byte_here(scan) != c)
        return false;
    scan->at++;
    return true;
}

static bool read_number(struct scan *scan, struct scan_value *ret_value)
{
    size_t start = scan->at;
    take(scan, '-');
    if (!take(scan, '0') && !skip_digits(scan))
        return false;
    if (take(scan, '.') && !skip_digits(scan))
        return false;
    if (take(scan, 'e') || take(scan, 'E')) {
        if (!take(scan, '+'))
            take(scan, '-');
        if (!skip_digits(scan))
            return false;
    }
    *ret_value = (struct scan_value){SCAN_NUMBER, .valid = true,
                                     .raw = {scan->bytes.data + start, scan->at - start}};
    return true;
}

static bool read_literal(struct scan *scan, enum scan_kind kind, struct scan_value *ret_value)
{
    struct slice literal = kind == SCAN_TRUE    ? SLICE("true")
                           : kind == SCAN_FALSE ? SLICE("false")
                                                : SLICE("null");
    size_t start = scan->at;
    for (size_t i = 0; i < literal.size; i++, scan->at++)
        if (scan->at >= scan->bytes.size || scan->bytes.data[scan->at] != literal.data[i])
            return unexpected(scan, literal.data);
    *ret_value =
        (struct scan_value){kind, .valid = true, .raw = {scan->bytes.data + start, literal.size}};
    return true;
}

static RARE bool read_odd_string(struct scan *scan, struct scan_value *ret_value)
{
    struct blemish blemish;
    if (!read_string(scan, ret_value, &blemish))
        return false;
    note_blemish(scan, blemish);
    return true;
}

static inline bool read_scalar(struct scan *scan, enum scan_kind kind, struct scan_value *ret_value)
{
    struct slice raw;
    if (kind == SCAN_NUMBER)
        return read_number(scan, ret_value);
    if (kind != SCAN_STRING)
        return read_literal(scan, kind, ret_value);
    if (!take_plain(scan, &raw))
        return read_odd_string(scan, ret_value);
    *ret_value = (struct scan_value){SCAN_STRING, .valid = true, .raw = raw};
    return true;
}

/* ---- Structure ---- */

enum { NO_KIND = 255 };

/* What the bytes begin that are no digit. */
static enum scan_kind kind_of(char c)
{
    switch (c) {
    case '{':
        return SCAN_OBJECT;
    case '[':
        return SCAN_ARRAY;
    case 't':
        return SCAN_TRUE;
    case 'f':
        return SCAN_FALSE;
    case 'n':
        return SCAN_NULL;
    case '-':
        return SCAN_NUMBER;
    default:
        return (enum scan_kind)NO_KIND;
    }
}

static inline bool peek(struct scan *scan, enum scan_kind *ret_kind)
{
    char c = next_byte(scan);
    enum scan_kind kind = c == '"' ? SCAN_STRING : is_digit(c) ? SCAN_NUMBER : kind_of(c);
    if ((int)kind == NO_KIND) {
        unexpected(scan, "a value");
        return false;
    }
    *ret_kind = kind;
    return !scan->broken;
}

bool scan_peek(struct scan *scan, enum scan_kind *ret_kind)
{
    return peek(scan, ret_kind);
}

bool scan_at_end(struct scan *scan)
{
    skip_spaces(scan);
    return scan->at >= scan->bytes.size;
}

static inline bool open_level(struct scan *scan, enum scan_kind kind)
{
    if (scan->depth == SCAN_NEST_MAX)
        return break_off(scan, ERR_NESTING_TOO_DEEP, "more than %d levels at offset %zu",
                         SCAN_NEST_MAX, scan->at);
    if (scan->depth - scan->base >= SCAN_DEPTH_MAX)
        scan_flaw(scan, ERR_NESTING_TOO_DEEP, "more than %d levels at offset %zu", SCAN_DEPTH_MAX,
                  scan->at);
    if (scan->depth < ARRAY_LEN(scan->levels))
        scan->levels[scan->depth] = (struct scan_level){
            .index = SIZE_MAX, /* before the first */
            .object = kind == SCAN_OBJECT ? keys_object(scan->keys) : 0,
        };
    scan->kinds[scan->depth++] = (uint8_t)kind;
    scan->first = true;
    scan->at++; /* the bracket */
    return true;
}

bool scan_open(struct scan *scan, enum scan_kind kind)
{
    return open_level(scan, kind);
}

static enum scan_step leave(struct scan *scan)
{
    scan->at++;
    scan->depth--;
    scan->first = false;
    return SCAN_CLOSE;
}

/* Steps to the next member or element, or out of the level. */
static inline enum scan_step next_item(struct scan *scan, char closing, const char *expected)
{
    if (scan->broken)
        return SCAN_BROKEN;
    char c = next_byte(scan);
    if (c == closing)
        return leave(scan);
    if (!scan->first) {
        if (c != ',') {
            unexpected(scan, expected);
            return SCAN_BROKEN;
        }
        scan->at++;
        next_byte(scan);
    }
    if (scan->at > scan->flaw_at && scan->err.code == ERR_NONE)
        err_set(&scan->err, ERR_EVENT_TOO_LARGE, "it goes on behind offset %zu, where its limit is",
                scan->flaw_at);
    return SCAN_ITEM;
}

/* The name could not be noted. */
static RARE bool refuse_name(struct scan *scan, enum keys_result why)
{
    if (why == KEYS_FULL)
        return no_memory(scan);
    scan_flaw(scan, ERR_DUPLICATE_KEY, "the object names this member twice, at offset %zu",
              scan->at);
    return true;
}

/* Has the object a member of that name already? Once there is a flaw it does not matter any more,
 * and no memory is spent on it. */
static inline bool note_name(struct scan *scan, struct slice name)
{
    if (scan->err.code != ERR_NONE)
        return true;
    enum keys_result result = keys_add(scan->keys, scan->levels[scan->depth - 1].object, name);
    return result == KEYS_NEW || refuse_name(scan, result);
}

static inline void set_name(struct scan *scan, struct slice raw)
{
    scan->first = false;
    if (scan->depth <= ARRAY_LEN(scan->levels))
        scan->levels[scan->depth - 1].name = raw;
}

/* A name that is not plain. */
static RARE bool read_odd_name(struct scan *scan, struct slice *ret_text)
{
    struct scan_value name;
    struct blemish blemish;
    if (!read_string(scan, &name, &blemish))
        return false;
    set_name(scan, name.raw);
    note_blemish(scan, blemish);
    *ret_text = name.raw;
    return !name.escaped || scan->err.code != ERR_NONE || scan_text(scan, &name, ret_text);
}

static inline bool read_name(struct scan *scan, struct slice *ret_name)
{
    struct slice plain, text;
    if (byte_here(scan) != '"')
        return unexpected(scan, "the name of a member");
    if (take_plain(scan, &plain)) {
        set_name(scan, plain);
    } else {
        if (!read_odd_name(scan, &text))
            return false;
        plain = text;
    }
    if (!note_name(scan, plain))
        return false;
    if (next_byte(scan) != ':')
        return unexpected(scan, "':'");
    scan->at++;
    *ret_name = plain;
    return true;
}

static inline enum scan_step next_member(struct scan *scan, struct slice *ret_name)
{
    enum scan_step step = next_item(scan, '}', "',' or '}'");
    if (step == SCAN_ITEM && !read_name(scan, ret_name))
        return SCAN_BROKEN;
    return step;
}

enum scan_step scan_member(struct scan *scan, struct slice *ret_name)
{
    return next_member(scan, ret_name);
}

enum scan_step scan_element(struct scan *scan)
{
    enum scan_step step = next_item(scan, ']', "',' or ']'");
    if (step == SCAN_ITEM) {
        if (scan->depth <= ARRAY_LEN(scan->levels))
            scan->levels[scan->depth - 1].index++;
        scan->first = false;
    }
    return step;
}

/* Reads the object or array at the cursor: a loop, however deep it is. */
static __attribute__((noinline)) bool read_nested(struct scan *scan, enum scan_kind outer,
                                                  struct scan_value *ret_value)
{
    enum scan_kind kind;
    struct scan_value scalar;
    struct slice name;
    size_t start = scan->at, outside = scan->depth;
    if (!open_level(scan, outer))
        return false;
    while (scan->depth > outside) {
        plain_read(scan, outside);
        if (scan->depth == outside)
            break;
        enum scan_step step = scan->kinds[scan->depth - 1] == SCAN_OBJECT ? next_member(scan, &name)
                                                                          : scan_element(scan);
        if (step == SCAN_BROKEN)
            return false;
        if (step == SCAN_CLOSE)
            continue;
        if (!peek(scan, &kind))
            return false;
        bool nested = kind == SCAN_OBJECT || kind == SCAN_ARRAY;
        if (nested ? !scan_open(scan, kind) : !read_scalar(scan, kind, &scalar))
            return false;
    }
    *ret_value = (struct scan_value){outer, .valid = true,
                                     .raw = {scan->bytes.data + start, scan->at - start}};
    return true;
}

bool scan_read(struct scan *scan, struct scan_value *ret_value)
{
    enum scan_kind kind;
    if (!peek(scan, &kind))
        return false;
    if (kind == SCAN_OBJECT || kind == SCAN_ARRAY)
        return read_nested(scan, kind, ret_value);
    return read_scalar(scan, kind, ret_value);
}

bool scan_text(struct scan *scan, const struct scan_value *value, struct slice *ret_text)
{
    ASSERT(value->kind == SCAN_STRING && value->valid);
    if (!value->escaped) {
        *ret_text = value->raw;
        return true;
    }
    /* No character is longer unescaped than escaped. */
    char *text = arena_alloc(scan->arena, value->raw.size);
    if (text == NULL)
        return no_memory(scan);
    size_t size = 0;
    uint32_t point;
    for (size_t at = 0; at < value->raw.size;) {
        at += escape_next(value->raw, at, &point);
        size += utf8_encode(point, text + size);
    }
    *ret_text = (struct slice){text, size};
    return true;
}

bool scan_expect(struct scan *scan, struct slice bytes)
{
    if (scan->bytes.size - scan->at < bytes.size ||
        memcmp(scan->bytes.data + scan->at, bytes.data, bytes.size) != 0)
        return false;
    scan->at += bytes.size;
    return true;
}
