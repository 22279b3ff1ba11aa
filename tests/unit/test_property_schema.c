/* Property schemas. The official suite covers the keywords (./scripts/test suite); here is each
 * error with its place, exactness, and what is meant to be expensive.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/property_schema.h"
#include "base/buf.h"
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

enum { MEMORY_MAX = 8 << 20 };

static struct property_schema *compiled(const char *document)
{
    struct err err = {.code = ERR_NONE};
    const struct property_schema_options options = {.assert_formats = true};
    struct property_schema *schema = property_schema_compile(slice_from(document), &options, &err);
    if (schema == NULL)
        fprintf(stderr, "%s: %s: %s\n", document, err.pointer, err.text);
    CHECK(schema != NULL);
    return schema;
}

static bool fits(const char *document, const char *properties, struct err *reterr)
{
    struct property_schema *schema = compiled(document);
    struct arena arena;
    arena_init(&arena, MEMORY_MAX);
    bool ok = property_schema_check(schema, slice_from(properties), &arena, reterr);
    arena_done(&arena);
    property_schema_free(schema);
    return ok;
}

TEST(property_schema, says_where_and_which_keyword)
{
    static const struct {
        const char *schema, *good, *bad, *pointer, *keyword;
    } rows[] = {
        {"{\"type\":\"object\"}", "{}", "[]", "", "type:"},
        {"{\"type\":[\"integer\",\"null\"]}", "1.0", "1.5", "", "type:"},
        {"{\"properties\":{\"a\":{\"properties\":{\"b\":{\"type\":\"string\"}}}}}",
         "{\"a\":{\"b\":\"\"}}", "{\"a\":{\"b\":1}}", "/a/b", "type:"},
        {"{\"properties\":{\"a/b~\":{\"type\":\"string\"}}}", "{}", "{\"a\\/b~\":1}", "/a~1b~0",
         "type:"},
        {"{\"required\":[\"a\",\"b\"]}", "{\"b\":1,\"\\u0061\":2}", "{\"a\":1}", "", "required:"},
        {"{\"additionalProperties\":false,\"properties\":{\"a\":true}}", "{\"a\":1}", "{\"c\":1}",
         "/c", "additionalProperties:"},
        {"{\"additionalProperties\":{\"type\":\"null\"}}", "{\"a\":null}", "{\"c\":1}", "/c",
         "type:"},
        {"{\"patternProperties\":{\"^x\":{\"type\":\"null\"}}}", "{\"a\":1,\"x\":null}",
         "{\"xy\":1}", "/xy", "type:"},
        {"{\"propertyNames\":{\"maxLength\":2}}", "{\"ab\":1}", "{\"abc\":1}", "/abc",
         "maxLength:"},
        {"{\"minProperties\":1}", "{\"a\":1}", "{}", "", "minProperties:"},
        {"{\"maxProperties\":1}", "{\"a\":1}", "{\"a\":1,\"b\":1}", "", "maxProperties:"},
        {"{\"enum\":[1,\"a\",{\"x\":[1,2]}]}", "{\"x\":[1.0,20e-1]}", "{\"x\":[2,1]}", "", "enum:"},
        {"{\"const\":\"\\u00e9\"}", "\"\xC3\xA9\"", "\"e\"", "", "const:"},
        {"{\"minimum\":1}", "1", "0.9999999999999999999999999", "", "minimum:"},
        {"{\"maximum\":1}", "1.0", "1.0000000000000000000000001", "", "maximum:"},
        {"{\"exclusiveMinimum\":1}", "1.0000000000000000000000001", "1.0", "", "exclusiveMinimum:"},
        {"{\"exclusiveMaximum\":1}", "-5", "10e-1", "", "exclusiveMaximum:"},
        {"{\"multipleOf\":0.01}", "19.99", "19.999", "", "multipleOf:"},
        {"{\"minLength\":2}", "\"\\ud83d\\ude00a\"", "\"\\ud83d\\ude00\"", "", "minLength:"},
        {"{\"maxLength\":1}", "\"\xF0\x9F\x98\x80\"", "\"ab\"", "", "maxLength:"},
        {"{\"pattern\":\"^a$\"}", "\"\\u0061\"", "\"b\"", "", "pattern:"},
        {"{\"format\":\"uuid\"}", "\"2eb8aa08-aa98-11ea-b4aa-73b441d16380\"", "\"2eb8\"", "",
         "format:"},
        {"{\"format\":\"date-time\"}", "\"2026-11-23T08:00:00Z\"", "\"2026-02-29T08:00:00Z\"", "",
         "format:"},
        {"{\"items\":{\"type\":\"integer\"}}", "[1,2]", "[1,\"a\"]", "/1", "type:"},
        {"{\"prefixItems\":[true,{\"type\":\"null\"}],\"items\":false}", "[1,null]", "[1,null,2]",
         "/2", "false:"},
        {"{\"minItems\":1}", "[1]", "[]", "", "minItems:"},
        {"{\"maxItems\":1}", "[1]", "[1,2]", "", "maxItems:"},
        {"{\"uniqueItems\":true}", "[1,\"1\",[1],{\"a\":1}]",
         "[{\"a\":1,\"b\":2},0,{\"b\":2.0,\"a\":1}]", "", "uniqueItems:"},
        {"{\"allOf\":[{\"minimum\":1},{\"maximum\":2}]}", "2", "3", "", "maximum:"},
        {"{\"anyOf\":[{\"minimum\":5},{\"maximum\":2}]}", "2", "3", "", "anyOf:"},
        {"{\"oneOf\":[{\"minimum\":1},{\"maximum\":2}]}", "3", "2", "", "oneOf:"},
        {"{\"not\":{\"type\":\"null\"}}", "1", "null", "", "not:"},
        {"{\"if\":{\"minimum\":5},\"then\":{\"maximum\":7},\"else\":{\"minimum\":2}}", "6", "8", "",
         "maximum:"},
        {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"b\":1}", "{\"a\":1}", "",
         "dependentRequired:"},
        {"{\"dependentSchemas\":{\"a\":{\"maxProperties\":1}}}", "{\"a\":1}", "{\"a\":1,\"b\":1}",
         "", "maxProperties:"},
        /* a URI of its own, and what is relative to it */
        {"{\"$id\":\"http://h/a/b\",\"$defs\":{\"x\":{\"$id\":\"../c#\",\"$ref\":\"#/$defs/"
         "y\",\"$defs\":"
         "{\"y\":{\"type\":\"null\"}}}},\"items\":{\"$ref\":\"/c\"}}",
         "[null]", "[1]", "/0", "type"},
        {"{\"$defs\":{\"x\":{\"$id\":\"x\",\"$anchor\":\"n\",\"type\":\"null\"},\"y\":{\"$id\":"
         "\"y\","
         "\"$anchor\":\"n\"}},\"items\":{\"$ref\":\"x#n\"}}",
         "[null]", "[1]", "/0", "type"},
        {"{\"$defs\":{\"x\":{\"$anchor\":\"n\",\"type\":\"null\"}},\"items\":{\"$ref\":\"#n\"}}",
         "[null]", "[1]", "/0", "type:"},
        {"{\"items\":{\"$ref\":\"#\"},\"type\":\"array\"}", "[[],[[]]]", "[[],[[1]]]", "/1/0/0",
         "type:"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {.code = ERR_NONE};
        if (!fits(rows[i].schema, rows[i].good, &err))
            fprintf(stderr, "row %zu: %s\n", i, err.text);
        CHECK(err.code == ERR_NONE);
        CHECK(!fits(rows[i].schema, rows[i].bad, &err));
        if (strcmp(err.pointer, rows[i].pointer) != 0 ||
            strncmp(err.text, rows[i].keyword, strlen(rows[i].keyword)) != 0)
            fprintf(stderr, "row %zu: %s %s\n", i, err.pointer, err.text);
        CHECK(err.code == ERR_PROPERTY_SCHEMA);
        CHECK(strcmp(err.pointer, rows[i].pointer) == 0);
        CHECK(strncmp(err.text, rows[i].keyword, strlen(rows[i].keyword)) == 0);
    }
}

TEST(property_schema, refuses_what_it_would_have_to_ignore)
{
    static const struct {
        const char *schema;
        enum err_code code;
        const char *pointer;
    } rows[] = {
        {"{\"unevaluatedProperties\":false}", ERR_SCHEMA_UNSUPPORTED, "/unevaluatedProperties"},
        {"{\"properties\":{\"a\":{\"contains\":{}}}}", ERR_SCHEMA_UNSUPPORTED,
         "/properties/a/contains"},
        {"{\"allOf\":[true,{\"typ\":1}]}", ERR_SCHEMA_UNSUPPORTED, "/allOf/1/typ"},
        {"{\"format\":\"email\"}", ERR_SCHEMA_UNSUPPORTED, "/format"},
        {"{\"pattern\":\"(?=a)\"}", ERR_SCHEMA_UNSUPPORTED, "/pattern"},
        {"{\"patternProperties\":{\"(\":true}}", ERR_SCHEMA_UNSUPPORTED, "/patternProperties/("},
        {"{\"multipleOf\":1.2345678901234567891}", ERR_SCHEMA_UNSUPPORTED, "/multipleOf"},
        {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", ERR_SCHEMA_UNSUPPORTED,
         "/$schema"},
        {"{\"$ref\":\"other.json\"}", ERR_SCHEMA_UNSUPPORTED, "/$ref"},
        {"{\"$ref\":\"#/$defs/none\"}", ERR_SCHEMA_INVALID, "/$ref"},
        {"{\"$ref\":\"#\"}", ERR_SCHEMA_INVALID, ""},
        {"{\"anyOf\":[{\"$ref\":\"#/$defs/a\"}],\"$defs\":{\"a\":{\"not\":{\"$ref\":\"#\"}}}}",
         ERR_SCHEMA_INVALID, NULL},
        {"{\"items\":{\"$id\":\"x#y\"}}", ERR_SCHEMA_INVALID, "/items/$id"},
        {"{\"items\":{\"$id\":7}}", ERR_SCHEMA_INVALID, "/items/$id"},
        {"{\"$id\":\"/x\",\"items\":{\"$id\":\"./x\"}}", ERR_SCHEMA_INVALID, "/items/$id"},
        {"{\"items\":{\"$id\":\"a\",\"$ref\":\"#n\"},\"$anchor\":\"n\"}", ERR_SCHEMA_INVALID,
         "/items/$ref"},
        {"{\"items\":{\"$id\":\"/a/\",\"$ref\":\"c\"},\"$defs\":{\"c\":{\"$id\":\"/c\"}}}",
         ERR_SCHEMA_UNSUPPORTED, "/items/$ref"},
        {"{\"type\":\"text\"}", ERR_SCHEMA_INVALID, "/type"},
        {"{\"type\":[]}", ERR_SCHEMA_INVALID, "/type"},
        {"{\"minimum\":\"1\"}", ERR_SCHEMA_INVALID, "/minimum"},
        {"{\"multipleOf\":0}", ERR_SCHEMA_INVALID, "/multipleOf"},
        {"{\"minLength\":-1}", ERR_SCHEMA_INVALID, "/minLength"},
        {"{\"minLength\":1.5}", ERR_SCHEMA_INVALID, "/minLength"},
        {"{\"required\":[\"a\",\"a\"]}", ERR_SCHEMA_INVALID, "/required"},
        {"{\"required\":\"a\"}", ERR_SCHEMA_INVALID, "/required"},
        {"{\"enum\":1}", ERR_SCHEMA_INVALID, "/enum"},
        {"{\"allOf\":[]}", ERR_SCHEMA_INVALID, "/allOf"},
        {"{\"items\":[true]}", ERR_SCHEMA_INVALID, "/items"},
        {"{\"properties\":{\"a\":1}}", ERR_SCHEMA_INVALID, "/properties/a"},
        {"{\"uniqueItems\":1}", ERR_SCHEMA_INVALID, "/uniqueItems"},
        {"{\"$anchor\":\"1\"}", ERR_SCHEMA_INVALID, "/$anchor"},
        {"1", ERR_SCHEMA_INVALID, ""},
        {"", ERR_SCHEMA_INVALID, ""},
        {"{", ERR_SCHEMA_INVALID, NULL},
        {"{} {}", ERR_SCHEMA_INVALID, ""},
        {"{\"type\":\"null\",\"type\":\"null\"}", ERR_SCHEMA_INVALID, NULL},
    };
    const struct property_schema_options options = {.assert_formats = true};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {.code = ERR_NONE};
        CHECK(property_schema_compile(slice_from(rows[i].schema), &options, &err) == NULL);
        if (err.code != rows[i].code ||
            (rows[i].pointer != NULL && strcmp(err.pointer, rows[i].pointer) != 0))
            fprintf(stderr, "row %zu: %d at %s: %s\n", i, (int)err.code, err.pointer, err.text);
        CHECK(err.code == rows[i].code);
        CHECK(rows[i].pointer == NULL || strcmp(err.pointer, rows[i].pointer) == 0);
        CHECK(err.text[0] != '\0');
    }
}

TEST(property_schema, compares_numbers_exactly)
{
    struct err err;
    CHECK(fits("{\"const\":1}", "10e-1", &err));
    CHECK(fits("{\"const\":-0.0}", "0", &err));
    CHECK(!fits("{\"const\":9007199254740993}", "9007199254740992", &err));
    CHECK(fits("{\"maximum\":1e400}", "9e399", &err));
    CHECK(!fits("{\"maximum\":1e400}", "1.1e400", &err));
    CHECK(fits("{\"type\":\"integer\"}", "1e999999999", &err));
    CHECK(!fits("{\"type\":\"integer\"}", "1e-999999999", &err));
    CHECK(fits("{\"multipleOf\":0.0001}", "0.0075", &err));
    CHECK(!fits("{\"multipleOf\":0.0001}", "0.00751", &err));
    CHECK(fits("{\"multipleOf\":0.1}", "1e999999999", &err));
    CHECK(!fits("{\"multipleOf\":3}", "1e999999999", &err));
    CHECK(fits("{\"multipleOf\":3}", "300000000000000000000000000000000000000000000000003", &err));
    CHECK(fits("{\"multipleOf\":999999999999999999}", "-999999999999999999e5", &err));
    CHECK(fits("{\"multipleOf\":7}", "0", &err));
}

/* Two references in each of 30 schemas: 2^30 checks, if nobody counted them. */
TEST(property_schema, gives_up_what_takes_too_much_work)
{
    struct buf document;
    buf_init(&document, PROPERTY_SCHEMA_SIZE_MAX);
    buf_append_str(&document, "{\"$ref\":\"#/$defs/0\",\"$defs\":{\"28\":{\"type\":\"number\"}");
    for (int i = 0; i < 28; i += 2)
        buf_printf(&document,
                   ",\"%d\":{\"allOf\":[{\"$ref\":\"#/$defs/%d\"},{\"$ref\":\"#/$defs/%d\"},"
                   "{\"$ref\":\"#/$defs/%d\"},{\"$ref\":\"#/$defs/%d\"}]}",
                   i, i + 2, i + 2, i + 2, i + 2);
    buf_append_str(&document, "}}");
    struct err err;
    CHECK(!fits(buf_text(&document), "1", &err));
    CHECK(err.code == ERR_PROPERTY_SCHEMA);
    CHECK(strstr(err.text, "too much work") != NULL);
    buf_done(&document);
}

TEST(property_schema, refuses_chains_that_are_too_long_and_too_many_schemas)
{
    struct buf document;
    buf_init(&document, 4 * PROPERTY_SCHEMA_SIZE_MAX);
    buf_append_str(&document, "{\"$defs\":{\"40\":true");
    for (int i = 0; i < 40; i++)
        buf_printf(&document, ",\"%d\":{\"$ref\":\"#/$defs/%d\"}", i, i + 1);
    buf_append_str(&document, "}}");
    struct err err;
    CHECK(property_schema_compile(buf_slice(&document), NULL, &err) == NULL);
    CHECK(err.code == ERR_SCHEMA_UNSUPPORTED);

    buf_reset(&document);
    buf_append_str(&document, "{\"prefixItems\":[true");
    for (int i = 0; i < PROPERTY_SCHEMA_NODES_MAX; i++)
        buf_append_str(&document, ",true");
    buf_append_str(&document, "]}");
    CHECK(property_schema_compile(buf_slice(&document), NULL, &err) == NULL);
    CHECK(err.code == ERR_SCHEMA_UNSUPPORTED);

    buf_reset(&document);
    buf_append_str(&document, "{\"title\":\"");
    while (document.size <= PROPERTY_SCHEMA_SIZE_MAX)
        buf_append_char(&document, 'x');
    buf_append_str(&document, "\"}");
    CHECK(property_schema_compile(buf_slice(&document), NULL, &err) == NULL);
    CHECK(err.code == ERR_SCHEMA_UNSUPPORTED);
    buf_done(&document);
}

TEST(property_schema, finds_equal_elements_among_many)
{
    struct buf array;
    buf_init(&array, 1 << 20);
    buf_append_char(&array, '[');
    for (int i = 0; i < 50000; i++)
        buf_printf(&array, "%d,", i);
    buf_append_str(&array, "-1]");
    struct err err;
    CHECK(fits("{\"uniqueItems\":true}", buf_text(&array), &err));
    array.size--;
    buf_append_str(&array, ",49999.0]");
    CHECK(!fits("{\"uniqueItems\":true}", buf_text(&array), &err));
    CHECK(strstr(err.text, "uniqueItems: The elements 49999 and 50001 are equal.") != NULL);
    buf_done(&array);
}

TEST(property_schema, treats_a_format_as_a_note_unless_asked)
{
    struct err err;
    struct property_schema *schema =
        property_schema_compile(SLICE("{\"format\":\"email\"}"), NULL, &err);
    CHECK(schema != NULL);
    struct arena arena;
    arena_init(&arena, MEMORY_MAX);
    CHECK(property_schema_check(schema, SLICE("\"no address\""), &arena, &err));
    arena_done(&arena);
    property_schema_free(schema);
    property_schema_free(NULL);
}

/* However long it is: 64 KiB of identifiers that are resolved one within another. */
TEST(property_schema, has_uris_of_limited_size)
{
    char id[PROPERTY_SCHEMA_SIZE_MAX / 2];
    struct buf document;
    struct err err;
    memset(id, 'x', sizeof id);
    for (size_t size = 1000; size < sizeof id; size += 15000) {
        buf_init(&document, PROPERTY_SCHEMA_SIZE_MAX);
        buf_printf(&document, "{\"$id\":\"/%.*s/\",\"$defs\":{", (int)size, id);
        for (int i = 0; i < 1000; i++)
            buf_printf(&document, "%s\"%d\":{\"$id\":\"%d\"}", i > 0 ? "," : "", i, i);
        buf_append_str(&document, "}}");
        CHECK(!document.overflow);
        struct property_schema *schema = property_schema_compile(buf_slice(&document), NULL, &err);
        CHECK((schema != NULL) == (size == 1000));
        CHECK(schema != NULL || err.code == ERR_SCHEMA_UNSUPPORTED);
        property_schema_free(schema);
        buf_done(&document);
    }
}
