/* References within a property schema: where they lead, and that following them ends.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_PROPERTY_REFS_H
#define SCHEMAS_PROPERTY_REFS_H
#include "base/err.h"
#include "schemas/property_node.h"

/* The value of the document that `ref` means: "#", "#/a/json/pointer" or "#anchor", also behind the
 * $id of the document. `pointer` says where the reference is. */
bool property_refs_find(const struct property_schema *schema, struct slice ref, const char *pointer,
                        struct slice *ret_target, struct err *reterr) MUST_CHECK;

/* The node that was made of this value of the document, or NULL. */
struct property_node *property_refs_node(const struct property_schema *schema, struct slice target);

/* Refuses schemas that apply themselves to the same value again without end, or through more than
 * PROPERTY_SCHEMA_CHAIN_MAX others. With it the stack that a check needs is limited: that many
 * calls for each level of the properties. */
bool property_refs_measure(struct property_schema *schema, struct err *reterr) MUST_CHECK;

#endif
