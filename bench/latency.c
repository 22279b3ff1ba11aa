/* A histogram of durations: see latency.h. Below LATENCY_STEPS each microsecond has its bucket;
 * above, each power of two is divided into LATENCY_STEPS equal ones.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "bench/latency.h"
#include <string.h>

enum { STEP_BITS = 6 };
_Static_assert(1 << STEP_BITS == LATENCY_STEPS, "STEP_BITS is the logarithm of LATENCY_STEPS");

void latency_init(struct latency *latency)
{
    memset(latency, 0, sizeof *latency);
}

static unsigned bucket_of(uint64_t us)
{
    if (us < LATENCY_STEPS)
        return (unsigned)us;
    unsigned shift = 63 - (unsigned)__builtin_clzll(us) - STEP_BITS;
    unsigned bucket = (shift + 1) * LATENCY_STEPS + (unsigned)((us >> shift) - LATENCY_STEPS);
    unsigned last = LATENCY_POWERS * LATENCY_STEPS - 1;
    return bucket < last ? bucket : last;
}

/* The largest duration that falls into the bucket. */
static int64_t bucket_end(unsigned bucket)
{
    if (bucket < LATENCY_STEPS)
        return bucket;
    unsigned shift = bucket / LATENCY_STEPS - 1;
    uint64_t step = bucket % LATENCY_STEPS + LATENCY_STEPS;
    return (int64_t)(((step + 1) << shift) - 1);
}

void latency_add(struct latency *latency, int64_t us)
{
    if (us < 0)
        us = 0;
    latency->counts[bucket_of((uint64_t)us)]++;
    latency->total++;
    if (us > latency->max_us)
        latency->max_us = us;
}

int64_t latency_quantile(const struct latency *latency, double share)
{
    if (latency->total == 0)
        return 0;
    uint64_t wanted = (uint64_t)(share * (double)latency->total);
    if (wanted >= latency->total)
        return latency->max_us;
    uint64_t seen = 0;
    for (unsigned i = 0; i < LATENCY_POWERS * LATENCY_STEPS; i++) {
        seen += latency->counts[i];
        if (seen > wanted) {
            int64_t end = bucket_end(i);
            return end < latency->max_us ? end : latency->max_us;
        }
    }
    return latency->max_us;
}
