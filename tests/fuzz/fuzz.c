/* What fuzz targets share. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/fuzz/fuzz.h"

const struct event_rules fuzz_rules = {
    .organization_id = {"7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11", 36},
    .received_ms = INT64_C(1795420800000),
    .max_age_ms = INT64_MAX,
    .max_future_ms = INT64_MAX,
    .event_max = 4096,
    .events_max = 100,
};

struct slice fuzz_take(struct slice *rest, const char *mark)
{
    size_t size = strlen(mark);
    const char *found = rest->size ? memmem(rest->data, rest->size, mark, size) : NULL;
    struct slice taken = {rest->data, found ? (size_t)(found - rest->data) : rest->size};
    size_t skip = taken.size + (found ? size : 0);
    *rest = (struct slice){rest->data + skip, rest->size - skip};
    return taken;
}
