/* References within a property schema: resources with URIs, where references lead, and that
 * following them ends.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_PROPERTY_REFS_H
#define SCHEMAS_PROPERTY_REFS_H
#include "base/err.h"
#include "schemas/property_node.h"

enum { PROPERTY_URI_MAX = 1024 }; /* bytes of a URI, resolved */

/* The resource of the schema `value` within `outer` (NULL: it is the document): a new one if it has
 * an $id, or else `outer`. NULL with SCHEMA_INVALID (no URI without a fragment, or one that another
 * schema has) or SCHEMA_UNSUPPORTED (too long); `pointer` leads to the schema. */
const struct property_resource *property_refs_enter(struct property_schema *schema,
                                                    const struct property_resource *outer,
                                                    struct slice value, const char *pointer,
                                                    struct err *reterr) MUST_CHECK;

/* Where the reference of `node` leads: a value of the document, and the resource that it is in.
 * The reference is a URI of a resource, resolved where it stands, with "#", "#/a/json/pointer" or
 * "#anchor" behind it. `pointer` leads to the reference. */
bool property_refs_find(const struct property_schema *schema, const struct property_node *node,
                        const char *pointer, struct slice *ret_target,
                        const struct property_resource **ret_resource,
                        struct err *reterr) MUST_CHECK;

/* The node that was made of this value of the document, or NULL. */
struct property_node *property_refs_node(const struct property_schema *schema, struct slice target);

/* Refuses schemas that apply themselves to the same value again without end, or through more than
 * PROPERTY_SCHEMA_CHAIN_MAX others. With it the stack that a check needs is limited: that many
 * calls for each level of the properties. */
bool property_refs_measure(struct property_schema *schema, struct err *reterr) MUST_CHECK;

#endif
