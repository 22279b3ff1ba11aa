/* The property schema of a metric, compiled and shared. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/metric_schema.h"
#include "base/assert.h"
#include "base/mem.h"
#include "schemas/property_schema.h"
#include <stdlib.h>

static const char *const names[] = {
    [METRIC_MODE_OFF] = "off",
    [METRIC_MODE_WARN] = "warn",
    [METRIC_MODE_REJECT] = "reject",
};

const char *metric_mode_name(enum metric_mode mode)
{
    ASSERT(mode < ARRAY_LEN(names));
    return names[mode];
}

bool metric_mode_parse(struct slice name, enum metric_mode *ret_mode, struct err *reterr)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!slice_equal(name, slice_from(names[i])))
            continue;
        *ret_mode = (enum metric_mode)i;
        return true;
    }
    return err_set(reterr, ERR_USAGE, "the mode of a schema is off, warn or reject, not '%.*s'",
                   SLICE_ARG(name));
}

struct metric_schema *metric_schema_new(struct slice text, bool assert_formats)
{
    struct metric_schema *schema = xcalloc(1, sizeof(*schema));
    const struct property_schema_options options = {.assert_formats = assert_formats};
    atomic_init(&schema->references, 1);
    schema->text = (struct slice){xstrndup(text.data, text.size), text.size};
    schema->assert_formats = assert_formats;
    schema->compiled = property_schema_compile(text, &options, &schema->problem);
    return schema;
}

struct metric_schema *metric_schema_share(struct metric_schema *schema,
                                          const struct metric_schema_facts *facts)
{
    if (!schema || schema->assert_formats != facts->assert_formats ||
        !slice_equal(schema->text, facts->text))
        return NULL;
    atomic_fetch_add_explicit(&schema->references, 1, memory_order_relaxed);
    return schema;
}

void metric_schema_release(struct metric_schema *schema)
{
    if (!schema || atomic_fetch_sub_explicit(&schema->references, 1, memory_order_acq_rel) != 1)
        return;
    property_schema_free(schema->compiled);
    free((char *)schema->text.data);
    free(schema);
}
