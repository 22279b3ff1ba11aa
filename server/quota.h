/* What an organization may send to this process: events and bytes in a second, each with a burst.
 *
 * A request is asked about twice: on its headers, when it is cheap to refuse, and when its events
 * are counted, before any of them is produced. It is taken whole or refused whole.
 *
 * Threads: any. Time is passed in, nanoseconds of the monotonic clock.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_QUOTA_H
#define SERVER_QUOTA_H
#include "base/err.h"
#include "catalog/catalog.h"
#include "server/rate.h"

/* The limits that hold for one organization: its own, or the settings'. */
struct quota {
    struct rate_limit events;
    struct rate_limit bytes; /* of bodies, inflated */
};

/* What it has used of them. Zeroed: nothing. */
struct quota_usage {
    struct rate events;
    struct rate bytes;
};

/* `own` of the catalog, where it leaves something to the defaults. */
struct quota quota_of(const struct catalog_limits *own, const struct catalog_limits *defaults);

/* Asks for one event and so many bytes, taking nothing; `bytes` 0: not known yet.
 * Errors: RATE_LIMITED (*ret_retry_s: when there is enough again, as whole seconds),
 * LARGER_THAN_BURST (this request can never be taken). */
bool quota_ask(const struct quota *quota, const struct quota_usage *usage, uint64_t bytes,
               int64_t now_ns, int *ret_retry_s, struct err *reterr) MUST_CHECK;

/* Takes both or neither. The same errors. */
bool quota_take(const struct quota *quota, struct quota_usage *usage, uint64_t events,
                uint64_t bytes, int64_t now_ns, int *ret_retry_s, struct err *reterr) MUST_CHECK;

/* What the headers X-RateLimit-… say: of the two limits the one of which less is left. */
struct quota_view {
    const char *unit; /* "events" or "bytes" */
    uint64_t limit;   /* what can come at once */
    uint64_t remaining;
    int64_t reset_s; /* until all of it is there again, rounded up */
};

/* False when there is no limit. */
bool quota_look(const struct quota *quota, const struct quota_usage *usage, int64_t now_ns,
                struct quota_view *ret_view);

#endif
