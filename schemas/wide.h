/* Looking at sixteen bytes of text at a time.
 *
 * Nearly all of an event is text in which nothing happens: no quote, no backslash, no control
 * character, nothing beyond ASCII. These functions run over it. With SSE2, which every x86-64 has,
 * they take sixteen bytes a step; elsewhere they go byte by byte. Wider registers gain little
 * here: the texts of an event are 5 to 40 bytes long.
 *
 * No byte outside of the text is read. What is left of it at the end is put together from loads
 * that overlap inside of it.
 *
 * The functions named …_bytewise say what the others must return; tests/unit/test_wide.c holds them
 * equal. SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_WIDE_H
#define SCHEMAS_WIDE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum {
    WIDE_STEP = 16,
    WIDE_BLOCK = 64,
};

/* How many bytes come before the first that a string of JSON must look at: a quote, a backslash, a
 * control character, or one beyond ASCII. `size` when there is none. */
static inline size_t wide_plain_bytewise(const char *data, size_t size)
{
    size_t at = 0;
    for (; at < size; at++) {
        unsigned char c = (unsigned char)data[at];
        if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
            break;
    }
    return at;
}

/* A bit for each of WIDE_BLOCK bytes that is no printable ASCII, or a quote or a backslash; the
 * first byte has the lowest bit. */
static inline uint64_t wide_odd_bytewise(const char *data)
{
    uint64_t odd = 0;
    for (size_t at = 0; at < WIDE_BLOCK; at++) {
        unsigned char c = (unsigned char)data[at];
        odd |= (uint64_t)(c < 0x20 || c > 0x7E || c == '"' || c == '\\') << at;
    }
    return odd;
}

/* How many of WIDE_STEP bytes come before the first that is no digit. */
static inline size_t wide_digits_step_bytewise(const char *data)
{
    size_t at = 0;
    while (at < WIDE_STEP && data[at] >= '0' && data[at] <= '9')
        at++;
    return at;
}

/* Whether the text is ASCII without control characters (0x7F is one). */
static inline bool wide_printable_bytewise(const char *data, size_t size)
{
    for (size_t at = 0; at < size; at++)
        if ((unsigned char)data[at] < 0x20 || (unsigned char)data[at] > 0x7E)
            return false;
    return true;
}

/* Whether each of WIDE_STEP bytes lies between those of `low` and `high` at its place; no byte of
 * `low` is above its one of `high`. */
static inline bool wide_within_bytewise(const char *data, const char *low, const char *high)
{
    for (size_t at = 0; at < WIDE_STEP; at++)
        if ((unsigned char)data[at] < (unsigned char)low[at] ||
            (unsigned char)data[at] > (unsigned char)high[at])
            return false;
    return true;
}

/* Copies a text that can stand in a string of JSON as it is. False: something in it must be
 * escaped, and the copy is not complete. Up to WIDE_STEP - 1 bytes behind the copy are overwritten.
 */
static inline bool wide_copy_bytewise(char *to, const char *data, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        unsigned char c = (unsigned char)data[at];
        if (c < 0x20 || c == '"' || c == '\\')
            return false;
        to[at] = (char)c;
    }
    return true;
}

#ifdef __SSE2__

static inline __m128i wide_load(const char *data)
{
    return _mm_loadu_si128((const __m128i *)(const void *)data);
}

/* The `size` < 16 bytes at `data` with zeros behind them. */
static inline __m128i wide_load_part(const char *data, size_t size)
{
    uint64_t low = 0, high = 0;
    if (size >= 8) {
        memcpy(&low, data, 8);
        memcpy(&high, data + size - 8, 8);
        high = high >> 8 * (15 - size) >> 8; /* in two steps: a shift by 64 is not defined */
    } else if (size >= 4) {
        uint32_t first, last;
        memcpy(&first, data, 4);
        memcpy(&last, data + size - 4, 4);
        low = first | (uint64_t)last << 8 * (size - 4);
    } else if (size > 0) {
        low = (uint64_t)(unsigned char)data[0] |
              (uint64_t)(unsigned char)data[size / 2] << 8 * (size / 2) |
              (uint64_t)(unsigned char)data[size - 1] << 8 * (size - 1);
    }
    return _mm_set_epi64x((int64_t)high, (int64_t)low);
}

static inline __m128i wide_quotes(__m128i bytes)
{
    return _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                        _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
}

/* A bit for each byte that is not plain. Bytes beyond ASCII are negative, so that one comparison
 * finds them and the control characters. */
static inline unsigned wide_not_plain(__m128i bytes)
{
    __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, wide_quotes(bytes)));
}

static inline size_t wide_plain(const char *data, size_t size)
{
    size_t at = 0;
    for (; size - at >= WIDE_STEP; at += WIDE_STEP) {
        unsigned found = wide_not_plain(wide_load(data + at));
        if (found != 0)
            return at + (size_t)__builtin_ctz(found);
    }
    /* The zeros behind the text are not plain: one bit at least is set. */
    return at + (size_t)__builtin_ctz(wide_not_plain(wide_load_part(data + at, size - at)));
}

static inline uint64_t wide_odd_step(const char *data)
{
    __m128i bytes = wide_load(data);
    /* One more turns 0x7F into the least number; what is beyond ASCII stays below the bound. */
    __m128i more = _mm_add_epi8(bytes, _mm_set1_epi8(1));
    __m128i odd = _mm_or_si128(_mm_cmplt_epi8(more, _mm_set1_epi8(0x21)), wide_quotes(bytes));
    return (unsigned)_mm_movemask_epi8(odd);
}

static inline uint64_t wide_odd(const char *data)
{
    return wide_odd_step(data) | wide_odd_step(data + WIDE_STEP) << WIDE_STEP |
           wide_odd_step(data + 2 * WIDE_STEP) << 2 * WIDE_STEP |
           wide_odd_step(data + 3 * WIDE_STEP) << 3 * WIDE_STEP;
}

static inline size_t wide_digits_step(const char *data)
{
    __m128i values = _mm_sub_epi8(wide_load(data), _mm_set1_epi8('0'));
    __m128i digits = _mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values);
    return (size_t)__builtin_ctz(~(unsigned)_mm_movemask_epi8(digits));
}

static inline unsigned wide_not_printable(__m128i bytes)
{
    __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
    __m128i last = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7F));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(low, last));
}

static inline bool wide_printable(const char *data, size_t size)
{
    size_t at = 0;
    for (; size - at >= WIDE_STEP; at += WIDE_STEP)
        if (wide_not_printable(wide_load(data + at)) != 0)
            return false;
    unsigned found = wide_not_printable(wide_load_part(data + at, size - at));
    return (size_t)__builtin_ctz(found) == size - at;
}

static inline bool wide_within(const char *data, const char *low, const char *high)
{
    __m128i bytes = wide_load(data);
    __m128i clamped = _mm_min_epu8(_mm_max_epu8(bytes, wide_load(low)), wide_load(high));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(clamped, bytes)) == 0xFFFF;
}

/* A bit for each byte that must be escaped; those beyond ASCII need not be. */
static inline unsigned wide_to_escape(__m128i bytes)
{
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(control, wide_quotes(bytes)));
}

static inline bool wide_copy(char *to, const char *data, size_t size)
{
    size_t at = 0;
    for (; size - at >= WIDE_STEP; at += WIDE_STEP) {
        __m128i bytes = wide_load(data + at);
        _mm_storeu_si128((__m128i *)(void *)(to + at), bytes);
        if (wide_to_escape(bytes) != 0)
            return false;
    }
    if (size == at)
        return true;
    __m128i rest = wide_load_part(data + at, size - at);
    _mm_storeu_si128((__m128i *)(void *)(to + at), rest);
    return (size_t)__builtin_ctz(wide_to_escape(rest)) == size - at;
}

#else

static inline size_t wide_plain(const char *data, size_t size)
{
    return wide_plain_bytewise(data, size);
}

static inline bool wide_printable(const char *data, size_t size)
{
    return wide_printable_bytewise(data, size);
}

static inline uint64_t wide_odd(const char *data)
{
    return wide_odd_bytewise(data);
}

static inline size_t wide_digits_step(const char *data)
{
    return wide_digits_step_bytewise(data);
}

static inline bool wide_within(const char *data, const char *low, const char *high)
{
    return wide_within_bytewise(data, low, high);
}

static inline bool wide_copy(char *to, const char *data, size_t size)
{
    return wide_copy_bytewise(to, data, size);
}

#endif

#endif
