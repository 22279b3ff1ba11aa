/* The document of a property schema, before it is compiled.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_PROPERTY_DOCUMENT_H
#define SCHEMAS_PROPERTY_DOCUMENT_H
#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"
#include <stdbool.h>

/* Whether it is strict JSON that names each member once, valid UTF-8, and at most SCAN_DEPTH_MAX
 * levels deep. False with SCHEMA_INVALID. At most PROPERTY_SCHEMA_SIZE_MAX bytes. */
bool property_document_check(struct slice document, struct err *reterr) MUST_CHECK;

#endif
