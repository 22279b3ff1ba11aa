/* A property schema, a blank line, properties. What must hold:
 *
 *   - a document is compiled or refused with one of two codes, the same way each time, and only
 *     JSON is compiled
 *   - properties fit or do not, the same way each time; what does not fit is told with the place
 *   - {"allOf":[S]} says what S says, {"not":S} the opposite
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/assert.h"
#include "base/buf.h"
#include "schemas/property_schema.h"
#include "schemas/scan.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/jansson.h"

/* Up to these, no check comes near PROPERTY_SCHEMA_WORK_MAX. */
enum { SMALL_SCHEMA_MAX = 512, SMALL_PROPERTIES_MAX = 256 };

static struct property_schema *compile(struct slice document, bool assert_formats)
{
    const struct property_schema_options options = {.assert_formats = assert_formats};
    struct err err = {.code = ERR_NONE}, err_again = {.code = ERR_NONE};
    struct property_schema *schema = property_schema_compile(document, &options, &err);
    struct property_schema *again = property_schema_compile(document, &options, &err_again);
    ASSERT((schema == NULL) == (again == NULL));
    if (schema == NULL) {
        ASSERT(err.code == ERR_SCHEMA_INVALID || err.code == ERR_SCHEMA_UNSUPPORTED);
        ASSERT(err.code == err_again.code && strcmp(err.pointer, err_again.pointer) == 0 &&
               strcmp(err.text, err_again.text) == 0);
    }
    property_schema_free(again);
    return schema;
}

static bool check(const struct property_schema *schema, struct slice properties)
{
    struct arena arena;
    struct err err = {.code = ERR_NONE}, err_again = {.code = ERR_NONE};
    arena_init(&arena, FUZZ_ARENA_MAX);
    bool fits = property_schema_check(schema, properties, &arena, &err);
    ASSERT(fits == property_schema_check(schema, properties, &arena, &err_again));
    if (!fits) {
        ASSERT(err.code == ERR_PROPERTY_SCHEMA && strcmp(err.text, err_again.text) == 0);
        ASSERT(err.pointer[0] == '\0' || err.pointer[0] == '/');
    }
    arena_done(&arena);
    return fits;
}

/* Whether `before` S `behind` says what is wanted; when it can be compiled at all: the schema is
 * one level deeper then. */
static void check_within(const char *before, struct slice document, const char *behind,
                         struct slice properties, bool wanted)
{
    struct buf outer;
    struct err err;
    buf_init(&outer, PROPERTY_SCHEMA_SIZE_MAX);
    buf_append_str(&outer, before);
    buf_append_slice(&outer, document);
    buf_append_str(&outer, behind);
    struct property_schema *schema = property_schema_compile(buf_slice(&outer), NULL, &err);
    if (schema != NULL)
        ASSERT(check(schema, properties) == wanted);
    property_schema_free(schema);
    buf_done(&outer);
}

/* Whether it is JSON without a flaw, as the properties of an event that was taken are. */
static bool is_flawless(struct slice text)
{
    struct arena arena;
    struct keys keys;
    struct scan scan;
    struct scan_value value;
    arena_init(&arena, FUZZ_ARENA_MAX);
    keys_init(&keys, &arena);
    scan_init(&scan, text, &keys, &arena);
    bool flawless = scan_read(&scan, &value) && scan_at_end(&scan) && scan.err.code == ERR_NONE;
    arena_done(&arena);
    return flawless;
}

void fuzz_property_schema(struct slice input)
{
    struct slice properties = input, document = fuzz_take(&properties, "\n\n");
    struct property_schema *strict = compile(document, true);
    struct property_schema *schema = compile(document, false);
    bool can_check = is_flawless(properties);
    if (schema != NULL) {
        json_error_t error;
        json_t *theirs = jansson_read(document, &error);
        ASSERT(jansson_agrees(document, ERR_NONE, theirs, &error));
        json_decref(theirs);
    }
    if (strict != NULL && can_check)
        (void)check(strict, properties);
    /* $ref and $id mean another place within another schema. */
    if (schema != NULL && can_check) {
        bool fits = check(schema, properties);
        if (document.size <= SMALL_SCHEMA_MAX && properties.size <= SMALL_PROPERTIES_MAX &&
            memchr(document.data, '$', document.size) == NULL &&
            memchr(document.data, '\\', document.size) == NULL) {
            check_within("{\"allOf\":[", document, "]}", properties, fits);
            check_within("{\"not\":", document, "}", properties, !fits);
        }
    }
    property_schema_free(strict);
    property_schema_free(schema);
}
