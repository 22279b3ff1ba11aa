/* Steps over valid JSON. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/walk.h"
#include "schemas/utf8.h"
#include "schemas/wide.h"

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    return at;
}

/* From the opening quote to behind the closing one. */
static const char *skip_string(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        at += wide_plain(at, (size_t)(end - at));
        if (at < end && *at == '"')
            return at + 1;
        if (at + 1 < end && *at == '\\')
            at++;
    }
    return end;
}

static const char *skip_nested(const char *at, const char *end)
{
    size_t depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
            continue;
        }
        if (*at == '{' || *at == '[')
            depth++;
        else if (*at == '}' || *at == ']')
            depth--;
        at++;
        if (depth == 0)
            break;
    }
    return at;
}

static const char *skip_value(const char *at, const char *end)
{
    if (at >= end)
        return end;
    if (*at == '"')
        return skip_string(at, end);
    if (*at == '{' || *at == '[')
        return skip_nested(at, end);
    while (at < end && *at != ',' && *at != '}' && *at != ']' && *at != ' ' && *at != '\n' &&
           *at != '\r' && *at != '\t')
        at++;
    return at;
}

static struct slice take_value(struct walk *walk)
{
    walk->at = skip_space(walk->at, walk->end);
    const char *from = walk->at;
    walk->at = skip_value(from, walk->end);
    return (struct slice){from, (size_t)(walk->at - from)};
}

struct slice walk_value(struct slice text)
{
    struct walk walk = {text.data, text.data + text.size};
    return take_value(&walk);
}

enum scan_kind walk_kind(struct slice value)
{
    switch (value.size > 0 ? value.data[0] : 'n') {
    case '{':
        return SCAN_OBJECT;
    case '[':
        return SCAN_ARRAY;
    case '"':
        return SCAN_STRING;
    case 't':
        return SCAN_TRUE;
    case 'f':
        return SCAN_FALSE;
    case 'n':
        return SCAN_NULL;
    default:
        return SCAN_NUMBER;
    }
}

struct walk walk_enter(struct slice value)
{
    const char *end = value.data + value.size;
    return (struct walk){value.size > 0 ? value.data + 1 : end, end};
}

/* To the next item, over the comma before it; false at the closing bracket. */
static bool next(struct walk *walk)
{
    walk->at = skip_space(walk->at, walk->end);
    if (walk->at < walk->end && *walk->at == ',')
        walk->at = skip_space(walk->at + 1, walk->end);
    return walk->at < walk->end && *walk->at != '}' && *walk->at != ']';
}

bool walk_member(struct walk *walk, struct slice *ret_name, struct slice *ret_value)
{
    if (!next(walk))
        return false;
    *ret_name = walk_inner(take_value(walk));
    walk->at = skip_space(walk->at, walk->end);
    if (walk->at < walk->end)
        walk->at++; /* the colon */
    *ret_value = take_value(walk);
    return true;
}

bool walk_element(struct walk *walk, struct slice *ret_value)
{
    if (!next(walk))
        return false;
    *ret_value = take_value(walk);
    return ret_value->size > 0;
}

size_t walk_len(struct slice value)
{
    struct walk walk = walk_enter(value);
    struct slice name, item;
    size_t len = 0;
    bool object = walk_kind(value) == SCAN_OBJECT;
    while (object ? walk_member(&walk, &name, &item) : walk_element(&walk, &item))
        len++;
    return len;
}

struct slice walk_inner(struct slice string)
{
    return string.size < 2 ? (struct slice){string.data, 0}
                           : (struct slice){string.data + 1, string.size - 2};
}

/* The four digits of \uXXXX behind `at`; 0 when they are not there. */
static uint32_t hex4(struct slice inner, size_t at)
{
    uint32_t unit = 0;
    if (at + 6 > inner.size || inner.data[at] != '\\' || inner.data[at + 1] != 'u')
        return 0;
    for (size_t i = at + 2; i < at + 6; i++) {
        char c = inner.data[i];
        unit = unit * 16 + (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return unit;
}

static uint32_t take_escape(struct slice inner, size_t *ret_size)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    *ret_size = 2;
    if (inner.size < 2)
        return UTF8_REPLACEMENT;
    if (inner.data[1] != 'u') {
        const char *found = strchr(from, inner.data[1]);
        return (uint32_t)(unsigned char)(found ? to[found - from] : inner.data[1]);
    }
    uint32_t unit = hex4(inner, 0), low = hex4(inner, 6);
    *ret_size = 6;
    if (unit >= 0xD800 && unit < 0xDC00 && low >= 0xDC00 && low < 0xE000) {
        *ret_size = 12;
        return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    }
    return unit >= 0xD800 && unit < 0xE000 ? UTF8_REPLACEMENT : unit;
}

uint32_t walk_point(struct slice *inner)
{
    uint32_t point = UTF8_REPLACEMENT;
    size_t size = 1;
    if (inner->data[0] == '\\') {
        point = take_escape(*inner, &size);
    } else {
        size = utf8_decode(inner->data, inner->size, &point);
        if (size == 0) {
            size = 1;
            point = UTF8_REPLACEMENT;
        }
    }
    if (size > inner->size)
        size = inner->size;
    inner->data += size;
    inner->size -= size;
    return point;
}

static bool escaped(struct slice inner)
{
    return inner.size > 0 && memchr(inner.data, '\\', inner.size) != NULL;
}

struct slice walk_text(struct slice inner, struct arena *arena)
{
    if (!escaped(inner))
        return inner.data == NULL ? SLICE("") : inner;
    /* No escape is shorter than what it stands for. */
    char *text = arena_alloc(arena, inner.size + 4);
    if (text == NULL)
        return (struct slice){NULL, 0};
    size_t size = 0;
    while (inner.size > 0)
        size += utf8_encode(walk_point(&inner), text + size);
    return (struct slice){text, size};
}

bool walk_same_text(struct slice a, struct slice b)
{
    if (!escaped(a) && !escaped(b))
        return slice_equal(a, b);
    while (a.size > 0 && b.size > 0)
        if (walk_point(&a) != walk_point(&b))
            return false;
    return a.size == 0 && b.size == 0;
}
