/* The property schema of a metric: what is stored about it, and the compiled form that snapshots
 * share. A snapshot is made anew with every change of the catalog; a schema is compiled once for
 * each change of its own.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef CATALOG_METRIC_SCHEMA_H
#define CATALOG_METRIC_SCHEMA_H
#include "base/err.h"
#include "base/slice.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What is done with properties that do not fit. */
enum metric_mode {
    METRIC_MODE_OFF, /* they are not checked */
    METRIC_MODE_WARN,
    METRIC_MODE_REJECT,
};

const char *metric_mode_name(enum metric_mode mode); /* "off", "warn", "reject" */

/* Errors: USAGE. */
bool metric_mode_parse(struct slice name, enum metric_mode *ret_mode,
                       struct err *reterr) MUST_CHECK;

/* What is stored about the schema of a metric. */
struct metric_schema_facts {
    struct slice text; /* the document; size 0: none, and the mode is off */
    enum metric_mode mode;
    bool assert_formats;
    int64_t version; /* how often text or assert_formats were changed */
};

struct metric_schema {
    atomic_uint references;
    struct slice text; /* owned */
    bool assert_formats;
    struct property_schema *compiled; /* owned; NULL: it cannot be used, see problem */
    struct err problem;
};

/* Compiles; with one reference. */
struct metric_schema *metric_schema_new(struct slice text, bool assert_formats);

/* One more reference, if it is the compiled form of these facts; else NULL. NULL is fine. */
struct metric_schema *metric_schema_share(struct metric_schema *schema,
                                          const struct metric_schema_facts *facts);

void metric_schema_release(struct metric_schema *schema); /* NULL is fine */

#endif
