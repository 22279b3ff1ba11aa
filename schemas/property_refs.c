/* References within a property schema. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/property_refs.h"
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

/* Anchors count where a schema stands: not in a const, not in an enum. */
static bool find_anchor(const struct property_schema *schema, struct slice anchor,
                        struct slice *ret_target)
{
    for (const struct property_node *node = schema->nodes; node != NULL; node = node->next) {
        struct slice name;
        if (walk_kind(node->source) == SCAN_OBJECT &&
            find_member(node->source, SLICE("$anchor"), &name) &&
            slice_equal(walk_inner(name), anchor)) {
            *ret_target = node->source;
            return true;
        }
    }
    return false;
}

bool property_refs_find(const struct property_schema *schema, struct slice ref, const char *pointer,
                        struct slice *ret_target, struct err *reterr)
{
    struct slice id;
    if (walk_kind(schema->document) == SCAN_OBJECT &&
        find_member(schema->document, SLICE("$id"), &id)) {
        id = walk_inner(id);
        if (id.size > 0 && ref.size >= id.size && memcmp(ref.data, id.data, id.size) == 0 &&
            (ref.size == id.size || ref.data[id.size] == '#')) {
            ref.data += id.size;
            ref.size -= id.size;
        }
    }
    if (ref.size > 0 && ref.data[0] != '#')
        return err_set_at(reterr, ERR_SCHEMA_UNSUPPORTED, pointer,
                          "References lead to places of the same document only: \"#/$defs/name\".");
    struct slice fragment = ref.size > 0 ? (struct slice){ref.data + 1, ref.size - 1} : ref;
    bool found = true;
    if (fragment.size == 0)
        *ret_target = schema->document;
    else if (fragment.data[0] == '/')
        found = find_pointer(schema->document, fragment, ret_target);
    else
        found = find_anchor(schema, fragment, ret_target);
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
