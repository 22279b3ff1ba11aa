/* The horizon: after so long nothing of an earlier owner can still arrive anywhere. Its lease has
 * run out, its last INSERT has timed out, and the server has given up reading it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef WRITER_HORIZON_H
#define WRITER_HORIZON_H
#include "base/settings.h"
#include "clickhouse/client.h"

/* Counted from the end of that owner's lease. */
static inline int64_t horizon_after_lease_ms(const struct settings *settings)
{
    return CH_SERVER_TIMEOUT_S * 1000 + settings->writer_insert_timeout;
}

/* Counted from any moment at which it may have had the lane. */
static inline int64_t horizon_ms(const struct settings *settings)
{
    return settings->writer_lease + horizon_after_lease_ms(settings);
}

#endif
