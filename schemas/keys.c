/* Member names, each once per object. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/keys.h"

#include <string.h>
#include <sys/auxv.h>

enum { FIRST_CAPACITY = 64 };

void keys_init(struct keys *keys, struct arena *arena)
{
    *keys = (struct keys){.arena = arena, .first = 1};
    /* Sixteen bytes that the kernel drew for this process. */
    const void *random = (const void *)getauxval(AT_RANDOM);
    if (random != NULL)
        memcpy(keys->secret, random, sizeof keys->secret);
    keys->secret[0] ^= 0x9E3779B97F4A7C15u;
    keys->secret[1] |= 1;
}

void keys_forget(struct keys *keys)
{
    keys->first = keys->last + 1;
    keys->len = 0;
}

uint32_t keys_object(struct keys *keys)
{
    return ++keys->last;
}

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

enum keys_result keys_add(struct keys *keys, uint32_t object, struct slice name)
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
