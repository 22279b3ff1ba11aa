/* The limits of bxb-server: those that SIGHUP can change, and the budget of bytes in flight.
 *
 * Threads: any; values are relaxed atomics, since a request may see the old or the new one.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_LIMITS_H
#define SERVER_LIMITS_H
#include "base/settings.h"
#include "catalog/catalog.h"
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct limits {
    /* Set by limits_set. */
    atomic_uint_fast64_t request_max;  /* bytes of one body */
    atomic_uint_fast64_t inflated_max; /* bytes of one body that came compressed */
    atomic_uint_fast64_t event_max;    /* bytes of one event */
    atomic_uint_fast64_t events_max;   /* events of one request */
    atomic_int_fast64_t max_age_ms;
    atomic_int_fast64_t max_future_ms;
    atomic_int_fast64_t deadline_ms;
    atomic_int_fast64_t queue_delay_us; /* 0: requests may wait as long as they must */
    atomic_int_fast64_t header_timeout_ms, body_timeout_ms, answer_timeout_ms;
    atomic_uint_fast64_t rate_min;  /* bytes a second of a client */
    atomic_bool id_includes_source; /* of CloudEvents */
    /* Of organizations that have none of their own. */
    atomic_int_fast64_t events_per_second; /* 0: no limit */
    atomic_int_fast64_t bytes_per_second;
    atomic_int_fast64_t burst_ms;
    /* Set once. */
    uint64_t inflight_max;

    /* Bytes taken by limits_take and not given back. Every request writes it: what is only read has
     * lines of the cache to itself. */
    alignas(64) atomic_uint_fast64_t inflight;
};

/* At start, and again after a reload. inflight_max stays what it was at start. */
void limits_set(struct limits *limits, const struct settings *settings);

struct catalog_limits limits_of_organizations(const struct limits *limits);

/* Takes `bytes` of the budget; false when that is more than there is. */
bool limits_take(struct limits *limits, uint64_t bytes);

/* Counts memory that is there already: may go over the budget, and so holds back the next. */
void limits_charge(struct limits *limits, uint64_t bytes);
void limits_give_back(struct limits *limits, uint64_t bytes);

#endif
