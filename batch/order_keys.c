/* Ranks, prefixes, and sorting by digits. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/order_keys.h"
#include "base/mem.h"
#include "batch/text_hash.h"
#include <endian.h>
#include <stdlib.h>

enum {
    KEY_BITS = 64,
    DIGIT_BITS = 8,
    DIGITS = 1 << DIGIT_BITS,
    SLOTS_MIN = 64,
    FEW = 64, /* texts that are ranked in any case */
};

/* Bits that tell `max` + 1 values apart. */
static unsigned bits_for(uint64_t max)
{
    return max == 0 ? 0 : KEY_BITS - (unsigned)__builtin_clzll(max);
}

/* Room for `bits` more, or for fewer of them; returns how many low ones of a value to leave out. */
static unsigned make_room(struct order_keys *keys, unsigned bits)
{
    unsigned left = KEY_BITS - keys->bits, taken = bits < left ? bits : left;
    keys->bits += taken;
    if (taken > 0 && taken < KEY_BITS)
        for (size_t i = 0; i < keys->len; i++)
            keys->keys[i].number <<= taken;
    return bits - taken;
}

bool order_keys_add_numbers(struct order_keys *keys, const uint64_t values[])
{
    uint64_t min = UINT64_MAX, max = 0;
    for (size_t i = 0; i < keys->len; i++) {
        min = values[i] < min ? values[i] : min;
        max = values[i] > max ? values[i] : max;
    }
    unsigned bits = keys->len > 0 ? bits_for(max - min) : 0;
    unsigned dropped = make_room(keys, bits);
    if (dropped < KEY_BITS)
        for (size_t i = 0; i < keys->len; i++)
            keys->keys[i].number |= (values[i] - min) >> dropped;
    return dropped == 0;
}

/* Texts by rank */

struct ranks {
    struct slice *texts; /* distinct; owned array */
    uint32_t *order;     /* of their numbers, while sorting; owned */
    uint32_t *slots;     /* hash table of numbers + 1; owned */
    size_t len, slots_len;
};

static void ranks_done(struct ranks *ranks)
{
    mem_freep(&ranks->texts);
    mem_freep(&ranks->order);
    mem_freep(&ranks->slots);
}

static uint32_t *slot_of(const struct ranks *ranks, struct slice text)
{
    size_t at = text_hash(text) & (ranks->slots_len - 1);
    while (ranks->slots[at] != 0 && !slice_equal(ranks->texts[ranks->slots[at] - 1], text))
        at = (at + 1) & (ranks->slots_len - 1);
    return &ranks->slots[at];
}

static void grow(struct ranks *ranks)
{
    ranks->slots_len = ranks->slots_len ? ranks->slots_len * 2 : SLOTS_MIN;
    mem_freep(&ranks->slots);
    ranks->slots = xcalloc(ranks->slots_len, sizeof *ranks->slots);
    ranks->texts = xrealloc(ranks->texts, ranks->slots_len / 2 * sizeof *ranks->texts);
    for (size_t i = 0; i < ranks->len; i++)
        *slot_of(ranks, ranks->texts[i]) = (uint32_t)(i + 1);
}

static uint32_t number_of(struct ranks *ranks, struct slice text)
{
    if (ranks->len * 2 >= ranks->slots_len)
        grow(ranks);
    uint32_t *slot = slot_of(ranks, text);
    if (*slot == 0) {
        ranks->texts[ranks->len++] = text;
        *slot = (uint32_t)ranks->len;
    }
    return *slot - 1;
}

static int compare_numbers(const void *left, const void *right, void *context)
{
    const struct slice *texts = context;
    struct slice a = texts[*(const uint32_t *)left], b = texts[*(const uint32_t *)right];
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* Turns the slots, which are of no more use, into the rank of each number. */
static const uint32_t *rank(struct ranks *ranks)
{
    ranks->order = xcalloc(ranks->len + 1, sizeof *ranks->order);
    for (size_t i = 0; i < ranks->len; i++)
        ranks->order[i] = (uint32_t)i;
    if (ranks->len > 1)
        qsort_r(ranks->order, ranks->len, sizeof *ranks->order, compare_numbers, ranks->texts);
    for (size_t i = 0; i < ranks->len; i++)
        ranks->slots[ranks->order[i]] = (uint32_t)i;
    return ranks->slots;
}

/* Numbers for all texts; false when about every other one is new. */
static bool number_texts(struct ranks *ranks, const struct slice texts[], size_t len,
                         uint32_t ret_numbers[])
{
    for (size_t i = 0; i < len; i++) {
        bool same = i > 0 && slice_equal(texts[i - 1], texts[i]);
        ret_numbers[i] = same ? ret_numbers[i - 1] : number_of(ranks, texts[i]);
        if (ranks->len > FEW + i / 2)
            return false;
    }
    return true;
}

/* Texts by their first bytes */

static size_t common_prefix(const struct slice texts[], size_t len)
{
    size_t common = texts[0].size;
    for (size_t i = 1; i < len; i++) {
        common = texts[i].size < common ? texts[i].size : common;
        if (common > 0 && memcmp(texts[0].data, texts[i].data, common) == 0)
            continue;
        size_t at = 0;
        while (at < common && texts[0].data[at] == texts[i].data[at])
            at++;
        common = at;
    }
    return common;
}

/* Eight bytes from there on, zeros behind the end: no text that is smaller has a greater number. */
static uint64_t bytes_at(struct slice text, size_t from)
{
    uint64_t word = 0;
    size_t size = text.size - from;
    if (size > 0)
        memcpy(&word, text.data + from, size < sizeof word ? size : sizeof word);
    return be64toh(word);
}

static void add_prefixes(struct order_keys *keys, const struct slice texts[])
{
    size_t from = common_prefix(texts, keys->len);
    unsigned dropped = make_room(keys, KEY_BITS);
    if (dropped < KEY_BITS)
        for (size_t i = 0; i < keys->len; i++)
            keys->keys[i].number |= bytes_at(texts[i], from) >> dropped;
}

bool order_keys_add_texts(struct order_keys *keys, const struct slice texts[])
{
    CLEANUP(ranks_done) struct ranks ranks = {.len = 0};
    CLEANUP(mem_freep) uint32_t *numbers = xmalloc(keys->len * sizeof *numbers);
    if (!number_texts(&ranks, texts, keys->len, numbers)) {
        add_prefixes(keys, texts);
        return false;
    }
    if (ranks.len < 2)
        return true;
    const uint32_t *rank_of = rank(&ranks);
    unsigned dropped = make_room(keys, bits_for(ranks.len - 1));
    for (size_t i = 0; i < keys->len; i++)
        keys->keys[i].number |= (uint64_t)rank_of[numbers[i]] >> dropped;
    return dropped == 0;
}

/* Sorting */

/* By one digit, from `from` to `to`; false, and nothing done, when all have the same. */
static bool sort_by_digit(const struct order_key from[], struct order_key to[], size_t len,
                          unsigned shift)
{
    size_t ends[DIGITS] = {0};
    for (size_t i = 0; i < len; i++)
        ends[from[i].number >> shift & (DIGITS - 1)]++;
    if (ends[from[0].number >> shift & (DIGITS - 1)] == len)
        return false;
    for (size_t digit = 0, end = 0; digit < DIGITS; digit++) {
        size_t count = ends[digit];
        ends[digit] = end;
        end += count;
    }
    for (size_t i = 0; i < len; i++)
        to[ends[from[i].number >> shift & (DIGITS - 1)]++] = from[i];
    return true;
}

void order_keys_sort(struct order_keys *keys)
{
    if (keys->len < 2)
        return;
    CLEANUP(mem_freep) struct order_key *other = xmalloc(keys->len * sizeof *other);
    struct order_key *from = keys->keys, *to = other;
    for (unsigned shift = 0; shift < keys->bits; shift += DIGIT_BITS) {
        if (!sort_by_digit(from, to, keys->len, shift))
            continue;
        struct order_key *sorted = to;
        to = from;
        from = sorted;
    }
    if (from != keys->keys)
        memcpy(keys->keys, from, keys->len * sizeof *from);
}
