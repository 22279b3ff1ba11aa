/* SipHash-2-4 with 128 bits of output, after J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast
 * short-input PRF" (INDOCRYPT 2012), and the 128-bit variant that its authors published with it.
 *
 * Whoever does not know the key cannot choose inputs that meet. libcrypto has the same function
 * behind an interface that costs several times what the hashing of a short text does.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef DEDUP_SIPHASH_H
#define DEDUP_SIPHASH_H
#include "base/slice.h"
#include <stdint.h>

enum { SIPHASH_KEY_SIZE = 16 };

struct siphash {
    uint64_t v[4];
    uint64_t tail;   /* bytes not hashed yet, the first in the lowest place */
    size_t tail_len; /* 0 to 7 */
    size_t size;     /* bytes taken */
};

struct siphash_out {
    uint64_t low, high; /* the first and the last 8 bytes of the output, little-endian */
};

void siphash_init(struct siphash *hash, const uint8_t key[SIPHASH_KEY_SIZE]);
void siphash_add(struct siphash *hash, struct slice bytes);
void siphash_add_u32(struct siphash *hash, uint32_t value); /* as 4 bytes, little-endian */
struct siphash_out siphash_end(struct siphash *hash);

#endif
