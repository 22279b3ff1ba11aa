/* The limits of bxb-server. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/limits.h"

void limits_set(struct limits *limits, const struct settings *settings)
{
    atomic_store(&limits->request_max, settings->server_request_max);
    atomic_store(&limits->inflated_max, settings->server_inflated_max);
    atomic_store(&limits->event_max, settings->server_event_max);
    atomic_store(&limits->events_max, settings->server_events_max);
    atomic_store(&limits->max_age_ms, settings->events_max_age);
    atomic_store(&limits->max_future_ms, settings->events_max_future);
    atomic_store(&limits->deadline_ms, settings->server_deadline);
    atomic_store(&limits->queue_delay_us, settings->server_queue_delay * 1000);
    atomic_store(&limits->header_timeout_ms, settings->server_header_timeout);
    atomic_store(&limits->body_timeout_ms, settings->server_body_timeout);
    atomic_store(&limits->answer_timeout_ms, settings->server_answer_timeout);
    atomic_store(&limits->rate_min, settings->server_rate_min);
    atomic_store(&limits->id_includes_source, settings->cloudevents_id_includes_source);
    atomic_store(&limits->events_per_second, (int64_t)settings->limits_events_per_second);
    atomic_store(&limits->bytes_per_second, (int64_t)settings->limits_bytes_per_second);
    atomic_store(&limits->burst_ms, settings->limits_burst);
    if (limits->inflight_max == 0)
        limits->inflight_max = settings->server_inflight_max;
}

struct catalog_limits limits_of_organizations(const struct limits *limits)
{
    return (struct catalog_limits){
        .events_per_second = atomic_load(&limits->events_per_second),
        .bytes_per_second = atomic_load(&limits->bytes_per_second),
        .burst_ms = atomic_load(&limits->burst_ms),
    };
}

bool limits_take(struct limits *limits, uint64_t bytes)
{
    uint64_t before = atomic_fetch_add(&limits->inflight, bytes);
    if (before + bytes <= limits->inflight_max)
        return true;
    atomic_fetch_sub(&limits->inflight, bytes);
    return false;
}

void limits_charge(struct limits *limits, uint64_t bytes)
{
    atomic_fetch_add(&limits->inflight, bytes);
}

void limits_give_back(struct limits *limits, uint64_t bytes)
{
    atomic_fetch_sub(&limits->inflight, bytes);
}
