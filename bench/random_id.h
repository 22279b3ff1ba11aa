/* Ids to remember, as random as hashes and cheaper, so that making them weighs little.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_RANDOM_ID_H
#define BENCH_RANDOM_ID_H
#include "dedup/seen_id.h"

/* The id of that number: always the same one, and another for each number. */
static inline struct seen_id random_id(uint64_t number)
{
    uint64_t x = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    uint64_t y = (x ^ x >> 31) * UINT64_C(0xd6e8feb86659fd93);
    return (struct seen_id){.stored = x ? x : 1, .place = (uint16_t)((y ^ y >> 32) >> 7)};
}

#endif
