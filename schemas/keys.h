/* Which members the objects of one JSON text have had: finds a second one of the same name.
 *
 * One list serves all objects, open or closed. While it is short, as for nearly all events, a
 * filter of bits tells that a name is new, and only when its bit was set before is the list gone
 * through. A longer one becomes a hash table; the hash has a secret of the process in it, so that
 * no caller can choose names that collide. A lookup there costs the size of the name.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_KEYS_H
#define SCHEMAS_KEYS_H
#include "base/arena.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    KEYS_FEW = 32, /* names that are looked for one by one */
    KEYS_FILTER_WORDS = 4,
};

struct keys_entry {
    struct slice name; /* borrowed */
    uint32_t object;   /* an object's number; below keys.first: a free place */
    uint32_t hash;
};

struct keys {
    struct arena *arena;      /* borrowed; the table grows in it */
    struct keys_entry *table; /* NULL until there are more than a few */
    size_t capacity;          /* a power of two, or 0 */
    size_t len;               /* names since keys_forget; above KEYS_FEW they are in the table */
    bool full;                /* the arena gave no more memory: names may be missing */
    uint32_t first;           /* number of the first object that counts */
    uint32_t last;            /* number of the last object */
    uint64_t secret[2];       /* drawn for the first table */
    uint64_t filter[KEYS_FILTER_WORDS]; /* a bit for each of the few; several can share one */
    struct keys_entry few[KEYS_FEW];    /* the first `len` are names */
};

enum keys_result {
    KEYS_NEW,
    KEYS_SEEN, /* the object has a member of that name already */
    KEYS_FULL, /* the arena gives no more memory; from then on always */
};

void keys_init(struct keys *keys, struct arena *arena);

/* Forgets all names and keeps the memory. Costs nothing: old numbers stop counting. */
static inline void keys_forget(struct keys *keys)
{
    keys->first = keys->last + 1;
    keys->len = 0;
    memset(keys->filter, 0, sizeof keys->filter);
}

/* Numbers a new object. */
static inline uint32_t keys_object(struct keys *keys)
{
    return ++keys->last;
}

/* Which bit stands for the name: its size and its ends, which tell most names apart. */
static inline uint32_t keys_mark(uint32_t object, struct slice name)
{
    uint32_t first = 0, last = 0;
    if (name.size >= sizeof first) {
        memcpy(&first, name.data, sizeof first);
        memcpy(&last, name.data + name.size - sizeof last, sizeof last);
    } else if (name.size > 0) {
        first = (unsigned char)name.data[0];
        last =
            (unsigned char)name.data[name.size / 2] << 8 | (unsigned char)name.data[name.size - 1];
    }
    uint32_t mixed = (first ^ (object << 16) ^ (uint32_t)name.size) * 0x9E3779B1u + last;
    return mixed * 0x85EBCA6Bu >> 24;
}

/* keys_add when the filter does not decide. */
enum keys_result keys_add_carefully(struct keys *keys, uint32_t object, struct slice name);

/* Notes a member, named without escapes. The name is borrowed until keys_forget. */
static inline enum keys_result keys_add(struct keys *keys, uint32_t object, struct slice name)
{
    uint32_t mark = keys_mark(object, name);
    uint64_t *word = &keys->filter[mark / 64], bit = UINT64_C(1) << mark % 64;
    if ((*word & bit) != 0 || keys->len >= KEYS_FEW)
        return keys_add_carefully(keys, object, name);
    *word |= bit;
    struct keys_entry *entry = &keys->few[keys->len++];
    entry->name = name;
    entry->object = object;
    return KEYS_NEW;
}

#endif
