/* Offsets that were acknowledged. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/acked.h"

#include "base/mem.h"
#include <stdlib.h>

void acked_init(struct acked *acked, uint32_t partitions)
{
    *acked = (struct acked){.len = partitions};
    acked->partitions = xcalloc(partitions, sizeof(*acked->partitions));
    for (uint32_t i = 0; i < partitions; i++)
        acked->partitions[i] = (struct acked_partition){.highest = -1, .previous = -1};
}

void acked_done(struct acked *acked)
{
    free(acked->partitions);
    *acked = (struct acked){0};
}

uint64_t acked_note(struct acked *acked, int32_t partition, int64_t offset)
{
    if (partition < 0 || (uint32_t)partition >= acked->len)
        return 0;
    struct acked_partition *at = &acked->partitions[partition];
    /* A batch that the broker had already, and no longer knows where, is acknowledged without an
     * offset: librdkafka counts its records on from a negative number, perhaps past zero. */
    at->nameless = offset < 0 || (at->nameless && offset == at->previous + 1);
    at->previous = offset;
    if (at->nameless)
        return 0;
    uint64_t lost = offset <= at->highest ? (uint64_t)(at->highest - offset) + 1 : 0;
    at->highest = offset;
    return lost;
}
