/* A hash of a text, eight bytes at a time: for tables of a batch, where many equal texts come.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_TEXT_HASH_H
#define BATCH_TEXT_HASH_H
#include "base/slice.h"
#include <stdint.h>

/* Every bit of both has a say in the low ones of the result, which choose a place in a table. */
static inline uint64_t text_hash_mix(uint64_t hash, uint64_t word)
{
    unsigned __int128 product = (unsigned __int128)(hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t text_hash(struct slice text)
{
    uint64_t hash = text.size, word = 0;
    for (size_t at = 0; at + sizeof word < text.size; at += sizeof word) {
        memcpy(&word, text.data + at, sizeof word);
        hash = text_hash_mix(hash, word);
    }
    /* The last eight, some of which were taken before. */
    if (text.size >= sizeof word)
        memcpy(&word, text.data + text.size - sizeof word, sizeof word);
    for (size_t at = 0; text.size < sizeof word && at < text.size; at++)
        word = word << 8 | (unsigned char)text.data[at];
    return text_hash_mix(hash, word);
}

#endif
