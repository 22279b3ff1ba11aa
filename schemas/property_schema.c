/* Compiles a property schema. jansson would turn numbers into doubles, so the document is read as
 * the properties are: checked once by schemas/scan.h, then stepped over.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/property_schema.h"
#include "base/assert.h"
#include "base/buf.h"
#include "schemas/pattern.h"
#include "schemas/property_document.h"
#include "schemas/property_node.h"
#include "schemas/property_refs.h"
#include "schemas/scan.h"
#include "schemas/walk.h"

#include <stdlib.h>

enum {
    ARENA_MAX = 16 << 20, /* more than the largest document can need; see take() */
    POINTER_MAX = 512,
    TEXT_SHOWN = 64, /* bytes of a value in a sentence */
};

struct compile {
    struct property_schema *schema;
    struct property_schema_options options;
    const struct property_resource *resource; /* that the schemas being compiled stand in */
    struct err *reterr;
};

typedef bool take_fn(struct compile *compile, struct property_node *node, const char *pointer,
                     struct slice value);

static struct property_node *compile_node(struct compile *compile, const char *pointer,
                                          struct slice value);

/* Never NULL: 4,096 nodes and the names of 64 KiB do not come near the cap. */
static void *take(struct compile *compile, size_t count, size_t size)
{
    void *memory = arena_calloc(&compile->schema->arena, count > 0 ? count : 1, size);
    ASSERT(memory != NULL);
    return memory;
}

static struct slice take_text(struct compile *compile, struct slice string)
{
    struct slice text = walk_text(walk_inner(string), &compile->schema->arena);
    ASSERT(text.data != NULL);
    return text;
}

/* The pointer with one more token. */
static const char *below(struct compile *compile, const char *pointer, struct slice name)
{
    struct buf out;
    buf_init(&out, POINTER_MAX);
    buf_append_str(&out, pointer);
    buf_append_char(&out, '/');
    for (size_t i = 0; i < name.size; i++)
        if (name.data[i] == '~')
            buf_append_str(&out, "~0");
        else if (name.data[i] == '/')
            buf_append_str(&out, "~1");
        else
            buf_append_char(&out, name.data[i]);
    struct slice copy = arena_copy(&compile->schema->arena, buf_slice(&out));
    buf_done(&out);
    return copy.data != NULL ? copy.data : "";
}

static const char *below_index(struct compile *compile, const char *pointer, size_t index)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%zu", index);
    return below(compile, pointer, (struct slice){text, (size_t)size});
}

static bool invalid(struct compile *compile, const char *pointer, const char *text)
{
    return err_set_at(compile->reterr, ERR_SCHEMA_INVALID, pointer, "%s", text);
}

static bool unsupported(struct compile *compile, const char *pointer, const char *text)
{
    return err_set_at(compile->reterr, ERR_SCHEMA_UNSUPPORTED, pointer, "%s", text);
}

int property_name_compare(struct slice a, struct slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_named(const void *a, const void *b)
{
    const struct property_named *x = a, *y = b;
    return property_name_compare(x->name, y->name);
}

static int compare_names(const void *a, const void *b)
{
    return property_name_compare(*(const struct slice *)a, *(const struct slice *)b);
}

/* --- the values that keywords have */

static bool take_schema(struct compile *compile, struct property_node **ret_node,
                        const char *pointer, struct slice value)
{
    *ret_node = compile_node(compile, pointer, value);
    return *ret_node != NULL;
}

static bool take_list(struct compile *compile, struct property_nodes *list, const char *pointer,
                      struct slice value)
{
    if (walk_kind(value) != SCAN_ARRAY || walk_len(value) == 0)
        return invalid(compile, pointer, "An array of at least one schema is expected.");
    list->items = take(compile, walk_len(value), sizeof *list->items);
    struct walk walk = walk_enter(value);
    struct slice item;
    while (walk_element(&walk, &item)) {
        if (!take_schema(compile, &list->items[list->len], below_index(compile, pointer, list->len),
                         item))
            return false;
        list->len++;
    }
    return true;
}

/* An object; what its values are is up to the caller. */
static bool take_members(struct compile *compile, struct property_map *map, const char *pointer,
                         struct slice value)
{
    if (walk_kind(value) != SCAN_OBJECT)
        return invalid(compile, pointer, "An object is expected.");
    map->items = take(compile, walk_len(value), sizeof *map->items);
    struct walk walk = walk_enter(value);
    struct slice name, item;
    for (; walk_member(&walk, &name, &item); map->len++)
        map->items[map->len].name =
            take_text(compile, (struct slice){name.data - 1, name.size + 2});
    return true;
}

static bool take_map(struct compile *compile, struct property_map *map, const char *pointer,
                     struct slice value)
{
    if (!take_members(compile, map, pointer, value))
        return false;
    struct walk walk = walk_enter(value);
    struct slice name, item;
    for (size_t i = 0; walk_member(&walk, &name, &item); i++)
        if (!take_schema(compile, &map->items[i].node, below(compile, pointer, map->items[i].name),
                         item))
            return false;
    qsort(map->items, map->len, sizeof *map->items, compare_named);
    return true;
}

static bool take_names(struct compile *compile, struct property_names *names, const char *pointer,
                       struct slice value)
{
    if (walk_kind(value) != SCAN_ARRAY)
        return invalid(compile, pointer, "An array of names is expected.");
    names->items = take(compile, walk_len(value), sizeof *names->items);
    struct walk walk = walk_enter(value);
    struct slice item;
    while (walk_element(&walk, &item)) {
        if (walk_kind(item) != SCAN_STRING)
            return invalid(compile, pointer, "An array of names is expected.");
        names->items[names->len++] = take_text(compile, item);
    }
    qsort(names->items, names->len, sizeof *names->items, compare_names);
    for (size_t i = 1; i < names->len; i++)
        if (slice_equal(names->items[i - 1], names->items[i]))
            return invalid(compile, pointer, "A name is listed twice.");
    return true;
}

static bool take_bound(struct compile *compile, struct property_bound *bound, const char *pointer,
                       struct slice value)
{
    if (walk_kind(value) != SCAN_NUMBER)
        return invalid(compile, pointer, "A number is expected.");
    *bound = (struct property_bound){true, value, number_read(value)};
    return true;
}

static bool take_count(struct compile *compile, uint64_t *count, const char *pointer,
                       struct slice value)
{
    struct number number;
    if (walk_kind(value) == SCAN_NUMBER) {
        number = number_read(value);
        if (number_to_count(&number, PROPERTY_COUNT_ANY - 1, count))
            return true;
    }
    return invalid(compile, pointer, "An integer of 0 or more, below 10^18, is expected.");
}

/* --- the keywords that are like no other */

static bool type_of(struct slice name, unsigned *types)
{
    static const char *const names[] = {"object",  "array",   "string", "number",
                                        "integer", "boolean", "null"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (slice_equal(name, slice_from(names[i]))) {
            bool fresh = (*types & 1U << i) == 0;
            *types |= 1U << i;
            return fresh;
        }
    return false;
}

static bool take_type(struct compile *compile, struct property_node *node, const char *pointer,
                      struct slice value)
{
    bool ok = true;
    struct walk walk = walk_enter(value);
    struct slice item;
    if (walk_kind(value) == SCAN_ARRAY)
        while (ok && walk_element(&walk, &item))
            ok = walk_kind(item) == SCAN_STRING && type_of(take_text(compile, item), &node->types);
    else
        ok = walk_kind(value) == SCAN_STRING && type_of(take_text(compile, value), &node->types);
    if (ok && node->types != 0)
        return true;
    return invalid(compile, pointer,
                   "One of object, array, string, number, integer, boolean and null is expected, "
                   "or an array of different ones.");
}

static bool take_enum(struct compile *compile, struct property_node *node, const char *pointer,
                      struct slice value)
{
    if (walk_kind(value) != SCAN_ARRAY)
        return invalid(compile, pointer, "An array of values is expected.");
    node->enums = value;
    return true;
}

static bool take_const(struct compile *compile, struct property_node *node, const char *pointer,
                       struct slice value)
{
    (void)compile, (void)pointer;
    node->constant = value;
    return true;
}

static bool take_multiple(struct compile *compile, struct property_node *node, const char *pointer,
                          struct slice value)
{
    if (!take_bound(compile, &node->multiple, pointer, value))
        return false;
    static const char zero[] = "0";
    struct number none = number_read(slice_from(zero));
    if (number_compare(&node->multiple.number, &none) <= 0)
        return invalid(compile, pointer, "A number above 0 is expected.");
    return number_is_divisor(&node->multiple.number) ||
           unsupported(compile, pointer, "A divisor of more than 18 digits is not supported.");
}

static bool take_required(struct compile *compile, struct property_node *node, const char *pointer,
                          struct slice value)
{
    return take_names(compile, &node->required, pointer, value);
}

static bool take_unique(struct compile *compile, struct property_node *node, const char *pointer,
                        struct slice value)
{
    if (walk_kind(value) != SCAN_TRUE && walk_kind(value) != SCAN_FALSE)
        return invalid(compile, pointer, "true or false is expected.");
    node->unique = walk_kind(value) == SCAN_TRUE;
    return true;
}

static bool take_regexp(struct compile *compile, struct pattern **ret_pattern, const char *pointer,
                        struct slice text)
{
    struct property_schema *schema = compile->schema;
    if (schema->patterns_len == PROPERTY_SCHEMA_PATTERNS_MAX)
        return unsupported(compile, pointer, "More than 64 regular expressions are not supported.");
    struct err err;
    *ret_pattern = pattern_new(text, &err);
    if (*ret_pattern == NULL)
        return err_set_at(compile->reterr, err.code, pointer, "%s", err.text);
    schema->patterns_list[schema->patterns_len++] = *ret_pattern;
    return true;
}

static bool take_pattern(struct compile *compile, struct property_node *node, const char *pointer,
                         struct slice value)
{
    if (walk_kind(value) != SCAN_STRING)
        return invalid(compile, pointer, "A string is expected.");
    return take_regexp(compile, &node->pattern, pointer, take_text(compile, value));
}

static bool take_patterns(struct compile *compile, struct property_node *node, const char *pointer,
                          struct slice value)
{
    if (!take_map(compile, &node->patterns, pointer, value))
        return false;
    for (size_t i = 0; i < node->patterns.len; i++) {
        struct property_named *item = &node->patterns.items[i];
        if (!take_regexp(compile, &item->pattern, below(compile, pointer, item->name), item->name))
            return false;
    }
    return true;
}

static bool take_dependent(struct compile *compile, struct property_node *node, const char *pointer,
                           struct slice value)
{
    struct property_map *map = &node->dependent_required;
    if (!take_members(compile, map, pointer, value))
        return false;
    struct walk walk = walk_enter(value);
    struct slice name, item;
    for (size_t i = 0; walk_member(&walk, &name, &item); i++)
        if (!take_names(compile, &map->items[i].names, below(compile, pointer, map->items[i].name),
                        item))
            return false;
    return true;
}

static bool take_defs(struct compile *compile, struct property_node *node, const char *pointer,
                      struct slice value)
{
    (void)node;
    struct property_map map = {NULL, 0};
    return take_map(compile, &map, pointer, value);
}

static bool take_ref(struct compile *compile, struct property_node *node, const char *pointer,
                     struct slice value)
{
    if (walk_kind(value) != SCAN_STRING)
        return invalid(compile, pointer, "A string is expected.");
    node->ref_text = take_text(compile, value);
    return true;
}

/* References read it from the document. */
static bool take_anchor(struct compile *compile, struct property_node *node, const char *pointer,
                        struct slice value)
{
    (void)node;
    struct slice text = walk_inner(value);
    bool ok = walk_kind(value) == SCAN_STRING && text.size > 0;
    for (size_t i = 0; ok && i < text.size; i++) {
        char c = text.data[i], lower = (char)(c | 0x20);
        ok = (lower >= 'a' && lower <= 'z') || c == '_' ||
             (i > 0 && ((c >= '0' && c <= '9') || c == '-' || c == '.'));
    }
    return ok || invalid(compile, pointer,
                         "A name of letters, digits, '-', '_' and '.' is expected, which begins "
                         "with a letter or '_'.");
}

static bool take_dialect(struct compile *compile, struct property_node *node, const char *pointer,
                         struct slice value)
{
    (void)node;
    static const char dialect[] = "https://json-schema.org/draft/2020-12/schema";
    if (walk_kind(value) != SCAN_STRING)
        return invalid(compile, pointer, "A string is expected.");
    struct slice text = take_text(compile, value);
    if (text.size > 0 && text.data[text.size - 1] == '#')
        text.size--;
    return slice_equal(text, slice_from(dialect)) ||
           unsupported(compile, pointer,
                       "Only https://json-schema.org/draft/2020-12/schema is supported.");
}

static bool take_format(struct compile *compile, struct property_node *node, const char *pointer,
                        struct slice value)
{
    if (walk_kind(value) != SCAN_STRING)
        return invalid(compile, pointer, "A string is expected.");
    struct slice text = take_text(compile, value);
    if (!compile->options.assert_formats)
        return true;
    if (slice_equal(text, SLICE("date-time")))
        node->format = PROPERTY_FORMAT_DATE_TIME;
    else if (slice_equal(text, SLICE("uuid")))
        node->format = PROPERTY_FORMAT_UUID;
    else
        return unsupported(compile, pointer, "Of formats, date-time and uuid can be checked.");
    return true;
}

/* --- all keywords */

enum value_kind { SPECIAL, SCHEMA, LIST, MAP, BOUND, COUNT };

struct keyword {
    const char *name;
    enum value_kind kind;
    size_t offset; /* in struct property_node, for all but SPECIAL */
    take_fn *take; /* for SPECIAL */
};

#define FIELD(field) offsetof(struct property_node, field), NULL

static const struct keyword keywords[] = {
    {"type", SPECIAL, 0, take_type},
    {"required", SPECIAL, 0, take_required},
    {"enum", SPECIAL, 0, take_enum},
    {"const", SPECIAL, 0, take_const},
    {"multipleOf", SPECIAL, 0, take_multiple},
    {"minimum", BOUND, FIELD(minimum)},
    {"maximum", BOUND, FIELD(maximum)},
    {"exclusiveMinimum", BOUND, FIELD(above)},
    {"exclusiveMaximum", BOUND, FIELD(below)},
    {"minLength", COUNT, FIELD(length_min)},
    {"maxLength", COUNT, FIELD(length_max)},
    {"pattern", SPECIAL, 0, take_pattern},
    {"format", SPECIAL, 0, take_format},
    {"items", SCHEMA, FIELD(items)},
    {"prefixItems", LIST, FIELD(prefix)},
    {"minItems", COUNT, FIELD(items_min)},
    {"maxItems", COUNT, FIELD(items_max)},
    {"uniqueItems", SPECIAL, 0, take_unique},
    {"properties", MAP, FIELD(properties)},
    {"patternProperties", SPECIAL, 0, take_patterns},
    {"additionalProperties", SCHEMA, FIELD(additional)},
    {"propertyNames", SCHEMA, FIELD(names)},
    {"minProperties", COUNT, FIELD(members_min)},
    {"maxProperties", COUNT, FIELD(members_max)},
    {"dependentRequired", SPECIAL, 0, take_dependent},
    {"dependentSchemas", MAP, FIELD(dependent_schemas)},
    {"allOf", LIST, FIELD(all_of)},
    {"anyOf", LIST, FIELD(any_of)},
    {"oneOf", LIST, FIELD(one_of)},
    {"not", SCHEMA, FIELD(not )},
    {"if", SCHEMA, FIELD(if_)},
    {"then", SCHEMA, FIELD(then_)},
    {"else", SCHEMA, FIELD(else_)},
    {"$ref", SPECIAL, 0, take_ref},
    {"$defs", SPECIAL, 0, take_defs},
    {"$anchor", SPECIAL, 0, take_anchor},
    {"$schema", SPECIAL, 0, take_dialect},
};

/* They say something to people and nothing about what is valid. $id was read by
 * property_refs_enter, before the other keywords. */
static const char *const annotations[] = {
    "$id",        "$comment", "title",     "description",     "default",          "examples",
    "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType", "contentSchema",
};

static bool take_keyword(struct compile *compile, struct property_node *node, const char *pointer,
                         struct slice name, struct slice value)
{
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        const struct keyword *keyword = &keywords[i];
        if (!slice_equal(name, slice_from(keyword->name)))
            continue;
        void *field = (char *)node + keyword->offset;
        switch (keyword->kind) {
        case SPECIAL:
            return keyword->take(compile, node, pointer, value);
        case SCHEMA:
            return take_schema(compile, field, pointer, value);
        case LIST:
            return take_list(compile, field, pointer, value);
        case MAP:
            return take_map(compile, field, pointer, value);
        case BOUND:
            return take_bound(compile, field, pointer, value);
        case COUNT:
            return take_count(compile, field, pointer, value);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(annotations); i++)
        if (slice_equal(name, slice_from(annotations[i])))
            return true;
    size_t shown = name.size < TEXT_SHOWN ? name.size : TEXT_SHOWN;
    return err_set_at(compile->reterr, ERR_SCHEMA_UNSUPPORTED, pointer,
                      "The keyword \"%.*s\" is not supported; it is not ignored either.",
                      (int)shown, name.data);
}

static bool take_keywords(struct compile *compile, struct property_node *node)
{
    struct walk walk = walk_enter(node->source);
    struct slice name, item;
    while (walk_member(&walk, &name, &item)) {
        struct slice text = take_text(compile, (struct slice){name.data - 1, name.size + 2});
        if (!take_keyword(compile, node, below(compile, node->pointer, text), text, item))
            return false;
    }
    return true;
}

static struct property_node *compile_node(struct compile *compile, const char *pointer,
                                          struct slice value)
{
    struct property_schema *schema = compile->schema;
    enum scan_kind kind = walk_kind(value);
    if (kind != SCAN_OBJECT && kind != SCAN_TRUE && kind != SCAN_FALSE) {
        invalid(compile, pointer, "A schema is expected: an object, true or false.");
        return NULL;
    }
    if (schema->nodes_len == PROPERTY_SCHEMA_NODES_MAX) {
        unsupported(compile, pointer, "More than 4,096 schemas in a document are not supported.");
        return NULL;
    }
    struct property_node *node = take(compile, 1, sizeof *node);
    node->next = schema->nodes;
    schema->nodes = node;
    schema->nodes_len++;
    node->source = value;
    node->pointer = pointer;
    node->refuses = kind == SCAN_FALSE;
    node->length_min = node->length_max = node->items_min = node->items_max = PROPERTY_COUNT_ANY;
    node->members_min = node->members_max = PROPERTY_COUNT_ANY;
    const struct property_resource *outer = compile->resource;
    node->resource = property_refs_enter(schema, outer, value, pointer, compile->reterr);
    compile->resource = node->resource;
    bool ok = node->resource != NULL && (kind != SCAN_OBJECT || take_keywords(compile, node));
    compile->resource = outer;
    return ok ? node : NULL;
}

/* Every reference leads to a node; making one can add references. */
static bool resolve(struct compile *compile)
{
    struct property_schema *schema = compile->schema;
    for (bool again = true; again;) {
        again = false;
        for (struct property_node *node = schema->nodes; node != NULL; node = node->next) {
            if (node->ref_text.data == NULL || node->ref != NULL)
                continue;
            struct slice target;
            const char *pointer = below(compile, node->pointer, SLICE("$ref"));
            if (!property_refs_find(schema, node, pointer, &target, &compile->resource,
                                    compile->reterr))
                return false;
            node->ref = property_refs_node(schema, target);
            if (node->ref == NULL) {
                node->ref = compile_node(compile, pointer, target);
                again = true;
            }
            if (node->ref == NULL)
                return false;
        }
    }
    return property_refs_measure(schema, compile->reterr);
}

static void free_schema(struct property_schema **schema)
{
    property_schema_free(*schema);
}

struct property_schema *property_schema_compile(struct slice document,
                                                const struct property_schema_options *options,
                                                struct err *reterr)
{
    if (document.size > PROPERTY_SCHEMA_SIZE_MAX) {
        err_set(reterr, ERR_SCHEMA_UNSUPPORTED, "A schema of more than %d bytes is not supported.",
                PROPERTY_SCHEMA_SIZE_MAX);
        return NULL;
    }
    if (!property_document_check(document, reterr))
        return NULL;
    CLEANUP(free_schema) struct property_schema *schema = xcalloc(1, sizeof *schema);
    arena_init(&schema->arena, ARENA_MAX);
    struct compile compile = {.schema = schema, .reterr = reterr};
    if (options != NULL)
        compile.options = *options;
    schema->patterns_list = take(&compile, PROPERTY_SCHEMA_PATTERNS_MAX, sizeof(struct pattern *));
    schema->document = walk_value(arena_copy(&schema->arena, document));
    schema->root = compile_node(&compile, "", schema->document);
    if (schema->root == NULL || !resolve(&compile))
        return NULL;
    return TAKE(schema);
}

void property_schema_free(struct property_schema *schema)
{
    if (schema == NULL)
        return;
    for (size_t i = 0; i < schema->patterns_len; i++)
        pattern_free(schema->patterns_list[i]);
    arena_done(&schema->arena);
    free(schema);
}
