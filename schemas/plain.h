/* Plain JSON, as programs write it: strings of printable ASCII without a backslash, numbers without
 * an exponent, no white space but one space behind a comma or a colon.
 *
 * Nearly all of an event is plain. It is read here by a pointer that stays in a register, a member
 * in one step, without looking for what is wrong: these functions take what they know to be right
 * and stop before everything else. The cursor (schemas/scan.h) then goes on by a careful step of
 * its own, from a place between two members where nothing is half read; what is wrong is only ever
 * found and said there.
 *
 * Where strings end is found for sixty-four bytes at once, before it is known where they begin: the
 * processor need not wait for the end of one to look for the end of the next.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_PLAIN_H
#define SCHEMAS_PLAIN_H
#include "schemas/scan.h"
#include "schemas/wide.h"

enum {
    /* Bytes that are looked at from an odd one on without asking whether the text has ended: quote,
     * colon, space, minus, a step of digits, the point, another step, and the byte behind. */
    PLAIN_ROOM = 40,
};

struct plain {
    const char *at;    /* behind a bracket or a value */
    const char *block; /* the WIDE_BLOCK bytes that `odd` tells about */
    const char *last;  /* up to here PLAIN_ROOM bytes can be read */
    const char *end;   /* of what can be read: behind the text it goes on with the end of a line */
    uint64_t odd;      /* the bytes of the block that are odd (wide_odd), and not yet behind us */
    bool first;        /* nothing was read yet in the innermost level */
};

/* The bytes of the block that are odd; what lies behind the end of the text is. */
uint64_t plain_block(const char *block, const char *end);

/* Takes over from the cursor, which stands behind a bracket or a value. */
static inline struct plain plain_begin(const struct scan *scan)
{
    const char *start = scan->bytes.data, *at = start + scan->at;
    size_t size = (size_t)(scan->readable - start),
           last = size > PLAIN_ROOM ? size - PLAIN_ROOM : 0;
    /* Only careful steps see that a text is too large: behind a comma and a space. */
    if (last > scan->flaw_at)
        last = scan->flaw_at;
    last = last > 2 ? last - 2 : 0;
    if (scan->err.code != ERR_NONE || scan->depth > ARRAY_LEN(scan->levels) || last < scan->at)
        return (struct plain){.at = at, .last = at - 1, .first = scan->first};
    return (struct plain){
        .at = at,
        .block = at,
        .last = start + last,
        .end = scan->readable,
        .odd = plain_block(at, scan->readable),
        .first = scan->first,
    };
}

static inline bool plain_is_inside(const struct plain *plain)
{
    return plain->at <= plain->last;
}

/* Gives back to the cursor. */
static inline void plain_end(struct scan *scan, const struct plain *plain)
{
    scan->at = (size_t)(plain->at - scan->bytes.data);
    scan->first = plain->first;
}

/* Goes over the next odd byte. False: there is none up to `last`. */
static ALWAYS_INLINE bool plain_take(struct plain *plain, const char **ret_at)
{
    while (plain->odd == 0) {
        plain->block += WIDE_BLOCK;
        if (plain->block > plain->last)
            return false;
        plain->odd = plain_block(plain->block, plain->end);
    }
    *ret_at = plain->block + (unsigned)__builtin_ctzll(plain->odd);
    plain->odd &= plain->odd - 1;
    return true;
}

/* Reads the string whose first quote should stand at `at`; returns its last one. */
static ALWAYS_INLINE const char *plain_string(struct plain *plain, const char *at,
                                              struct slice *ret_text)
{
    const char *quote, *end;
    if (!plain_take(plain, &quote) || quote != at || *quote != '"' || !plain_take(plain, &end) ||
        end > plain->last || *end != '"')
        return NULL;
    *ret_text = (struct slice){at + 1, (size_t)(end - at) - 1};
    return end;
}

static ALWAYS_INLINE const char *plain_space(const char *at)
{
    return __builtin_expect(*at == ' ', false) ? at + 1 : at;
}

/* Where the item begins that comes next: behind a comma and a space, which the first has not. */
static ALWAYS_INLINE const char *plain_item(const struct plain *plain)
{
    if (plain->first)
        return plain->at;
    return *plain->at == ',' ? plain_space(plain->at + 1) : NULL;
}

/* Reads the name of a member at `at`, and returns where its value begins. */
static ALWAYS_INLINE const char *plain_name(struct plain *plain, const char *at,
                                            struct slice *ret_name)
{
    const char *quote = at != NULL ? plain_string(plain, at, ret_name) : NULL;
    if (quote == NULL || quote[1] != ':')
        return NULL;
    return plain_space(quote + 2);
}

/* The end of a number without an exponent, of 15 digits at most before and behind the point. */
static ALWAYS_INLINE const char *plain_number(const char *at)
{
    at += *at == '-';
    size_t digits = wide_digits_step(at);
    if (digits == 0 || digits == WIDE_STEP || (digits > 1 && *at == '0'))
        return NULL;
    at += digits;
    if (*at == '.') {
        digits = wide_digits_step(at + 1);
        if (digits == 0 || digits == WIDE_STEP)
            return NULL;
        at += 1 + digits;
    }
    return *at == 'e' || *at == 'E' ? NULL : at;
}

/* Reads the string, number or literal at `at`, and returns the place behind it. */
static ALWAYS_INLINE const char *plain_scalar(struct plain *plain, const char *at,
                                              struct scan_value *ret_value)
{
    const char *end;
    enum scan_kind kind = SCAN_NUMBER;
    if (*at == '"') {
        struct slice text;
        end = plain_string(plain, at, &text);
        if (end == NULL)
            return NULL;
        *ret_value =
            (struct scan_value){SCAN_STRING, .valid = true, .printable = true, .raw = text};
        return end + 1;
    }
    if (*at <= '9') {
        end = plain_number(at);
        if (end == NULL)
            return NULL;
    } else if (memcmp(at, "true", 4) == 0) {
        kind = SCAN_TRUE;
        end = at + 4;
    } else if (memcmp(at, "null", 4) == 0) {
        kind = SCAN_NULL;
        end = at + 4;
    } else if (memcmp(at, "false", 5) == 0) {
        kind = SCAN_FALSE;
        end = at + 5;
    } else {
        return NULL;
    }
    *ret_value = (struct scan_value){kind, .valid = true, .raw = {at, (size_t)(end - at)}};
    return end;
}

/* Reads what is plain of the levels above `outside`, which are open: moves the cursor over it, out
 * of those levels too that it reads to the end. */
void plain_read(struct scan *scan, size_t outside);

#endif
