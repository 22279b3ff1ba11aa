/* Property schemas: JSON Schema 2020-12 for the properties of an event.
 *
 *     struct property_schema *schema = property_schema_compile(document, &options, &err);
 *     if (!property_schema_check(schema, properties, &arena, &err)) …
 *     property_schema_free(schema);
 *
 * A keyword that is not supported is refused when the schema is compiled, never ignored. Numbers
 * are compared as exact decimals. Checking makes no tree of the properties, and its work has a cap.
 * What is supported, and what differs from the standard, is in docs/PROPERTY_SCHEMAS.md.
 *
 * Threads: a compiled schema does not change; any number of threads may check with it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_PROPERTY_SCHEMA_H
#define SCHEMAS_PROPERTY_SCHEMA_H
#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include <stdbool.h>

enum {
    PROPERTY_SCHEMA_SIZE_MAX = 64 * 1024, /* bytes of a document */
    PROPERTY_SCHEMA_NODES_MAX = 4096,     /* schemas within it */
    PROPERTY_SCHEMA_CHAIN_MAX = 32,       /* schemas applied one through another to one value */
    PROPERTY_SCHEMA_PATTERNS_MAX = 64,    /* regular expressions within it */
    PROPERTY_SCHEMA_WORK_MAX = 16 << 20,  /* of one check: bytes stepped over, schemas times 16 */
};

struct property_schema;

struct property_schema_options {
    bool assert_formats; /* "format" is checked: date-time, uuid; another one is refused */
};

/* Copies what it needs of `document`. NULL with SCHEMA_INVALID (it is no schema) or
 * SCHEMA_UNSUPPORTED (it is one, but more than is supported here); the pointer leads to the place
 * in the document. `options` NULL: all off. */
struct property_schema *property_schema_compile(struct slice document,
                                                const struct property_schema_options *options,
                                                struct err *reterr) MUST_CHECK;

void property_schema_free(struct property_schema *schema);

/* Checks `properties`, JSON that schemas/scan.h took without a flaw. False with PROPERTY_SCHEMA:
 * the pointer leads to the place in the properties, and the text begins with the keyword and a
 * colon. Texts with escapes are copied to the arena. */
bool property_schema_check(const struct property_schema *schema, struct slice properties,
                           struct arena *arena, struct err *reterr) MUST_CHECK;

#endif
