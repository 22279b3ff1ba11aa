/* A histogram of durations with about 1.6 % of error in constant memory, for any number of
 * measurements from 1 µs to more than an hour.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H
#include <stdint.h>

enum {
    LATENCY_STEPS = 64,  /* buckets of each power of two */
    LATENCY_POWERS = 32, /* up to 2^32 µs */
};

struct latency {
    uint64_t counts[LATENCY_POWERS * LATENCY_STEPS];
    uint64_t total;
    int64_t max_us;
};

void latency_init(struct latency *latency);
void latency_add(struct latency *latency, int64_t us);

/* The duration that `share` (0 to 1) of the measurements do not exceed; 0 without measurements. */
int64_t latency_quantile(const struct latency *latency, double share);

#endif
