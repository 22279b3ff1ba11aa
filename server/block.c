/* The bytes between what libmicrohttpd read. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/block.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { LINE_END = 2 /* CR and LF, each a NUL by now */ };

/* Characters of a header's name: RFC 9110, token. */
static bool is_token(char c)
{
    return (unsigned)((c | 0x20) - 'a') < 26 || c == '-' || (unsigned)(c - '0') < 10 ||
           (c != '\0' && strchr("!#$%&'*+.^_`|~", c));
}

static bool all_token(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!is_token(text.data[i]))
            return false;
    return text.size > 0;
}

/* None of eight characters is below the space, or DEL. */
static bool all_printable(const char *eight)
{
    const uint64_t ones = UINT64_MAX / 0xff, high = ones << 7;
    uint64_t c;
    memcpy(&c, eight, sizeof(c));
    const uint64_t del = c ^ (ones * 0x7f);
    return ((((c - ones * ' ') & ~c) | ((del - ones) & ~del)) & high) == 0;
}

/* No control characters but the tab: a CR alone is a line's end to some. */
static bool is_value(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        while (text.size - i >= 8 && all_printable(text.data + i))
            i += 8;
        if (i == text.size)
            break;
        const unsigned char c = (unsigned char)text.data[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* The line that ends at `end` ended in CR LF; the next one begins behind it. */
static void end_line(struct block *block, const char *end)
{
    block->wrong = block->wrong || end[0] != '\0' || end[1] != '\0';
    block->next = end + LINE_END;
}

const char *block_target_end(const char *target)
{
    for (; *target; target++)
        if ((unsigned char)*target <= ' ' || (unsigned char)*target >= 0x7f)
            return NULL;
    return target;
}

void block_begin(struct block *block, const char *method, const char *target,
                 const char *target_end, const char *version)
{
    block->begin = method;
    /* One space behind the method and one before the version. */
    block->wrong =
        method + strlen(method) + 1 != target || !target_end || target_end + 1 != version;
    end_line(block, version + strlen(version));
}

void block_add(struct block *block, struct slice name, struct slice value)
{
    if (block->wrong)
        return;
    const char *at = name.data + name.size + 1; /* behind the colon */
    while (at < value.data && (*at == ' ' || *at == '\t'))
        at++;
    block->wrong =
        name.data != block->next || at != value.data || !all_token(name) || !is_value(value);
    if (!block->wrong)
        end_line(block, value.data + value.size);
}

bool block_end(struct block *block, size_t size)
{
    if (!block->wrong)
        end_line(block, block->next); /* the empty line */
    return !block->wrong && block->next == block->begin + size;
}
