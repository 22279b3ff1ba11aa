/* Which members the objects of one JSON text have had: finds a second one of the same name.
 *
 * One hash table serves all objects, open or closed; the hash has a secret of the process in it, so
 * that no caller can choose names that collide. A lookup costs the size of the name.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_KEYS_H
#define SCHEMAS_KEYS_H
#include "base/arena.h"
#include "base/slice.h"
#include <stdint.h>

struct keys_entry {
    struct slice name; /* borrowed */
    uint32_t object;   /* an object's number; below keys.first: a free place */
    uint32_t hash;
};

struct keys {
    struct arena *arena;      /* borrowed; the table grows in it */
    struct keys_entry *table; /* NULL until the first name */
    size_t capacity;          /* a power of two, or 0 */
    size_t len;               /* places taken since keys_forget */
    uint32_t first;           /* number of the first object that counts */
    uint32_t last;            /* number of the last object */
    uint64_t secret[2];
};

enum keys_result {
    KEYS_NEW,
    KEYS_SEEN, /* the object has a member of that name already */
    KEYS_FULL, /* the arena gives no more memory */
};

void keys_init(struct keys *keys, struct arena *arena);

/* Forgets all names and keeps the memory. Costs nothing: old numbers stop counting. */
void keys_forget(struct keys *keys);

/* Numbers a new object. */
uint32_t keys_object(struct keys *keys);

/* Notes a member, named without escapes. The name is borrowed until keys_forget. */
enum keys_result keys_add(struct keys *keys, uint32_t object, struct slice name);

#endif
