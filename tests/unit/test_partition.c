/* Which partition a key belongs to. The expected values were printed by Kafka's Java client 4.1
 * (org.apache.kafka.common.utils.Utils). SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/partition.h"
#include "tests/unit/check.h"
#include <stdio.h>

static const struct {
    const char *key;
    int32_t murmur2;
    uint32_t of_12, of_96;
} java[] = {
    {"21", -973932308, 0, 12},
    {"foobar", -790332482, 6, 30},
    {"a-little-bit-long-string", -985981536, 8, 32},
    {"a-little-bit-longer-string", -1486304829, 11, 35},
    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971, 5, 77},
    {"abc", 479470107, 3, 27},
    {"", 275646681, 9, 57},
    {"a", -1563381124, 4, 28},
    {"ab", 316155434, 2, 74},
    {"11111111-2222-3333-4444-555555555555", 1812870115, 7, 67},
    {"f47ac10b-58cc-4372-a567-0e02b2c3d479", 1964707646, 2, 62},
    {"0b5e1c52-8f0a-4d0e-9a55-3f6d4f6b8a11", 1185258454, 10, 22},
    {"é€😀", -232818566, 6, 90},
};

TEST(partition, murmur2_is_that_of_the_java_client)
{
    for (size_t i = 0; i < sizeof(java) / sizeof(java[0]); i++) {
        printf("key '%s'\n", java[i].key);
        CHECK((int32_t)partition_murmur2(slice_from(java[i].key)) == java[i].murmur2);
    }
}

TEST(partition, of_a_key_is_that_of_the_java_client)
{
    for (size_t i = 0; i < sizeof(java) / sizeof(java[0]); i++) {
        printf("key '%s'\n", java[i].key);
        CHECK(partition_of(slice_from(java[i].key), 12) == java[i].of_12);
        CHECK(partition_of(slice_from(java[i].key), 96) == java[i].of_96);
        CHECK(partition_of(slice_from(java[i].key), 1) == 0);
    }
}
