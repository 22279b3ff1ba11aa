/* The dictionary of a LowCardinality column.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/native_dictionary.h"
#include "clickhouse/native_bytes.h"
#include <string.h>

enum {
    /* What stands before the indexes: keys follow (bit 9), they make up the dictionary (bit 10),
     * and the low byte is the width of an index. */
    FLAGS = 1 << 9 | 1 << 10,
    SLOTS_MIN = 64,
};

static uint32_t hash(struct slice text)
{
    uint32_t h = 2166136261u; /* FNV-1a: short keys, and no one gains by colliding with himself */
    for (size_t i = 0; i < text.size; i++)
        h = (h ^ (unsigned char)text.data[i]) * 16777619u;
    return h;
}

static void append_key(struct native_dictionary *dictionary, struct slice text)
{
    dictionary->texts[dictionary->keys_len++] = text;
    native_append_text(&dictionary->keys, text, dictionary->fixed_size);
}

void native_dictionary_begin(struct native_dictionary *dictionary, size_t rows, size_t max,
                             size_t fixed_size, bool nullable)
{
    *dictionary = (struct native_dictionary){.fixed_size = fixed_size, .slots_len = SLOTS_MIN};
    buf_init(&dictionary->keys, max);
    dictionary->indexes = xcalloc(rows ? rows : 1, sizeof *dictionary->indexes);
    dictionary->slots = xcalloc(dictionary->slots_len, sizeof *dictionary->slots);
    dictionary->texts = xcalloc(dictionary->slots_len, sizeof *dictionary->texts);
    if (nullable)
        append_key(dictionary, (struct slice){NULL, 0}); /* in no slot: no text is equal to it */
}

void native_dictionary_done(struct native_dictionary *dictionary)
{
    buf_done(&dictionary->keys);
    mem_freep(&dictionary->indexes);
    mem_freep(&dictionary->slots);
    mem_freep(&dictionary->texts);
    *dictionary = (struct native_dictionary){0};
}

/* The slot that holds `text`, or the free one where it belongs. */
static uint32_t *find_slot(const struct native_dictionary *dictionary, struct slice text)
{
    size_t mask = dictionary->slots_len - 1;
    for (size_t at = hash(text) & mask;; at = (at + 1) & mask) {
        uint32_t key = dictionary->slots[at];
        if (key == 0 || slice_equal(dictionary->texts[key - 1], text))
            return &dictionary->slots[at];
    }
}

static void grow(struct native_dictionary *dictionary)
{
    CLEANUP(mem_freep) uint32_t *old = dictionary->slots;
    size_t old_len = dictionary->slots_len;
    dictionary->slots_len *= 2;
    dictionary->slots = xcalloc(dictionary->slots_len, sizeof *dictionary->slots);
    dictionary->texts =
        xrealloc(dictionary->texts, dictionary->slots_len * sizeof *dictionary->texts);
    for (size_t i = 0; i < old_len; i++)
        if (old[i] != 0)
            *find_slot(dictionary, dictionary->texts[old[i] - 1]) = old[i];
}

static uint32_t key_of(struct native_dictionary *dictionary, struct slice text)
{
    uint32_t *slot = find_slot(dictionary, text);
    if (*slot != 0)
        return *slot - 1;
    append_key(dictionary, text);
    *slot = (uint32_t)dictionary->keys_len;
    uint32_t key = *slot - 1;
    if (dictionary->keys_len * 2 > dictionary->slots_len)
        grow(dictionary);
    return key;
}

void native_dictionary_add(struct native_dictionary *dictionary, struct slice text)
{
    /* Rows are sorted: mostly it is the text of the row before. */
    bool same = dictionary->indexes_len > 0 && dictionary->texts[dictionary->last].data &&
                slice_equal(dictionary->texts[dictionary->last], text);
    if (!same)
        dictionary->last = key_of(dictionary, text);
    dictionary->indexes[dictionary->indexes_len++] = dictionary->last;
}

void native_dictionary_add_null(struct native_dictionary *dictionary)
{
    dictionary->last = 0;
    dictionary->indexes[dictionary->indexes_len++] = 0;
}

static void write_indexes(const struct native_dictionary *dictionary, unsigned bytes,
                          struct buf *out)
{
    size_t size = dictionary->indexes_len * bytes;
    unsigned char *to = (unsigned char *)buf_reserve(out, size);
    if (!to)
        return;
    for (size_t i = 0; i < dictionary->indexes_len; i++)
        for (unsigned byte = 0; byte < bytes; byte++)
            *to++ = (unsigned char)(dictionary->indexes[i] >> (8 * byte));
    out->size += size;
}

void native_dictionary_write(const struct native_dictionary *dictionary, struct buf *out)
{
    if (dictionary->indexes_len == 0)
        return;
    unsigned width = dictionary->keys_len <= 0x100 ? 0 : dictionary->keys_len <= 0x10000 ? 1 : 2;
    native_append_le(out, FLAGS | width, 8);
    native_append_le(out, dictionary->keys_len, 8);
    buf_append_slice(out, buf_slice(&dictionary->keys));
    native_append_le(out, dictionary->indexes_len, 8);
    write_indexes(dictionary, 1u << width, out);
    out->overflow |= dictionary->keys.overflow;
}
