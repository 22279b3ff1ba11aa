/* One top-level property of an event, found in the bytes of its properties.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_PROPERTY_H
#define SCHEMAS_PROPERTY_H
#include "base/err.h"
#include "base/slice.h"
#include "schemas/scan.h"

enum property_step {
    PROPERTY_FOUND,
    PROPERTY_ABSENT,
    PROPERTY_BROKEN, /* see scan->err: memory at its cap, or not an object */
};

/* Looks for the member `name` of the object that `scan` was set to, which stands there alone. Names
 * are compared without their escapes; members behind the one that is found are not read. */
enum property_step property_find(struct scan *scan, struct slice name,
                                 struct scan_value *ret_value) MUST_CHECK;

/* The JSON Pointer to it in properties at `where`, as in "/properties" and "/properties/a~1b"; a
 * name that is too long is cut. */
void property_pointer(const char *where, struct slice name, char ret_pointer[ERR_POINTER_SIZE]);

#endif
