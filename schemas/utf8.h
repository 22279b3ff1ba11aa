/* UTF-8, one code point at a time, as strictly as RFC 3629: no overlong forms, no surrogates,
 * nothing above U+10FFFF.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_UTF8_H
#define SCHEMAS_UTF8_H
#include <stddef.h>
#include <stdint.h>

enum { UTF8_REPLACEMENT = 0xFFFD }; /* stands for what cannot be shown */

/* Reads the code point at `data`, of which `size` > 0 bytes may be read. Returns its bytes, 1 to 4,
 * or 0 when there is no valid code point. */
size_t utf8_decode(const char *data, size_t size, uint32_t *ret_point);

/* Writes a code point that is not a surrogate and returns its bytes. */
size_t utf8_encode(uint32_t point, char ret_bytes[4]);

#endif
