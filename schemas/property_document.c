/* The document of a property schema, before it is compiled. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/property_document.h"
#include "schemas/keys.h"
#include "schemas/property_schema.h"
#include "schemas/scan.h"

bool property_document_check(struct slice document, struct err *reterr)
{
    CLEANUP(arena_done) struct arena arena;
    arena_init(&arena, 8 * (size_t)PROPERTY_SCHEMA_SIZE_MAX + (1 << 20));
    struct keys keys;
    keys_init(&keys, &arena);
    struct scan scan;
    scan_init(&scan, document, &keys, &arena);
    struct scan_value value;
    bool ok = scan_read(&scan, &value);
    if (ok && !scan_at_end(&scan))
        scan_flaw(&scan, ERR_JSON_MALFORMED, "Something follows the schema.");
    if (ok && scan.err.code == ERR_NONE)
        return true;
    return err_set_at(reterr, ERR_SCHEMA_INVALID, scan.err.pointer, "%s", scan.err.text);
}
