/* Equality of JSON values. The recursion is as deep as the values are nested, which is at most
 * SCAN_DEPTH_MAX. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/equal.h"
#include "schemas/number.h"
#include "schemas/walk.h"

static bool equal_arrays(struct slice a, struct slice b, int64_t *work)
{
    struct walk in_a = walk_enter(a), in_b = walk_enter(b);
    struct slice x, y;
    while (walk_element(&in_a, &x))
        if (!walk_element(&in_b, &y) || !equal_values(x, y, work))
            return false;
    return !walk_element(&in_b, &y);
}

/* A valid object names no member twice: as many members, each found in the other, is all. */
static bool equal_objects(struct slice a, struct slice b, int64_t *work)
{
    if (walk_len(a) != walk_len(b))
        return false;
    struct walk in_a = walk_enter(a);
    struct slice name, value, other_name, other;
    while (walk_member(&in_a, &name, &value)) {
        struct walk in_b = walk_enter(b);
        bool found = false;
        while (!found && walk_member(&in_b, &other_name, &other)) {
            *work -= (int64_t)(other_name.size + other.size);
            found = walk_same_text(name, other_name);
        }
        if (!found || *work < 0 || !equal_values(value, other, work))
            return false;
    }
    return true;
}

bool equal_values(struct slice a, struct slice b, int64_t *work)
{
    enum scan_kind kind = walk_kind(a);
    if (kind != walk_kind(b))
        return false;
    *work -= (int64_t)(a.size + b.size);
    if (*work < 0)
        return false;
    struct number x, y;
    switch (kind) {
    case SCAN_OBJECT:
        return equal_objects(a, b, work);
    case SCAN_ARRAY:
        return equal_arrays(a, b, work);
    case SCAN_STRING:
        return walk_same_text(walk_inner(a), walk_inner(b));
    case SCAN_NUMBER:
        x = number_read(a);
        y = number_read(b);
        return number_compare(&x, &y) == 0;
    case SCAN_TRUE:
    case SCAN_FALSE:
    case SCAN_NULL:
        break;
    }
    return true;
}

static uint64_t mix(uint64_t hash, uint64_t more)
{
    hash = (hash ^ more) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ (hash >> 29);
}

static uint64_t hash_text(struct slice inner)
{
    uint64_t hash = SCAN_STRING + 1;
    while (inner.size > 0)
        hash = mix(hash, walk_point(&inner));
    return hash;
}

uint64_t equal_hash(struct slice value)
{
    enum scan_kind kind = walk_kind(value);
    uint64_t hash = mix(0, (uint64_t)kind + 1);
    struct walk walk = walk_enter(value);
    struct slice name, item;
    struct number number;
    switch (kind) {
    case SCAN_OBJECT: /* a sum: the order does not matter */
        while (walk_member(&walk, &name, &item))
            hash += mix(hash_text(name), equal_hash(item));
        return mix(hash, 1);
    case SCAN_ARRAY:
        while (walk_element(&walk, &item))
            hash = mix(hash, equal_hash(item));
        return hash;
    case SCAN_STRING:
        return hash_text(walk_inner(value));
    case SCAN_NUMBER:
        number = number_read(value);
        return mix(hash, number_hash(&number));
    case SCAN_TRUE:
    case SCAN_FALSE:
    case SCAN_NULL:
        break;
    }
    return hash;
}
