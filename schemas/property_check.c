/* Checks properties against a compiled schema, stepping over their bytes.
 *
 * The recursion is at most PROPERTY_SCHEMA_CHAIN_MAX calls for each level of the properties, of
 * which there are at most SCAN_DEPTH_MAX. What a caller sends can neither use more stack nor more
 * work than PROPERTY_SCHEMA_WORK_MAX: then the check is given up, and the properties are refused.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "schemas/equal.h"
#include "schemas/pattern.h"
#include "schemas/property_format.h"
#include "schemas/property_node.h"
#include "schemas/property_schema.h"
#include "schemas/utf8.h"
#include "schemas/walk.h"

#include <stdarg.h>
#include <stdlib.h>

enum {
    NODE_WORK = 16, /* of applying one schema, besides the bytes */
    TEXT_SHOWN = 64,
};

/* Where a value is, up to the root. */
struct place {
    const struct place *parent;
    struct slice name; /* as it stands in the input; data is NULL: an element */
    size_t index;
};

struct check {
    struct arena *arena;
    struct err *reterr;
    int64_t work;         /* left */
    unsigned quiet;       /* schemas that may fail without the whole failing */
    const char *given_up; /* why, or NULL */
};

static bool check_node(struct check *check, const struct property_node *node, struct slice value,
                       const struct place *place);

/* --- errors */

static void write_place(struct buf *out, const struct place *place)
{
    if (place->parent == NULL)
        return;
    write_place(out, place->parent);
    buf_append_char(out, '/');
    if (place->name.data == NULL) {
        buf_append_u64(out, place->index);
        return;
    }
    struct slice name = place->name;
    while (name.size > 0) {
        char bytes[4];
        uint32_t point = walk_point(&name);
        if (point == '~' || point == '/')
            buf_append_str(out, point == '~' ? "~0" : "~1");
        else
            buf_append(out, bytes, utf8_encode(point, bytes));
    }
}

static bool fail(struct check *check, const struct place *place, const char *format, ...)
    PRINTF_LIKE(3, 4);

static bool fail(struct check *check, const struct place *place, const char *format, ...)
{
    if (check->quiet > 0 || check->given_up != NULL)
        return false;
    CLEANUP(buf_done) struct buf pointer;
    buf_init(&pointer, ERR_POINTER_SIZE);
    write_place(&pointer, place);
    char sentence[ERR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    return err_set_at(check->reterr, ERR_PROPERTY_SCHEMA, buf_text(&pointer), "%s", sentence);
}

/* Both say false from then on, which nothing can turn around: property_schema_check asks for it. */
static bool give_up(struct check *check, const char *why)
{
    if (check->given_up == NULL)
        check->given_up = why;
    return false;
}

static bool charge(struct check *check, size_t work)
{
    check->work -= (int64_t)work;
    return (check->work >= 0 && check->given_up == NULL) ||
           give_up(check, "the properties take too much work to check");
}

static bool text_of(struct check *check, struct slice inner, struct slice *ret_text)
{
    *ret_text = walk_text(inner, check->arena);
    return ret_text->data != NULL || give_up(check, "the properties take too much memory to check");
}

/* For "%.*s": at most TEXT_SHOWN bytes, cut between characters. */
static struct slice shown(struct slice text)
{
    if (text.size <= TEXT_SHOWN)
        return text;
    text.size = TEXT_SHOWN;
    while (text.size > 0 && ((unsigned char)text.data[text.size] & 0xC0) == 0x80)
        text.size--;
    return text;
}

/* --- any value */

static unsigned types_of(struct slice value)
{
    struct number number;
    switch (walk_kind(value)) {
    case SCAN_OBJECT:
        return PROPERTY_OBJECT;
    case SCAN_ARRAY:
        return PROPERTY_ARRAY;
    case SCAN_STRING:
        return PROPERTY_STRING;
    case SCAN_NUMBER:
        number = number_read(value);
        return PROPERTY_NUMBER | (number_is_integer(&number) ? PROPERTY_INTEGER : 0);
    case SCAN_TRUE:
    case SCAN_FALSE:
        return PROPERTY_BOOLEAN;
    case SCAN_NULL:
        break;
    }
    return PROPERTY_NULL;
}

static bool check_type(struct check *check, const struct property_node *node, struct slice value,
                       const struct place *place)
{
    static const char *const names[] = {"object",  "array",   "string", "number",
                                        "integer", "boolean", "null"};
    if (node->types == 0 || (node->types & types_of(value)) != 0)
        return true;
    char wanted[96] = "";
    size_t size = 0;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if ((node->types & 1U << i) != 0)
            size += (size_t)snprintf(wanted + size, sizeof wanted - size, "%s%s",
                                     size > 0 ? " or " : "", names[i]);
    return fail(check, place, "type: The value must be of type %s.", wanted);
}

static bool same(struct check *check, struct slice a, struct slice b)
{
    return equal_values(a, b, &check->work) && charge(check, 0);
}

static bool check_values(struct check *check, const struct property_node *node, struct slice value,
                         const struct place *place)
{
    struct slice allowed = shown(node->constant);
    if (node->constant.data != NULL && !same(check, node->constant, value))
        return charge(check, 0) &&
               fail(check, place, "const: The value must be %.*s.", SLICE_ARG(allowed));
    if (node->enums.data == NULL)
        return true;
    struct walk walk = walk_enter(node->enums);
    struct slice item;
    while (charge(check, 0) && walk_element(&walk, &item)) {
        if (same(check, item, value))
            return true;
        charge(check, item.size);
    }
    return fail(check, place, "enum: The value is none of those that are allowed.");
}

/* --- numbers and strings */

static bool check_bounds(struct check *check, const struct property_node *node, struct slice value,
                         const struct place *place)
{
    const struct property_bound *minimum = &node->minimum, *maximum = &node->maximum;
    const struct property_bound *above = &node->above, *below = &node->below;
    const struct property_bound *multiple = &node->multiple;
    struct number number = number_read(value);
    if (minimum->given && number_compare(&number, &minimum->number) < 0)
        return fail(check, place, "minimum: The number must be at least %.*s.",
                    SLICE_ARG(shown(minimum->text)));
    if (maximum->given && number_compare(&number, &maximum->number) > 0)
        return fail(check, place, "maximum: The number must be at most %.*s.",
                    SLICE_ARG(shown(maximum->text)));
    if (above->given && number_compare(&number, &above->number) <= 0)
        return fail(check, place, "exclusiveMinimum: The number must be above %.*s.",
                    SLICE_ARG(shown(above->text)));
    if (below->given && number_compare(&number, &below->number) >= 0)
        return fail(check, place, "exclusiveMaximum: The number must be below %.*s.",
                    SLICE_ARG(shown(below->text)));
    if (multiple->given && !number_is_multiple(&number, &multiple->number))
        return fail(check, place, "multipleOf: The number must be a multiple of %.*s.",
                    SLICE_ARG(shown(multiple->text)));
    return true;
}

/* Whether `len` is within the limits, and if not the sentence. */
static bool check_count(struct check *check, const struct place *place, uint64_t len, uint64_t min,
                        uint64_t max, const char *keyword, const char *what)
{
    if (min != PROPERTY_COUNT_ANY && len < min)
        return fail(check, place, "min%s: At least %llu %s are expected, not %llu.", keyword,
                    (unsigned long long)min, what, (unsigned long long)len);
    if (max != PROPERTY_COUNT_ANY && len > max)
        return fail(check, place, "max%s: At most %llu %s are allowed, not %llu.", keyword,
                    (unsigned long long)max, what, (unsigned long long)len);
    return true;
}

static bool check_string(struct check *check, const struct property_node *node, struct slice value,
                         const struct place *place)
{
    struct slice inner = walk_inner(value), text;
    if (node->length_min != PROPERTY_COUNT_ANY || node->length_max != PROPERTY_COUNT_ANY) {
        uint64_t len = 0;
        for (struct slice rest = inner; rest.size > 0; len++)
            walk_point(&rest);
        if (!check_count(check, place, len, node->length_min, node->length_max, "Length",
                         "characters"))
            return false;
    }
    if (node->pattern == NULL && node->format == PROPERTY_FORMAT_ANY)
        return true;
    if (!text_of(check, inner, &text))
        return false;
    if (node->pattern != NULL && !pattern_match(node->pattern, text))
        return fail(check, place, "pattern: The text does not match %.*s.",
                    SLICE_ARG(shown(pattern_source(node->pattern))));
    if (node->format == PROPERTY_FORMAT_DATE_TIME && !property_format_date_time(text))
        return fail(check, place, "format: The text must be a date and time of RFC 3339.");
    if (node->format == PROPERTY_FORMAT_UUID && !property_format_uuid(text))
        return fail(check, place, "format: The text must be a UUID.");
    return true;
}

/* --- arrays */

struct hashed {
    uint64_t hash;
    struct slice value;
    size_t index;
};

static int compare_hashed(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Elements of equal hashes are compared. */
static bool check_unique(struct check *check, struct slice value, size_t len,
                         const struct place *place)
{
    if (!charge(check, value.size))
        return false;
    struct hashed *items = arena_alloc(check->arena, (len + 1) * sizeof *items);
    if (items == NULL)
        return give_up(check, "the properties take too much memory to check");
    struct walk walk = walk_enter(value);
    for (size_t i = 0; i < len && walk_element(&walk, &items[i].value); i++) {
        items[i].index = i;
        items[i].hash = equal_hash(items[i].value);
    }
    qsort(items, len, sizeof *items, compare_hashed);
    for (size_t i = 0; i < len; i++)
        for (size_t j = i + 1; j < len && items[j].hash == items[i].hash; j++) {
            if (same(check, items[i].value, items[j].value))
                return fail(check, place, "uniqueItems: The elements %zu and %zu are equal.",
                            items[i].index, items[j].index);
            if (!charge(check, 1))
                return false;
        }
    return true;
}

static bool check_array(struct check *check, const struct property_node *node, struct slice value,
                        const struct place *place)
{
    struct walk walk = walk_enter(value);
    struct slice item;
    size_t len = 0;
    for (; walk_element(&walk, &item); len++) {
        struct place below = {place, {NULL, 0}, len};
        const struct property_node *schema =
            len < node->prefix.len ? node->prefix.items[len] : node->items;
        if (schema != NULL && !check_node(check, schema, item, &below))
            return false;
    }
    return check_count(check, place, len, node->items_min, node->items_max, "Items", "elements") &&
           (!node->unique || check_unique(check, value, len, place));
}

/* --- objects */

static const struct property_named *map_find(const struct property_map *map, struct slice name)
{
    size_t from = 0, to = map->len;
    while (from < to) {
        size_t middle = (from + to) / 2;
        int order = property_name_compare(name, map->items[middle].name);
        if (order == 0)
            return &map->items[middle];
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return NULL;
}

static bool names_have(const struct property_names *names, struct slice name)
{
    size_t from = 0, to = names->len;
    while (from < to) {
        size_t middle = (from + to) / 2;
        int order = property_name_compare(name, names->items[middle]);
        if (order == 0)
            return true;
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return false;
}

static bool has_member(struct check *check, struct slice object, struct slice wanted)
{
    struct walk walk = walk_enter(object);
    struct slice name, value, text;
    while (charge(check, 1) && walk_member(&walk, &name, &value)) {
        if (!charge(check, name.size + value.size) || !text_of(check, name, &text))
            return false;
        if (slice_equal(text, wanted))
            return true;
    }
    return false;
}

/* Says which one is missing; `why` is the keyword. */
static bool check_required(struct check *check, const struct property_names *names,
                           struct slice value, const struct place *place, const char *why)
{
    for (size_t i = 0; i < names->len; i++)
        if (!has_member(check, value, names->items[i]))
            return fail(check, place, "%s: The member \"%.*s\" is missing.", why,
                        SLICE_ARG(shown(names->items[i])));
    return true;
}

static bool check_member(struct check *check, const struct property_node *node, struct slice raw,
                         struct slice name, struct slice value, const struct place *place)
{
    struct slice quoted = {raw.data - 1, raw.size + 2};
    if (node->names != NULL && !check_node(check, node->names, quoted, place))
        return false;
    const struct property_named *named = map_find(&node->properties, name);
    bool known = named != NULL;
    if (known && !check_node(check, named->node, value, place))
        return false;
    for (size_t i = 0; i < node->patterns.len; i++) {
        const struct property_named *item = &node->patterns.items[i];
        if (!charge(check, name.size + NODE_WORK))
            return false;
        if (!pattern_match(item->pattern, name))
            continue;
        known = true;
        if (!check_node(check, item->node, value, place))
            return false;
    }
    if (known || node->additional == NULL)
        return true;
    if (node->additional->refuses)
        return fail(check, place, "additionalProperties: There must be no member of this name.");
    return check_node(check, node->additional, value, place);
}

static bool check_dependents(struct check *check, const struct property_node *node,
                             struct slice value, const struct place *place)
{
    for (size_t i = 0; i < node->dependent_required.len; i++) {
        const struct property_named *item = &node->dependent_required.items[i];
        if (has_member(check, value, item->name) &&
            !check_required(check, &item->names, value, place, "dependentRequired"))
            return false;
    }
    for (size_t i = 0; i < node->dependent_schemas.len; i++) {
        const struct property_named *item = &node->dependent_schemas.items[i];
        if (has_member(check, value, item->name) && !check_node(check, item->node, value, place))
            return false;
    }
    return true;
}

static bool check_object(struct check *check, const struct property_node *node, struct slice value,
                         const struct place *place)
{
    struct walk walk = walk_enter(value);
    struct slice raw, item, name;
    size_t len = 0, required = 0;
    for (; walk_member(&walk, &raw, &item); len++) {
        struct place below = {place, raw, 0};
        if (!text_of(check, raw, &name))
            return false;
        required += names_have(&node->required, name);
        if (!check_member(check, node, raw, name, item, &below))
            return false;
    }
    if (required < node->required.len)
        return check_required(check, &node->required, value, place, "required");
    return check_count(check, place, len, node->members_min, node->members_max, "Properties",
                       "members") &&
           check_dependents(check, node, value, place);
}

/* --- schemas of schemas */

/* How many of them take the value; stops at `enough`. */
static size_t count_fits(struct check *check, const struct property_nodes *list, struct slice value,
                         const struct place *place, size_t enough)
{
    size_t fits = 0;
    check->quiet++;
    for (size_t i = 0; i < list->len && fits < enough && check->given_up == NULL; i++)
        fits += check_node(check, list->items[i], value, place);
    check->quiet--;
    return fits;
}

static bool fits(struct check *check, const struct property_node *node, struct slice value,
                 const struct place *place)
{
    check->quiet++;
    bool ok = check_node(check, node, value, place);
    check->quiet--;
    return ok;
}

static bool check_combined(struct check *check, const struct property_node *node,
                           struct slice value, const struct place *place)
{
    for (size_t i = 0; i < node->all_of.len; i++)
        if (!check_node(check, node->all_of.items[i], value, place))
            return false;
    if (node->any_of.len > 0 && count_fits(check, &node->any_of, value, place, 1) == 0)
        return fail(check, place, "anyOf: The value fits none of the schemas.");
    size_t count = node->one_of.len > 0 ? count_fits(check, &node->one_of, value, place, 2) : 1;
    if (count != 1)
        return fail(check, place, "oneOf: The value fits %s of the schemas; it must fit one.",
                    count == 0 ? "none" : "more than one");
    if (node->not != NULL && fits(check, node->not, value, place))
        return fail(check, place, "not: The value fits a schema that it must not fit.");
    if (node->if_ == NULL)
        return true;
    const struct property_node *then =
        fits(check, node->if_, value, place) ? node->then_ : node->else_;
    return then == NULL || check_node(check, then, value, place);
}

static bool check_node(struct check *check, const struct property_node *node, struct slice value,
                       const struct place *place)
{
    if (!charge(check, NODE_WORK + value.size))
        return false;
    if (node->refuses)
        return fail(check, place, "false: No value is allowed here.");
    if (!check_type(check, node, value, place) || !check_values(check, node, value, place))
        return false;
    bool ok = true;
    switch (walk_kind(value)) {
    case SCAN_OBJECT:
        ok = check_object(check, node, value, place);
        break;
    case SCAN_ARRAY:
        ok = check_array(check, node, value, place);
        break;
    case SCAN_STRING:
        ok = check_string(check, node, value, place);
        break;
    case SCAN_NUMBER:
        ok = check_bounds(check, node, value, place);
        break;
    case SCAN_TRUE:
    case SCAN_FALSE:
    case SCAN_NULL:
        break;
    }
    return ok && (node->ref == NULL || check_node(check, node->ref, value, place)) &&
           check_combined(check, node, value, place);
}

/* Without the white space around it. walk_value would step over all of the value. */
static struct slice trim(struct slice value)
{
    static const char blank[] = " \t\r\n";
    while (value.size > 0 && memchr(blank, value.data[value.size - 1], sizeof blank - 1) != NULL)
        value.size--;
    for (; value.size > 0 && memchr(blank, value.data[0], sizeof blank - 1) != NULL; value.size--)
        value.data++;
    return value;
}

bool property_schema_check(const struct property_schema *schema, struct slice properties,
                           struct arena *arena, struct err *reterr)
{
    struct check check = {.arena = arena, .reterr = reterr, .work = PROPERTY_SCHEMA_WORK_MAX};
    struct place root = {NULL, {NULL, 0}, 0};
    bool ok = check_node(&check, schema->root, trim(properties), &root);
    if (check.given_up != NULL)
        return err_set(reterr, ERR_PROPERTY_SCHEMA, "The check was given up: %s.", check.given_up);
    return ok;
}
