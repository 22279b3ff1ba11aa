/* Acknowledged offsets, and a log that gives one out twice. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/acked.h"
#include "tests/unit/check.h"

TEST(acked, finds_nothing_lost_in_offsets_that_rise_with_gaps)
{
    struct acked acked;
    acked_init(&acked, 2);
    CHECK(acked_note(&acked, 0, 0) == 0);
    CHECK(acked_note(&acked, 0, 1) == 0);
    CHECK(acked_note(&acked, 0, 700) == 0); /* others produce too */
    CHECK(acked_note(&acked, 1, 5) == 0);   /* another partition counts for itself */
    CHECK(acked_note(&acked, 0, 701) == 0);
    acked_done(&acked);
}

TEST(acked, counts_what_an_offset_given_out_again_shows_to_be_lost)
{
    struct acked acked;
    acked_init(&acked, 1);
    CHECK(acked_note(&acked, 0, 100) == 0);
    CHECK(acked_note(&acked, 0, 100) == 1);
    CHECK(acked_note(&acked, 0, 40) == 61);
    CHECK(acked_note(&acked, 0, 41) == 0); /* told once */
    acked_done(&acked);
}

TEST(acked, ignores_a_batch_that_was_acknowledged_without_an_offset)
{
    struct acked acked;
    acked_init(&acked, 1);
    CHECK(acked_note(&acked, 0, 50000) == 0);
    for (int64_t offset = -1001; offset < 9000; offset++)
        CHECK(acked_note(&acked, 0, offset) == 0);
    CHECK(acked_note(&acked, 0, 50001) == 0);
    CHECK(acked_note(&acked, 0, 50001) == 1);
    acked_done(&acked);
}

TEST(acked, ignores_partitions_that_are_not_there)
{
    struct acked acked;
    acked_init(&acked, 1);
    CHECK(acked_note(&acked, -1, 1) == 0 && acked_note(&acked, 1, 1) == 0);
    acked_done(&acked);
}
