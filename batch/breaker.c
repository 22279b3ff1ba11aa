/* The breaker's rule. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/breaker.h"
#include <inttypes.h>

bool breaker_holds(const struct breaker_limits *limits, const struct breaker_counts *counts,
                   struct err *reterr)
{
    if (limits->share >= 100 || counts->dead < limits->count ||
        counts->dead * 100 <= counts->records * limits->share)
        return true;
    return err_set(reterr, ERR_DEAD_LETTERS,
                   "%" PRId64 " of %" PRId64 " records of the last %" PRId64
                   " s would be dead letters, more than %" PRId64 " %%",
                   counts->dead, counts->records, limits->window_ms / 1000, limits->share);
}
