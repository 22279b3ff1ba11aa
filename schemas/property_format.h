/* The formats of JSON Schema that can be asserted.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_PROPERTY_FORMAT_H
#define SCHEMAS_PROPERTY_FORMAT_H
#include "base/slice.h"
#include <stdbool.h>

/* RFC 3339, section 5.6, and nothing more lenient; a leap second only where one can be. */
bool property_format_date_time(struct slice text);

/* RFC 4122: 36 characters, of either case. */
bool property_format_uuid(struct slice text);

#endif
