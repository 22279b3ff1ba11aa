/* The columns of organization_list, as bxb prints them. SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_ORG_COLUMNS_H
#define CLI_ORG_COLUMNS_H
#include "cli/output.h"

extern const struct output_column org_columns[];
extern const size_t org_columns_len;

#endif
