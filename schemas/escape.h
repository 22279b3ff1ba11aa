/* The characters of a string of JSON, escaped or not.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_ESCAPE_H
#define SCHEMAS_ESCAPE_H
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the escape at raw.data[at], a backslash. Returns its bytes, 0 when there is no such escape.
 * Half a surrogate pair reads as the replacement character, and *ret_lone says so. */
size_t escape_read(struct slice raw, size_t at, uint32_t *ret_point, bool *ret_lone);

/* The next character of a string that was read before; what is not Unicode reads as the replacement
 * character. */
size_t escape_next(struct slice raw, size_t at, uint32_t *ret_point);

#endif
