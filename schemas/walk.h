/* Steps over JSON that was found valid before (schemas/scan.h): no checks, no memory, no recursion.
 *
 *     struct walk walk = walk_enter(object);
 *     while (walk_member(&walk, &name, &value)) …
 *
 * A value is the slice of its bytes, without white space around it; a name is what stands between
 * the quotes, with its escapes. Each step costs the bytes it goes over. On bytes that are not valid
 * JSON the answers mean nothing, but nothing outside of them is read.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_WALK_H
#define SCHEMAS_WALK_H
#include "base/arena.h"
#include "base/slice.h"
#include "schemas/scan.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct walk {
    const char *at;  /* the next byte */
    const char *end; /* behind the last one */
};

/* The first value in `text`. */
struct slice walk_value(struct slice text);

/* What a value is, by its first byte. */
enum scan_kind walk_kind(struct slice value);

/* Enters an object or array. */
struct walk walk_enter(struct slice value);

/* The next member or element; false at the end. */
bool walk_member(struct walk *walk, struct slice *ret_name, struct slice *ret_value);
bool walk_element(struct walk *walk, struct slice *ret_value);

/* The members of an object, or the elements of an array. */
size_t walk_len(struct slice value);

/* What stands between the quotes of a string. */
struct slice walk_inner(struct slice string);

/* The next code point of what stands between quotes, unescaped, and moves `inner` behind it.
 * `inner` is not empty. */
uint32_t walk_point(struct slice *inner);

/* The unescaped text: a part of the input, or a copy in the arena; data is NULL when the arena is
 * at its cap. */
struct slice walk_text(struct slice inner, struct arena *arena);

/* Whether two strings, given as what stands between their quotes, are the same text. */
bool walk_same_text(struct slice a, struct slice b);

#endif
