/* A compiled property schema, as schemas/property_schema.c makes it and schemas/property_check.c
 * reads it. Everything lies in the arena of the schema; numbers and values point into its copy of
 * the document.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_PROPERTY_NODE_H
#define SCHEMAS_PROPERTY_NODE_H
#include "base/arena.h"
#include "base/slice.h"
#include "schemas/number.h"
#include "schemas/property_schema.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum property_type {
    PROPERTY_OBJECT = 1,
    PROPERTY_ARRAY = 2,
    PROPERTY_STRING = 4,
    PROPERTY_NUMBER = 8,
    PROPERTY_INTEGER = 16,
    PROPERTY_BOOLEAN = 32,
    PROPERTY_NULL = 64,
};

enum property_format {
    PROPERTY_FORMAT_ANY,
    PROPERTY_FORMAT_DATE_TIME,
    PROPERTY_FORMAT_UUID,
};

#define PROPERTY_COUNT_ANY UINT64_MAX /* a count that was not given */

struct property_bound {
    bool given;
    struct slice text; /* as written in the document */
    struct number number;
};

struct property_names {
    struct slice *items; /* unescaped */
    size_t len;
};

struct property_nodes {
    struct property_node **items;
    size_t len;
};

/* A name, and what holds for it: a schema, or names that are required with it. */
struct property_named {
    struct slice name; /* unescaped */
    struct property_node *node;
    struct property_names names;
    struct pattern *pattern; /* the name as a regular expression, in patternProperties */
};

struct property_map {
    struct property_named *items; /* sorted by name */
    size_t len;
};

/* A part of the document with a URI of its own: the whole, or a schema with "$id". */
struct property_resource {
    struct property_resource *next; /* of all resources */
    struct slice uri;               /* resolved, without a fragment; size 0: none is known */
    struct slice value;             /* its schema in the document */
};

/* One schema: an object, or true or false. Keywords that were not given are zero, or
 * PROPERTY_COUNT_ANY. */
struct property_node {
    struct property_node *next; /* of all nodes */
    struct slice source;        /* in the document; its address is how a node is found again */
    const struct property_resource *resource; /* that it stands in */
    const char *pointer;                      /* to it */
    bool refuses;                             /* the schema `false` */
    unsigned height; /* of what applies to the same value; 0: not counted yet */
    bool entered;    /* being counted */

    unsigned types; /* enum property_type; 0: any */
    struct slice enums, constant;
    struct property_bound minimum, maximum, above, below, multiple;
    uint64_t length_min, length_max, items_min, items_max, members_min, members_max;
    struct pattern *pattern;
    enum property_format format;

    struct property_nodes prefix;
    struct property_node *items;
    bool unique;

    struct property_map properties, patterns, dependent_required, dependent_schemas;
    struct property_names required; /* sorted */
    struct property_node *additional, *names;

    struct property_nodes all_of, any_of, one_of;
    struct property_node * not, *if_, *then_, *else_;
    struct slice ref_text; /* unescaped; data is NULL when there is none */
    struct property_node *ref;
};

struct property_schema {
    struct arena arena;
    struct slice document;
    struct property_node *nodes; /* newest first */
    struct property_node *root;
    struct property_resource *resources; /* newest first */
    size_t nodes_len, patterns_len;
    struct pattern **patterns_list; /* to free them */
};

/* Orders names by their bytes. */
int property_name_compare(struct slice a, struct slice b);

#endif
