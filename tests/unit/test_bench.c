/* What the measuring programs rest on: the histogram of latencies, the sample event, requests, ids.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/unit/check.h"

#include "bench/latency.h"
#include "bench/link.h"
#include "bench/random_id.h"
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

TEST(link, another_caller_changes_nothing_else_of_a_request)
{
    const struct sockaddr_in nowhere = {.sin_family = AF_INET};
    struct link_request request = {.host = SLICE("here"),
                                   .path = SLICE("/v1/events"),
                                   .organization = SLICE("org-a"),
                                   .key = SLICE("key-1"),
                                   .events = 3,
                                   .unix_s = SAMPLE_RECEIVED_S};
    struct link changed, made;
    link_init(&changed, &nowhere, &request);
    link_caller(&changed, SLICE("org-b"), SLICE("key-2"));
    CHECK(strstr(buf_text(&changed.request), "\r\nAuthorization: Bearer key-2\r\n"));
    CHECK(strstr(buf_text(&changed.request), "\r\nX-Organization: org-b\r\n"));
    request.organization = SLICE("org-b");
    request.key = SLICE("key-2");
    link_init(&made, &nowhere, &request);
    CHECK(slice_equal(buf_slice(&changed.request), buf_slice(&made.request)));
    CHECK(changed.body_at == made.body_at);
    link_done(&changed);
    link_done(&made);
}

TEST(random_id, numbers_have_ids_of_their_own_in_all_shards)
{
    enum { IDS = 1 << 14 };
    static uint16_t places[1 << 10];
    uint64_t last = 0;
    for (uint64_t number = 0; number < IDS; number++) {
        struct seen_id id = random_id(number);
        CHECK(id.stored != 0 && id.stored != last);
        CHECK(random_id(number).stored == id.stored && random_id(number).place == id.place);
        places[id.place % ARRAY_LEN(places)]++;
        last = id.stored;
    }
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        CHECK(places[i] > 0 && places[i] < 64);
}
