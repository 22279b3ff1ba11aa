/* Texts in tests of the parser: comparing them row by row, and JSON that can be read in C.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SUPPORT_TEXT_H
#define TESTS_SUPPORT_TEXT_H
#include "base/arena.h"
#include "base/slice.h"
#include "tests/unit/check.h"
#include <stdio.h>

/* Prints both texts when they differ. */
static inline void check_same(size_t row, struct slice got, const char *want)
{
    bool same = slice_equal(got, slice_from(want));
    if (!same)
        fprintf(stderr, "row %zu\n  got  %.*s\n  want %s\n", row, SLICE_ARG(got), want);
    CHECK(same);
}

/* `text` with each ' made a ", in the arena. Bytes behind the text are not readable: one byte too
 * many is found by the address sanitizer. */
static inline struct slice json(struct arena *arena, const char *text)
{
    size_t size = strlen(text);
    char *copy = arena_alloc(arena, size);
    CHECK(copy != NULL);
    for (size_t i = 0; i < size; i++)
        copy[i] = text[i] == '\'' ? '"' : text[i];
    return (struct slice){copy, size};
}

#endif
