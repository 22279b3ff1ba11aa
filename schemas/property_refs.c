/* References within a property schema. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/property_refs.h"
#include "base/assert.h"
#include "base/buf.h"
#include "schemas/uri.h"
#include "schemas/utf8.h"
#include "schemas/walk.h"

enum { TOKEN_MAX = 1024 };

static int hex(char c)
{
    char lower = (char)(c | 0x20);
    if (c >= '0' && c <= '9')
        return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* One token of a pointer in a fragment: %XX first, then ~1 and ~0. False: it is none. */
static bool decode_token(struct slice token, char text[TOKEN_MAX], size_t *ret_size)
{
    size_t size = 0;
    if (token.size > TOKEN_MAX)
        return false;
    for (size_t i = 0; i < token.size; i++) {
        char c = token.data[i];
        if (c == '%') {
            if (i + 2 >= token.size || hex(token.data[i + 1]) < 0 || hex(token.data[i + 2]) < 0)
                return false;
            c = (char)(hex(token.data[i + 1]) * 16 + hex(token.data[i + 2]));
            i += 2;
        }
        text[size++] = c;
    }
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '~') {
            if (++i == size || (text[i] != '0' && text[i] != '1'))
                return false;
            c = text[i] == '0' ? '~' : '/';
        }
        text[used++] = c;
    }
    *ret_size = used;
    return true;
}

static bool find_member(struct slice object, struct slice wanted, struct slice *ret_value)
{
    struct walk walk = walk_enter(object);
    struct slice name, value;
    while (walk_member(&walk, &name, &value)) {
        /* Unescaped text has no backslash of an escape, but may have one of its own. */
        struct slice rest = name;
        size_t at = 0;
        bool same = true;
        while (same && rest.size > 0) {
            char bytes[4];
            size_t size = utf8_encode(walk_point(&rest), bytes);
            same = at + size <= wanted.size && memcmp(bytes, wanted.data + at, size) == 0;
            at += size;
        }
        if (same && at == wanted.size) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

static bool find_element(struct slice array, struct slice token, struct slice *ret_value)
{
    size_t index = 0;
    if (token.size == 0 || token.size > 6 || (token.size > 1 && token.data[0] == '0'))
        return false;
    for (size_t i = 0; i < token.size; i++) {
        if (token.data[i] < '0' || token.data[i] > '9')
            return false;
        index = index * 10 + (size_t)(token.data[i] - '0');
    }
    struct walk walk = walk_enter(array);
    struct slice value;
    for (size_t i = 0; walk_element(&walk, &value); i++)
        if (i == index) {
            *ret_value = value;
            return true;
        }
    return false;
}

static bool find_pointer(struct slice value, struct slice path, struct slice *ret_target)
{
    while (path.size > 0) {
        path.data++; /* the slash */
        path.size--;
        const char *slash = path.size > 0 ? memchr(path.data, '/', path.size) : NULL;
        struct slice token = {path.data, slash ? (size_t)(slash - path.data) : path.size};
        path.data += token.size;
        path.size -= token.size;
        char text[TOKEN_MAX];
        struct slice name = {text, 0};
        if (!decode_token(token, text, &name.size))
            return false;
        enum scan_kind kind = walk_kind(value);
        if (kind == SCAN_OBJECT ? !find_member(value, name, &value)
                                : kind != SCAN_ARRAY || !find_element(value, name, &value))
            return false;
    }
    *ret_target = value;
    return true;
}

/* ---- Resources ---- */

static const struct property_resource *find_resource(const struct property_schema *schema,
                                                     struct slice uri)
{
    const struct property_resource *resource = schema->resources;
    while (resource != NULL && !slice_equal(resource->uri, uri))
        resource = resource->next;
    return resource;
}

static const struct property_resource *add_resource(struct property_schema *schema,
                                                    struct slice uri, struct slice value)
{
    struct property_resource *resource = arena_calloc(&schema->arena, 1, sizeof *resource);
    ASSERT(resource != NULL); /* as in property_schema.c: URIs are short */
    *resource = (struct property_resource){
        .next = schema->resources,
        .uri = arena_copy(&schema->arena, uri),
        .value = value,
    };
    ASSERT(resource->uri.data != NULL);
    schema->resources = resource;
    return resource;
}

/* The text of an $id: a URI, without the empty fragment that may stand behind it. */
static bool read_id(struct property_schema *schema, struct slice id, struct slice *ret_uri)
{
    if (walk_kind(id) != SCAN_STRING)
        return false;
    struct slice uri = walk_text(walk_inner(id), &schema->arena);
    ASSERT(uri.data != NULL);
    if (uri.size > 0 && uri.data[uri.size - 1] == '#')
        uri.size--;
    *ret_uri = uri;
    return uri.size == 0 || memchr(uri.data, '#', uri.size) == NULL;
}

const struct property_resource *property_refs_enter(struct property_schema *schema,
                                                    const struct property_resource *outer,
                                                    struct slice value, const char *pointer,
                                                    struct err *reterr)
{
    struct slice id, uri;
    if (outer == NULL)
        outer = add_resource(schema, SLICE(""), value);
    if (walk_kind(value) != SCAN_OBJECT || !find_member(value, SLICE("$id"), &id))
        return outer;
    CLEANUP(buf_done) struct buf whole;
    buf_init(&whole, PROPERTY_URI_MAX);
    bool ok = read_id(schema, id, &uri);
    if (ok && uri.size == 0)
        return outer;
    if (ok)
        uri_resolve(outer->uri, uri, &whole);
    if (!ok)
        err_set(reterr, ERR_SCHEMA_INVALID, "A URI without a fragment is expected.");
    else if (whole.overflow)
        err_set(reterr, ERR_SCHEMA_UNSUPPORTED, "A URI of more than %d bytes is not supported.",
                PROPERTY_URI_MAX);
    else if (find_resource(schema, buf_slice(&whole)) != NULL)
        err_set(reterr, ERR_SCHEMA_INVALID, "Another schema of the document has this URI.");
    else
        return add_resource(schema, buf_slice(&whole), value);
    if (reterr != NULL)
        snprintf(reterr->pointer, sizeof reterr->pointer, "%s/$id", pointer);
    return NULL;
}

/* Anchors count where a schema stands: not in a const, not in an enum. */
static bool find_anchor(const struct property_schema *schema,
                        const struct property_resource *resource, struct slice anchor,
                        struct slice *ret_target)
{
    for (const struct property_node *node = schema->nodes; node != NULL; node = node->next) {
        struct slice name;
        if (node->resource == resource && walk_kind(node->source) == SCAN_OBJECT &&
            find_member(node->source, SLICE("$anchor"), &name) &&
            slice_equal(walk_inner(name), anchor)) {
            *ret_target = node->source;
            return true;
        }
    }
    return false;
}

bool property_refs_find(const struct property_schema *schema, const struct property_node *node,
                        const char *pointer, struct slice *ret_target,
                        const struct property_resource **ret_resource, struct err *reterr)
{
    struct slice uri = node->ref_text, fragment = {NULL, 0};
    const char *hash = uri.size > 0 ? memchr(uri.data, '#', uri.size) : NULL;
    if (hash != NULL) {
        uri.size = (size_t)(hash - uri.data);
        fragment = (struct slice){hash + 1, node->ref_text.size - uri.size - 1};
    }
    CLEANUP(buf_done) struct buf whole;
    buf_init(&whole, PROPERTY_URI_MAX);
    uri_resolve(node->resource->uri, uri, &whole);
    const struct property_resource *resource = find_resource(schema, buf_slice(&whole));
    if (resource == NULL || whole.overflow)
        return err_set_at(reterr, ERR_SCHEMA_UNSUPPORTED, pointer,
                          "References lead to places of the same document only: "
                          "\"#/$defs/name\", or the $id of a schema in it.");
    bool found = true;
    if (fragment.size == 0)
        *ret_target = resource->value;
    else if (fragment.data[0] == '/')
        found = find_pointer(resource->value, fragment, ret_target);
    else
        found = find_anchor(schema, resource, fragment, ret_target);
    *ret_resource = resource;
    return found || err_set_at(reterr, ERR_SCHEMA_INVALID, pointer,
                               "The reference leads to nothing in this document.");
}

struct property_node *property_refs_node(const struct property_schema *schema, struct slice target)
{
    struct property_node *node = schema->nodes;
    while (node != NULL && node->source.data != target.data)
        node = node->next;
    return node;
}

/* --- measuring */

static bool measure(struct property_node *node, struct err *reterr);

static bool raise(struct property_node *node, struct property_node *applied, struct err *reterr)
{
    if (applied == NULL)
        return true;
    if (!measure(applied, reterr))
        return false;
    if (node->height <= applied->height)
        node->height = applied->height + 1;
    return node->height <= PROPERTY_SCHEMA_CHAIN_MAX ||
           err_set_at(reterr, ERR_SCHEMA_UNSUPPORTED, node->pointer,
                      "More than %d schemas apply one through another to one value.",
                      PROPERTY_SCHEMA_CHAIN_MAX);
}

static bool raise_all(struct property_node *node, const struct property_nodes *list,
                      struct err *reterr)
{
    for (size_t i = 0; i < list->len; i++)
        if (!raise(node, list->items[i], reterr))
            return false;
    return true;
}

/* A node that was measured has a height of 1 or more. The recursion can be as deep as there are
 * nodes, PROPERTY_SCHEMA_NODES_MAX; its frames are small. */
static bool measure(struct property_node *node, struct err *reterr)
{
    if (node->entered)
        return err_set_at(reterr, ERR_SCHEMA_INVALID, node->pointer,
                          "The schema applies itself to the same value without end.");
    if (node->height > 0)
        return true;
    node->entered = true;
    node->height = 1;
    for (size_t i = 0; i < node->dependent_schemas.len; i++)
        if (!raise(node, node->dependent_schemas.items[i].node, reterr))
            return false;
    bool ok = raise_all(node, &node->all_of, reterr) && raise_all(node, &node->any_of, reterr) &&
              raise_all(node, &node->one_of, reterr) && raise(node, node->ref, reterr) &&
              raise(node, node->not, reterr) && raise(node, node->if_, reterr) &&
              raise(node, node->then_, reterr) && raise(node, node->else_, reterr);
    node->entered = false;
    return ok;
}

bool property_refs_measure(struct property_schema *schema, struct err *reterr)
{
    for (struct property_node *node = schema->nodes; node != NULL; node = node->next)
        if (!measure(node, reterr))
            return false;
    return true;
}
