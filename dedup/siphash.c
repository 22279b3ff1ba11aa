/* SipHash-2-4-128, a word of 8 bytes at a time.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "dedup/siphash.h"
#include <endian.h>

enum {
    WORD_SIZE = 8,
    ROUNDS_PER_WORD = 2,
    ROUNDS_AT_END = 4,
};

static inline uint64_t turn(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static inline void rounds(uint64_t v[4], int count)
{
    for (int i = 0; i < count; i++) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = turn(v[1], 13) ^ v[0];
        v[3] = turn(v[3], 16) ^ v[2];
        v[0] = turn(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = turn(v[1], 17) ^ v[2];
        v[3] = turn(v[3], 21) ^ v[0];
        v[2] = turn(v[2], 32);
    }
}

static inline void take_word(struct siphash *hash, uint64_t word)
{
    hash->v[3] ^= word;
    rounds(hash->v, ROUNDS_PER_WORD);
    hash->v[0] ^= word;
}

static inline uint64_t load(const void *bytes, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, bytes, size);
    return le64toh(word);
}

void siphash_init(struct siphash *hash, const uint8_t key[SIPHASH_KEY_SIZE])
{
    uint64_t low = load(key, WORD_SIZE), high = load(key + WORD_SIZE, WORD_SIZE);
    *hash = (struct siphash){
        /* "somepseudorandomlygeneratedbytes"; 0xee is for 128 bits of output */
        .v = {low ^ 0x736f6d6570736575u, high ^ 0x646f72616e646f6du ^ 0xee,
              low ^ 0x6c7967656e657261u, high ^ 0x7465646279746573u},
    };
}

/* Takes `size` bytes (1 to 8) that stand in `word`, whose other bytes are 0. */
static inline void add_word(struct siphash *hash, uint64_t word, size_t size)
{
    size_t held = hash->tail_len;
    hash->tail |= word << (8 * held);
    hash->tail_len = held + size;
    if (hash->tail_len < WORD_SIZE)
        return;
    take_word(hash, hash->tail);
    hash->tail_len -= WORD_SIZE;
    hash->tail = held ? word >> (8 * (WORD_SIZE - held)) : 0;
}

void siphash_add(struct siphash *hash, struct slice bytes)
{
    hash->size += bytes.size;
    while (bytes.size >= WORD_SIZE) {
        add_word(hash, load(bytes.data, WORD_SIZE), WORD_SIZE);
        bytes = (struct slice){bytes.data + WORD_SIZE, bytes.size - WORD_SIZE};
    }
    if (bytes.size > 0)
        add_word(hash, load(bytes.data, bytes.size), bytes.size);
}

void siphash_add_u32(struct siphash *hash, uint32_t value)
{
    hash->size += sizeof value;
    add_word(hash, value, sizeof value);
}

struct siphash_out siphash_end(struct siphash *hash)
{
    uint64_t *v = hash->v;
    take_word(hash, hash->tail | (uint64_t)hash->size << 56);
    v[2] ^= 0xee;
    rounds(v, ROUNDS_AT_END);
    struct siphash_out out = {.low = v[0] ^ v[1] ^ v[2] ^ v[3]};
    v[1] ^= 0xdd;
    rounds(v, ROUNDS_AT_END);
    out.high = v[0] ^ v[1] ^ v[2] ^ v[3];
    return out;
}
