/* Counters, gauges and histograms from their table.
 *
 * Threads: any; relaxed atomics, because each number stands for itself.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/metrics.h"
#include "base/assert.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>

enum kind { KIND_counter, KIND_gauge, KIND_gauge_ms, KIND_labelled, KIND_labelled_counter };

static const struct metric_row {
    enum kind kind;
    const char *family, *labels, *help;
} rows[METRIC_COUNT] = {
#define METRIC(name, kind, family, labels, help)                                                   \
    [METRIC_##name] = {KIND_##kind, family, labels, help},
#include "base/metrics.def"
};

static const struct histogram_row {
    const char *family, *help;
} histogram_rows[HISTOGRAM_COUNT] = {
#define HISTOGRAM(name, family, help) [HISTOGRAM_##name] = {family, help},
#include "base/metrics.def"
};

/* Upper bounds. The text is what Prometheus sees. */
static const struct {
    int64_t us;
    const char *text;
} bounds[] = {
    {500, "0.0005"}, {1000, "0.001"},  {2000, "0.002"},  {5000, "0.005"},
    {10000, "0.01"}, {20000, "0.02"},  {50000, "0.05"},  {100000, "0.1"},
    {200000, "0.2"}, {500000, "0.5"},  {1000000, "1"},   {2000000, "2"},
    {5000000, "5"},  {10000000, "10"}, {30000000, "30"}, {60000000, "60"},
};

static _Atomic int64_t values[METRIC_COUNT];
static struct {
    _Atomic uint64_t buckets[ARRAY_LEN(bounds) + 1]; /* the last one is above all bounds */
    _Atomic uint64_t sum_us;
} histograms[HISTOGRAM_COUNT];

void metrics_add(enum metric metric, uint64_t n)
{
    if (n > 0) /* the counters of what is rare stay where they are */
        atomic_fetch_add_explicit(&values[metric], (int64_t)n, memory_order_relaxed);
}

void metrics_set(enum metric metric, int64_t value)
{
    atomic_store_explicit(&values[metric], value, memory_order_relaxed);
}

int64_t metrics_get(enum metric metric)
{
    return atomic_load_explicit(&values[metric], memory_order_relaxed);
}

void metrics_observe_us(enum histogram histogram, int64_t us)
{
    size_t bucket = 0;
    while (bucket < ARRAY_LEN(bounds) && us > bounds[bucket].us)
        bucket++;
    atomic_fetch_add_explicit(&histograms[histogram].buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&histograms[histogram].sum_us, us > 0 ? (uint64_t)us : 0,
                              memory_order_relaxed);
}

/* "bxb_server_…" belongs to bxb-server, "bxb_writer_…" to bxb-writer. */
static bool belongs(const char *family, const char *program)
{
    const char *role = program + strlen("bxb-");
    return strncmp(family, "bxb_", 4) == 0 && strncmp(family + 4, role, strlen(role)) == 0 &&
           family[4 + strlen(role)] == '_';
}

static const char *type_of(const struct metric_row *row)
{
    return row->kind == KIND_counter || row->kind == KIND_labelled_counter ? "counter" : "gauge";
}

/* Whether somebody else prints the lines. */
static bool is_labelled(const struct metric_row *row)
{
    return row->kind == KIND_labelled || row->kind == KIND_labelled_counter;
}

void metrics_print_family(struct buf *out, enum metric metric)
{
    const struct metric_row *row = &rows[metric];
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->family, row->help, row->family,
               type_of(row));
}

void metrics_print_labelled(struct buf *out, enum metric metric, const char *labels, int64_t value)
{
    buf_append_str(out, rows[metric].family);
    if (labels[0] != '\0')
        buf_printf(out, "{%s}", labels);
    if (rows[metric].kind == KIND_gauge_ms)
        buf_printf(out, " %" PRId64 ".%03" PRId64 "\n", value / 1000, value % 1000);
    else
        buf_printf(out, " %" PRId64 "\n", value);
}

static void print_histogram(struct buf *out, enum histogram histogram)
{
    const struct histogram_row *row = &histogram_rows[histogram];
    buf_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", row->family, row->help, row->family);
    uint64_t count = 0;
    for (size_t i = 0; i <= ARRAY_LEN(bounds); i++) {
        count += atomic_load_explicit(&histograms[histogram].buckets[i], memory_order_relaxed);
        buf_printf(out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", row->family,
                   i < ARRAY_LEN(bounds) ? bounds[i].text : "+Inf", count);
    }
    uint64_t sum = atomic_load_explicit(&histograms[histogram].sum_us, memory_order_relaxed);
    buf_printf(out, "%s_sum %" PRIu64 ".%06" PRIu64 "\n%s_count %" PRIu64 "\n", row->family,
               sum / 1000000, sum % 1000000, row->family, count);
}

void metrics_print(struct buf *out, const char *program)
{
    const char *family = "";
    for (int i = 0; i < METRIC_COUNT; i++) {
        if (!belongs(rows[i].family, program) || is_labelled(&rows[i]))
            continue;
        if (strcmp(family, rows[i].family) != 0)
            metrics_print_family(out, i);
        family = rows[i].family;
        metrics_print_labelled(out, i, rows[i].labels, metrics_get(i));
    }
    for (int i = 0; i < HISTOGRAM_COUNT; i++)
        if (belongs(histogram_rows[i].family, program))
            print_histogram(out, i);
}

void metrics_print_docs(FILE *out)
{
    fputs("# Metrics\n\nMade from `base/metrics.def` by `make docs`. `GET /metrics` on the admin "
          "listener of each program.\n\n"
          "| metric | kind | labels | meaning |\n|---|---|---|---|\n",
          out);
    for (int i = 0; i < METRIC_COUNT; i++)
        fprintf(out, "| `%s` | %s | %s%s%s | %s |\n", rows[i].family, type_of(&rows[i]),
                rows[i].labels[0] ? "`" : "", rows[i].labels, rows[i].labels[0] ? "`" : "",
                rows[i].help);
    for (int i = 0; i < HISTOGRAM_COUNT; i++)
        fprintf(out, "| `%s` | histogram | | %s |\n", histogram_rows[i].family,
                histogram_rows[i].help);
}
