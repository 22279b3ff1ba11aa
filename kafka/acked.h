/* Offsets that were acknowledged, by partition, to notice a log that gives one out twice: then what
 * was acknowledged under it before is gone (the topic was truncated or made anew, or a broker that
 * missed it became leader).
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_ACKED_H
#define KAFKA_ACKED_H
#include <stdbool.h>
#include <stdint.h>

struct acked_partition {
    int64_t highest;  /* acknowledged; -1: none */
    int64_t previous; /* of the report before */
    bool nameless;    /* the batch of that report was acknowledged without an offset */
};

struct acked {
    struct acked_partition *partitions; /* owned */
    uint32_t len;
};

void acked_init(struct acked *acked, uint32_t partitions);
void acked_done(struct acked *acked); /* zeroed is fine */

/* Notes an acknowledged offset, in the order of the reports; one of a partition that is not there
 * is ignored. Returns how many acknowledged offsets are lost as this one shows: 0 normally. */
uint64_t acked_note(struct acked *acked, int32_t partition, int64_t offset);

#endif
