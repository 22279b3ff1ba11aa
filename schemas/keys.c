/* Member names, each once per object. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/keys.h"

#include <string.h>
#include <sys/auxv.h>

enum { FIRST_CAPACITY = 64 };

void keys_init(struct keys *keys, struct arena *arena)
{
    /* The few stay as they are: only the first `len` are read. */
    keys->arena = arena;
    keys->table = NULL;
    keys->capacity = 0;
    keys->full = false;
    keys->last = 0;
    keys_forget(keys);
}

/* Sixteen bytes that the kernel drew for this process. */
static void draw_secret(struct keys *keys)
{
    const void *random = (const void *)getauxval(AT_RANDOM);
    memset(keys->secret, 0, sizeof keys->secret);
    if (random != NULL)
        memcpy(keys->secret, random, sizeof keys->secret);
    keys->secret[0] ^= 0x9E3779B97F4A7C15u;
    keys->secret[1] |= 1;
}

/* ---- Many: a hash table ---- */

/* The two halves of the product of two words: every bit of both reaches every bit of the result. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t hash_of(const struct keys *keys, uint32_t object, struct slice name)
{
    uint64_t hash = fold(keys->secret[0] ^ object, keys->secret[1]), word;
    while (name.size >= sizeof word) {
        memcpy(&word, name.data, sizeof word);
        hash = fold(hash ^ word, keys->secret[1]);
        name.data += sizeof word;
        name.size -= sizeof word;
    }
    word = name.size;
    for (size_t i = 0; i < name.size; i++)
        word = word << 8 | (unsigned char)name.data[i];
    hash = fold(hash ^ word, keys->secret[1]);
    return (uint32_t)(hash ^ hash >> 32);
}

/* The place of the entry, or the free place where it belongs. */
static struct keys_entry *place_of(const struct keys *keys, uint32_t object, uint32_t hash,
                                   struct slice name)
{
    for (size_t at = hash;; at++) {
        struct keys_entry *entry = &keys->table[at & (keys->capacity - 1)];
        if (entry->object < keys->first)
            return entry;
        if (entry->hash == hash && entry->object == object && slice_equal(entry->name, name))
            return entry;
    }
}

static bool grow(struct keys *keys)
{
    struct keys old = *keys;
    size_t capacity = old.capacity ? old.capacity * 2 : FIRST_CAPACITY;
    if (old.capacity == 0)
        draw_secret(keys);
    struct keys_entry *table = arena_calloc(keys->arena, capacity, sizeof *table);
    if (table == NULL)
        return false;
    keys->table = table;
    keys->capacity = capacity;
    for (size_t i = 0; i < old.capacity; i++) {
        const struct keys_entry *entry = &old.table[i];
        if (entry->object >= keys->first)
            *place_of(keys, entry->object, entry->hash, entry->name) = *entry;
    }
    return true;
}

static enum keys_result add_to_table(struct keys *keys, uint32_t object, struct slice name)
{
    if (keys->len >= keys->capacity / 2 && !grow(keys))
        return KEYS_FULL;
    uint32_t hash = hash_of(keys, object, name);
    struct keys_entry *entry = place_of(keys, object, hash, name);
    if (entry->object >= keys->first)
        return KEYS_SEEN;
    *entry = (struct keys_entry){.name = name, .object = object, .hash = hash};
    keys->len++;
    return KEYS_NEW;
}

/* The few have become many: they go into the table, which may be there already from a text before.
 */
static bool move_to_table(struct keys *keys)
{
    size_t len = keys->len;
    keys->len = 0;
    for (size_t i = 0; i < len; i++)
        if (add_to_table(keys, keys->few[i].object, keys->few[i].name) == KEYS_FULL)
            return false;
    return true;
}

/* ---- Few: a list ---- */

static bool is_among_few(const struct keys *keys, uint32_t object, struct slice name)
{
    for (size_t i = 0; i < keys->len; i++)
        if (keys->few[i].object == object && slice_equal(keys->few[i].name, name))
            return true;
    return false;
}

static enum keys_result add(struct keys *keys, uint32_t object, struct slice name)
{
    if (keys->len > KEYS_FEW)
        return add_to_table(keys, object, name);
    if (is_among_few(keys, object, name))
        return KEYS_SEEN;
    if (keys->len == KEYS_FEW)
        return move_to_table(keys) ? add_to_table(keys, object, name) : KEYS_FULL;
    keys->few[keys->len++] = (struct keys_entry){.name = name, .object = object};
    return KEYS_NEW;
}

enum keys_result keys_add_carefully(struct keys *keys, uint32_t object, struct slice name)
{
    enum keys_result result = keys->full ? KEYS_FULL : add(keys, object, name);
    if (result == KEYS_FULL) {
        keys->full = true;
        keys->len = KEYS_FEW; /* so that each name comes here */
    }
    return result;
}
