/* How metrics are shown.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_METRIC_COLUMNS_H
#define CLI_METRIC_COLUMNS_H
#include "cli/output.h"

/* Those of metric_list. */
extern const struct output_column metric_columns[];
extern const size_t metric_columns_len;

#endif
