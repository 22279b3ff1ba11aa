/* The columns of organization_list. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/org_columns.h"
#include "catalog/organization.h"

const struct output_column org_columns[] = {
    [ORGANIZATION_ID] = {"id", "ID", OUTPUT_TEXT},
    [ORGANIZATION_NAME] = {"name", "NAME", OUTPUT_TEXT},
    [ORGANIZATION_KEYS] = {"active_keys", "ACTIVE KEYS", OUTPUT_NUMBER},
    [ORGANIZATION_UNKNOWN_CODES] = {"unknown_codes", "UNKNOWN CODES", OUTPUT_TEXT},
    [ORGANIZATION_EVENTS_PER_SECOND] = {"events_per_second", "EVENTS/S", OUTPUT_NUMBER},
    [ORGANIZATION_BYTES_PER_SECOND] = {"bytes_per_second", "BYTES/S", OUTPUT_NUMBER},
    [ORGANIZATION_BURST_MS] = {"burst_ms", "BURST MS", OUTPUT_NUMBER},
    [ORGANIZATION_CREATED_AT] = {"created_at", "CREATED", OUTPUT_TEXT},
};
const size_t org_columns_len = ARRAY_LEN(org_columns);
