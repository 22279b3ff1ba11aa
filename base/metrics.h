/* Counters and gauges from one table (base/metrics.def), printed in Prometheus' text format
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 *
 *     metrics_add(METRIC_EVENTS_ACCEPTED, n);
 *
 * Threads: any; updates are relaxed atomics. SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H
#include "base/buf.h"
#include <stdint.h>
#include <stdio.h>

enum metric {
#define METRIC(name, kind, family, labels, help) METRIC_##name,
#include "base/metrics.def"
#undef METRIC
    METRIC_COUNT
};

/* Durations by Prometheus' histogram convention; buckets from 0.5 ms to 60 s. */
enum histogram {
#define HISTOGRAM(name, family, help) HISTOGRAM_##name,
#include "base/metrics.def"
#undef HISTOGRAM
    HISTOGRAM_COUNT
};

void metrics_add(enum metric metric, uint64_t n);
void metrics_set(enum metric metric, int64_t value); /* gauges */
int64_t metrics_get(enum metric metric);
void metrics_observe_us(enum histogram histogram, int64_t us);

/* Only what the program touches is printed: families are marked for bxb-server, bxb-writer or
 * both by the prefix of their name (bxb_server_, bxb_writer_, bxb_). */
void metrics_print(struct buf *out, const char *program);

/* One line of a family whose labels are not known beforehand, as lag per partition:
 * metrics_print_family(out, METRIC_WRITER_LAG) once, then a line each. */
void metrics_print_family(struct buf *out, enum metric metric);
void metrics_print_labelled(struct buf *out, enum metric metric, const char *labels, int64_t value);

/* Writes docs/METRICS.md. */
void metrics_print_docs(FILE *out);

#endif
