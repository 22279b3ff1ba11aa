/* Requests that were refused as a whole. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/refusals.h"
#include "base/metrics.h"
#include <stdatomic.h>
#include <stdio.h>

static atomic_uint_fast64_t counts[ERR_COUNT];

void refusals_count(enum err_code code)
{
    /* What is not meant for callers reaches them as this (handlers/problem.c). */
    if (err_code_status(code) == 0)
        code = ERR_INTERNAL;
    atomic_fetch_add_explicit(&counts[code], 1, memory_order_relaxed);
}

void refusals_print(struct buf *out)
{
    metrics_print_family(out, METRIC_SERVER_REQUESTS_REFUSED);
    for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
        char labels[64];
        if (err_code_status(code) == 0)
            continue;
        snprintf(labels, sizeof(labels), "code=\"%s\"", err_code_name(code));
        metrics_print_labelled(out, METRIC_SERVER_REQUESTS_REFUSED, labels,
                               (int64_t)atomic_load_explicit(&counts[code], memory_order_relaxed));
    }
}
