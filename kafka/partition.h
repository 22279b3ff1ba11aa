/* Which partition a key belongs to.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_PARTITION_H
#define KAFKA_PARTITION_H
#include "base/slice.h"
#include <stdint.h>

/* murmur2 as Kafka's Java client computes it (org.apache.kafka.common.utils.Utils.murmur2). */
uint32_t partition_murmur2(struct slice bytes);

/* The partition of a key among `partitions` (at least 1), as the Java client's default partitioner
 * chooses it, so that applications of the Java ecosystem are co-partitioned. */
uint32_t partition_of(struct slice key, uint32_t partitions);

#endif
