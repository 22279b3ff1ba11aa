/* UUIDs as text (RFC 9562).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CATALOG_UUID_H
#define CATALOG_UUID_H
#include "base/slice.h"
#include <stdbool.h>

enum { UUID_TEXT_SIZE = 37 }; /* with its NUL */

/* A random one (version 4), in lower case. */
void uuid_new(char ret_text[UUID_TEXT_SIZE]);

/* Reads 8-4-4-4-12 hex digits of either case; writes them in lower case. */
bool uuid_parse(struct slice text, char ret_text[UUID_TEXT_SIZE]);

#endif
