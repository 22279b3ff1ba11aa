/* What the measuring programs rest on: the histogram of latencies and the sample event.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/unit/check.h"

#include "bench/latency.h"
#include "bench/sample.h"
#include <string.h>

TEST(latency, of_no_measurement_every_quantile_is_zero)
{
    struct latency latency;
    latency_init(&latency);
    CHECK(latency_quantile(&latency, 0.5) == 0);
    CHECK(latency_quantile(&latency, 1) == 0);
}

TEST(latency, small_durations_are_exact)
{
    struct latency latency;
    latency_init(&latency);
    for (int64_t us = 0; us < 64; us++)
        latency_add(&latency, us);
    CHECK(latency_quantile(&latency, 0) == 0);
    CHECK(latency_quantile(&latency, 0.5) == 32);
    CHECK(latency_quantile(&latency, 1) == 63);
}

TEST(latency, quantiles_are_within_two_percent_and_never_too_low)
{
    struct latency latency;
    latency_init(&latency);
    for (int64_t us = 1; us <= 1000000; us++)
        latency_add(&latency, us);
    static const double shares[] = {0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999};
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        double exact = shares[i] * 1000000;
        double got = (double)latency_quantile(&latency, shares[i]);
        CHECK(got >= exact);
        CHECK(got <= exact * 1.02);
    }
    CHECK(latency_quantile(&latency, 1) == 1000000);
}

TEST(latency, a_rare_stall_shows_in_the_maximum_and_not_in_the_median)
{
    struct latency latency;
    latency_init(&latency);
    for (int i = 0; i < 999; i++)
        latency_add(&latency, 50);
    latency_add(&latency, 30000000);
    CHECK(latency_quantile(&latency, 0.5) == 50);
    CHECK(latency_quantile(&latency, 0.99) == 50);
    CHECK(latency_quantile(&latency, 0.9995) >= 29500000);
    CHECK(latency.max_us == 30000000);
}

TEST(latency, durations_out_of_range_are_counted_at_the_ends)
{
    struct latency latency;
    latency_init(&latency);
    latency_add(&latency, -5);
    latency_add(&latency, INT64_MAX);
    CHECK(latency.total == 2);
    CHECK(latency_quantile(&latency, 0) == 0);
    CHECK(latency.max_us == INT64_MAX);
}

TEST(sample, events_differ_only_in_their_transaction_id)
{
    char a[SAMPLE_SIZE], b[SAMPLE_SIZE];
    sample_event(a, 0x12abcdef, 1, SAMPLE_RECEIVED_S);
    sample_event(b, 0x12abcdef, 0xfedcba9876543210, SAMPLE_RECEIVED_S);
    CHECK(memcmp(a + SAMPLE_ID_AT, "12abcdef0000000000000001", SAMPLE_ID_SIZE) == 0);
    CHECK(memcmp(b + SAMPLE_ID_AT, "12abcdeffedcba9876543210", SAMPLE_ID_SIZE) == 0);
    CHECK(a[SAMPLE_ID_AT - 1] == '"' && a[SAMPLE_ID_AT + SAMPLE_ID_SIZE] == '"');
    sample_renumber(b, 0x12abcdef, 1);
    CHECK(memcmp(a, b, SAMPLE_SIZE) == 0);
}
