/* What an organization may send to this process. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/quota.h"

#define SECOND_NS INT64_C(1000000000)

static int64_t limit_of(int64_t own, int64_t fallback)
{
    return own == CATALOG_LIMIT_DEFAULT ? fallback : own;
}

struct quota quota_of(const struct catalog_limits *own, const struct catalog_limits *defaults)
{
    const int64_t burst_ms = limit_of(own->burst_ms, defaults->burst_ms);
    return (struct quota){
        .events = {(uint64_t)limit_of(own->events_per_second, defaults->events_per_second),
                   burst_ms},
        .bytes = {(uint64_t)limit_of(own->bytes_per_second, defaults->bytes_per_second), burst_ms},
    };
}

static int64_t seconds_up(int64_t ns)
{
    return (ns + SECOND_NS - 1) / SECOND_NS;
}

static bool refuse_later(const struct rate_limit *limit, const char *unit, int64_t wait_ns,
                         int *ret_retry_s, struct err *reterr)
{
    int64_t wait_s = seconds_up(wait_ns);
    *ret_retry_s = wait_s > 1 ? (int)wait_s : 1;
    return err_set(reterr, ERR_RATE_LIMITED,
                   "the organization may send %llu %s a second; this request fits in %d s",
                   (unsigned long long)limit->per_second, unit, *ret_retry_s);
}

static bool refuse_for_ever(const struct rate_limit *limit, const char *unit, uint64_t n,
                            struct err *reterr)
{
    return err_set(reterr, ERR_LARGER_THAN_BURST,
                   "the request has %llu %s, the organization may send %llu at once",
                   (unsigned long long)n, unit, (unsigned long long)rate_capacity(limit));
}

static bool pass(enum rate_verdict verdict, const struct rate_limit *limit, const char *unit,
                 uint64_t n, int64_t wait_ns, int *ret_retry_s, struct err *reterr)
{
    if (verdict == RATE_NEVER)
        return refuse_for_ever(limit, unit, n, reterr);
    if (verdict == RATE_LATER)
        return refuse_later(limit, unit, wait_ns, ret_retry_s, reterr);
    return true;
}

bool quota_ask(const struct quota *quota, const struct quota_usage *usage, uint64_t bytes,
               int64_t now_ns, int *ret_retry_s, struct err *reterr)
{
    int64_t wait_ns = 0;
    enum rate_verdict verdict = rate_ask(&usage->events, &quota->events, 1, now_ns, &wait_ns);
    if (!pass(verdict, &quota->events, "events", 1, wait_ns, ret_retry_s, reterr))
        return false;
    verdict = rate_ask(&usage->bytes, &quota->bytes, bytes > 0 ? bytes : 1, now_ns, &wait_ns);
    return pass(verdict, &quota->bytes, "bytes", bytes, wait_ns, ret_retry_s, reterr);
}

bool quota_take(const struct quota *quota, struct quota_usage *usage, uint64_t events,
                uint64_t bytes, int64_t now_ns, int *ret_retry_s, struct err *reterr)
{
    int64_t wait_ns = 0;
    enum rate_verdict verdict = rate_take(&usage->events, &quota->events, events, now_ns, &wait_ns);
    if (!pass(verdict, &quota->events, "events", events, wait_ns, ret_retry_s, reterr))
        return false;
    verdict = rate_take(&usage->bytes, &quota->bytes, bytes, now_ns, &wait_ns);
    if (pass(verdict, &quota->bytes, "bytes", bytes, wait_ns, ret_retry_s, reterr))
        return true;
    rate_give_back(&usage->events, &quota->events, events);
    return false;
}

static struct quota_view view_of(const char *unit, const struct rate *rate,
                                 const struct rate_limit *limit, int64_t now_ns)
{
    return (struct quota_view){
        .unit = unit,
        .limit = rate_capacity(limit),
        .remaining = rate_remaining(rate, limit, now_ns),
        .reset_s = seconds_up(rate_full_in_ns(rate, now_ns)),
    };
}

/* Both have the same burst, so the one that is full later is the one of which less is left. */
bool quota_look(const struct quota *quota, const struct quota_usage *usage, int64_t now_ns,
                struct quota_view *ret_view)
{
    const bool events = quota->events.per_second > 0, bytes = quota->bytes.per_second > 0;
    if (!events && !bytes)
        return false;
    if (events && (!bytes || rate_full_in_ns(&usage->events, now_ns) >=
                                 rate_full_in_ns(&usage->bytes, now_ns)))
        *ret_view = view_of("events", &usage->events, &quota->events, now_ns);
    else
        *ret_view = view_of("bytes", &usage->bytes, &quota->bytes, now_ns);
    return true;
}
