/* Plain JSON, in any depth. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/plain.h"

static RARE uint64_t last_block(const char *block, size_t size)
{
    char padded[WIDE_BLOCK] = {0};
    memcpy(padded, block, size);
    return wide_odd(padded);
}

uint64_t plain_block(const char *block, const char *end)
{
    size_t size = (size_t)(end - block);
    return size >= WIDE_BLOCK ? wide_odd(block) : last_block(block, size);
}

/* The level that is being read. */
struct inside {
    struct scan_level *level;
    bool object;
};

static struct inside innermost(struct scan *scan)
{
    return (struct inside){
        .level = &scan->levels[scan->depth - 1],
        .object = scan->kinds[scan->depth - 1] == SCAN_OBJECT,
    };
}

/* Opens the level whose bracket stands at the cursor. */
static void enter(struct scan *scan, struct plain *plain)
{
    bool object = *plain->at == '{';
    scan->levels[scan->depth] = (struct scan_level){
        .index = SIZE_MAX, /* before the first */
        .object = object ? keys_object(scan->keys) : 0,
    };
    scan->kinds[scan->depth++] = object ? SCAN_OBJECT : SCAN_ARRAY;
    plain->at++;
    plain->first = true;
}

/* Notes that an item was begun: a member of that name, or the next element. False: there is such a
 * member, or no memory. */
static inline bool note_item(struct scan *scan, struct inside in, struct slice name)
{
    if (!in.object) {
        in.level->index++;
        return true;
    }
    if (keys_add(scan->keys, in.level->object, name) != KEYS_NEW)
        return false;
    in.level->name = name;
    return true;
}

void plain_read(struct scan *scan, size_t outside)
{
    struct plain plain = plain_begin(scan);
    if (!plain_is_inside(&plain))
        return;
    struct inside in = innermost(scan);
    while (plain_is_inside(&plain)) {
        if (*plain.at == (in.object ? '}' : ']')) {
            plain.at++;
            plain.first = false;
            if (--scan->depth == outside)
                break;
            in = innermost(scan);
            continue;
        }
        struct slice name = {NULL, 0};
        struct scan_value value;
        const char *at = plain_item(&plain);
        if (in.object)
            at = plain_name(&plain, at, &name);
        if (at == NULL)
            break;
        bool nested = *at == '{' || *at == '[';
        const char *end = nested ? at : plain_scalar(&plain, at, &value);
        if (end == NULL || (nested && scan->depth - scan->base >= SCAN_DEPTH_MAX) ||
            !note_item(scan, in, name))
            break;
        plain.at = end;
        plain.first = false;
        if (nested) {
            enter(scan, &plain);
            in = innermost(scan);
        }
    }
    plain_end(scan, &plain);
}
