/* How metrics are shown. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/metric_columns.h"
#include "catalog/metric.h"

const struct output_column metric_columns[] = {
    [METRIC_COLUMN_ORGANIZATION_ID] = {"organization_id", NULL, OUTPUT_TEXT},
    [METRIC_COLUMN_ORGANIZATION] = {"organization", "ORGANIZATION", OUTPUT_TEXT},
    [METRIC_COLUMN_CODE] = {"code", "CODE", OUTPUT_TEXT},
    [METRIC_COLUMN_FIELD_NAME] = {"field_name", "VALUE FROM", OUTPUT_TEXT},
    [METRIC_COLUMN_TRANSACTIONAL] = {"transactional", "TRANSACTIONAL", OUTPUT_FLAG},
    [METRIC_COLUMN_SCHEMA_MODE] = {"schema_mode", "SCHEMA", OUTPUT_TEXT},
    [METRIC_COLUMN_SCHEMA_VERSION] = {"schema_version", "VERSION", OUTPUT_NUMBER},
    [METRIC_COLUMN_SCHEMA_FORMATS] = {"assert_formats", NULL, OUTPUT_FLAG},
    [METRIC_COLUMN_CREATED_AT] = {"created_at", "CREATED", OUTPUT_TEXT},
    [METRIC_COLUMN_UPDATED_AT] = {"updated_at", "UPDATED", OUTPUT_TEXT},
};
const size_t metric_columns_len = ARRAY_LEN(metric_columns);
