/* Which partition a key belongs to. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/partition.h"

#include "base/assert.h"

uint32_t partition_murmur2(struct slice bytes)
{
    const uint32_t m = 0x5bd1e995;
    const uint32_t seed = 0x9747b28c;
    const unsigned char *at = (const unsigned char *)bytes.data;
    size_t left = bytes.size;
    uint32_t h = seed ^ (uint32_t)bytes.size;

    for (; left >= 4; at += 4, left -= 4) {
        uint32_t k =
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = h * m ^ k;
    }
    if (left >= 3)
        h ^= (uint32_t)at[2] << 16;
    if (left >= 2)
        h ^= (uint32_t)at[1] << 8;
    if (left >= 1) {
        h ^= (uint32_t)at[0];
        h *= m;
    }
    h ^= h >> 13;
    h *= m;
    h ^= h >> 15;
    return h;
}

uint32_t partition_of(struct slice key, uint32_t partitions)
{
    ASSERT(partitions > 0);
    /* Java's Utils.toPositive clears the sign bit; it does not negate. */
    return (partition_murmur2(key) & 0x7fffffff) % partitions;
}
