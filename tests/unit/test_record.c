/* The canonical record. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "schemas/record.h"
#include "schemas/timestamp.h"
#include "tests/support/same.h"
#include "tests/support/text.h"

static const struct record full = {
    .organization_id = {"7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11", 36},
    .transaction_id = {"tx \"1\" \\ €", 12},
    .external_customer_id = {"customer", 8},
    .code = {"api/call", 8},
    .external_subscription_id = {"sub", 3},
    .value = {"12.50", 5},
    .properties = {"{ \"a\" : [1.0, \"\\u0041\"] }", 25},
    .timestamp_ms = 1795420800123,
    .ingested_ms = 1795420801004,
    .transactional = true,
};

static const struct record least = {
    .organization_id = {"o", 1},
    .transaction_id = {"t", 1},
    .external_customer_id = {"c", 1},
    .code = {"a", 1},
    .properties = {"{}", 2},
    .timestamp_ms = 0,
    .ingested_ms = TIMESTAMP_MAX_MS,
};

TEST(record, is_written_in_one_order)
{
    struct buf out;
    buf_init(&out, 4096);
    record_encode(&full, &out);
    check_same(0, buf_slice(&out),
               "{\"organization_id\":\"7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11\","
               "\"transaction_id\":\"tx \\\"1\\\" \\\\ €\",\"external_customer_id\":\"customer\","
               "\"code\":\"api/call\",\"timestamp\":\"2026-11-23T08:00:00.123Z\","
               "\"ingested_at\":\"2026-11-23T08:00:01.004Z\",\"external_subscription_id\":\"sub\","
               "\"value\":\"12.50\",\"transactional\":true,"
               "\"properties\":{ \"a\" : [1.0, \"\\u0041\"] }}");
    buf_reset(&out);
    record_encode(&least, &out);
    check_same(1, buf_slice(&out),
               "{\"organization_id\":\"o\",\"transaction_id\":\"t\",\"external_customer_id\":\"c\","
               "\"code\":\"a\",\"timestamp\":\"1970-01-01T00:00:00.000Z\","
               "\"ingested_at\":\"2149-06-06T23:59:59.999Z\",\"properties\":{}}");
    buf_done(&out);
}

/* A small generator, so that each run tries the same records. */
static uint32_t draw(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525 + 1013904223;
    return (*seed >> 8) % below;
}

static struct slice draw_text(uint32_t *seed, struct arena *arena)
{
    static const char *const pieces[] = {"a", "\"", "\\", "/",     "ä",         "€",
                                         "😀", " ",  "{",  "u0041", ",\"code\":"};
    char text[255 * 4];
    size_t size = 0;
    for (uint32_t n = 1 + draw(seed, 30); n > 0; n--) {
        struct slice piece = slice_from(pieces[draw(seed, ARRAY_LEN(pieces))]);
        memcpy(text + size, piece.data, piece.size);
        size += piece.size;
    }
    return arena_copy(arena, (struct slice){text, size});
}

static struct record draw_record(uint32_t *seed, struct arena *arena)
{
    static const char *const values[] = {"", "0", "-1.50",
                                         "99999999999999999999.000000000000000001"};
    static const char *const properties[] = {
        "{}", "{ }", "{\"a\":{\"a\":[null,true,-1e5]}}",
        "{\"properties\":\"}\\\"\",\"code\":\"\\ud83d\\ude00\"}"};
    return (struct record){
        .organization_id = draw_text(seed, arena),
        .transaction_id = draw_text(seed, arena),
        .external_customer_id = draw_text(seed, arena),
        .code = draw_text(seed, arena),
        .external_subscription_id =
            draw(seed, 2) ? draw_text(seed, arena) : (struct slice){NULL, 0},
        .value = slice_from(values[draw(seed, ARRAY_LEN(values))]),
        .properties = slice_from(properties[draw(seed, ARRAY_LEN(properties))]),
        .timestamp_ms = (int64_t)draw(seed, 1 << 24) * 337000 + draw(seed, 1000),
        .ingested_ms = (int64_t)draw(seed, 1 << 24) * 337000 + draw(seed, 1000),
        .transactional = draw(seed, 2),
    };
}

TEST(record, is_read_as_it_was_written)
{
    struct arena arena;
    struct buf out;
    struct err err;
    struct record back;
    uint32_t seed = 1;
    arena_init(&arena, 1 << 20);
    buf_init(&out, 1 << 16);
    for (int i = 0; i < 3000; i++) {
        struct record record = i == 0 ? full : i == 1 ? least : draw_record(&seed, &arena);
        buf_reset(&out);
        record_encode(&record, &out);
        CHECK(!out.overflow);
        struct slice bytes = arena_copy(&arena, buf_slice(&out));
        bool read = record_decode(bytes, &arena, &back, &err);
        if (!read)
            fprintf(stderr, "%s: %s\n%.*s\n", err.pointer, err.text, SLICE_ARG(bytes));
        CHECK(read && same_record(&record, &back));
        arena_reset(&arena);
    }
    buf_done(&out);
    arena_done(&arena);
}

TEST(record, copies_only_what_is_escaped)
{
    struct arena arena;
    struct record record;
    struct err err;
    arena_init(&arena, 1 << 16);
    struct buf out;
    buf_init(&out, 4096);
    record_encode(&full, &out);
    CHECK(record_decode(buf_slice(&out), &arena, &record, &err));
    const char *begin = out.data, *end = out.data + out.size;
    CHECK(record.code.data > begin && record.code.data < end);
    CHECK(record.properties.data > begin && record.properties.data < end);
    CHECK(record.value.data > begin && record.value.data < end);
    CHECK(record.transaction_id.data < begin || record.transaction_id.data >= end);
    buf_done(&out);
    arena_done(&arena);
}

#define IDS   "'organization_id':'o','transaction_id':'t','external_customer_id':'c','code':'a'"
#define TIMES "'timestamp':'1970-01-01T00:00:00.000Z','ingested_at':'2149-06-06T23:59:59.999Z'"

/* What other producers may write. */
TEST(record, is_read_in_any_order)
{
    static const char *const rows[] = {
        "{" IDS "," TIMES ",'properties':{}}",
        " { " IDS " , " TIMES " , 'properties' : {} } \n",
        "{'properties':{}," TIMES "," IDS "}",
        "{" TIMES ",'properties':{}," IDS "}",
        "{" IDS "," TIMES ",'properties':{},'schema':{'v':[2]}}",
        "{" IDS "," TIMES ",'value':null,'transactional':null,'properties':{}}",
        "{" IDS "," TIMES ",'transactional':false,'external_subscription_id':null,'properties':{}}",
        "{'\\u006frganization_id':'\\u006f','transaction_id':'t','external_customer_id':'c',"
        "'code':'a','ingested_at':'2149-06-06T23:59:59.999Z','timestamp':'1970-01-01','properties':"
        "{}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct record record;
        struct err err = {.code = ERR_NONE};
        arena_init(&arena, 1 << 16);
        bool read = record_decode(json(&arena, rows[i]), &arena, &record, &err);
        if (!read)
            fprintf(stderr, "row %zu: %s %s\n", i, err.pointer, err.text);
        CHECK(read && same_record(&record, &least));
        arena_done(&arena);
    }
}

TEST(record, reads_values_of_other_producers)
{
    static const struct {
        const char *value, *want;
    } rows[] = {
        {"'1.50'", "1.50"}, {"1.50", "1.50"},   {"1.5e1", "15"},
        {"'1e-2'", "0.01"}, {"'\\u0031'", "1"},
    };
    char text[400];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct record record;
        struct err err;
        arena_init(&arena, 1 << 16);
        snprintf(text, sizeof text, "{" IDS "," TIMES ",'value':%s,'properties':{}}",
                 rows[i].value);
        CHECK(record_decode(json(&arena, text), &arena, &record, &err));
        check_same(i, record.value, rows[i].want);
        arena_done(&arena);
    }
}

TEST(record, is_invalid_with_pointer_and_reason)
{
    static const struct {
        const char *text, *pointer;
    } rows[] = {
        {"", ""},
        {"x", ""},
        {"[]", ""},
        {"{", ""},
        {"{}", "/organization_id"},
        {"{" IDS "," TIMES ",'properties':{}", "/properties"},
        {"{" IDS "," TIMES ",'properties':{}}}", ""},
        {"{" IDS "," TIMES ",'properties':{}}{}", ""},
        {"{" IDS "," TIMES ",'properties':{},}", "/properties"},
        {"{" IDS "," TIMES "}", "/properties"},
        {"{" IDS "," TIMES ",'properties':null}", "/properties"},
        {"{" IDS "," TIMES ",'properties':[]}", "/properties"},
        {"{" IDS "," TIMES ",'properties':{'a':{'b':1,'b':1}}}", "/properties/a/b"},
        {"{" IDS "," TIMES ",'properties':{'a':'\xFF'}}", "/properties/a"},
        {"{" IDS "," TIMES ",'properties':{'a':x}}", "/properties/a"},
        {"{" IDS "," TIMES ",'properties':{},'code':'a'}", "/code"},
        {"{" IDS ",'timestamp':'1970-01-01T00:00:00.000Z','properties':{}}", "/ingested_at"},
        {"{" IDS ",'ingested_at':'1970-01-01T00:00:00.000Z','properties':{}}", "/timestamp"},
        {"{" IDS
         ",'timestamp':'1969-12-31T23:59:59.999Z','ingested_at':'1970-01-01','properties':{}}",
         "/timestamp"},
        {"{" IDS ",'timestamp':'1970-01-01','ingested_at':'2149-06-07','properties':{}}",
         "/ingested_at"},
        {"{" IDS ",'timestamp':'soon','ingested_at':'1970-01-01','properties':{}}", "/timestamp"},
        {"{" IDS ",'timestamp':true,'ingested_at':'1970-01-01','properties':{}}", "/timestamp"},
        {"{'organization_id':7,'transaction_id':'t','external_customer_id':'c','code':'a'," TIMES
         ",'properties':{}}",
         "/organization_id"},
        {"{'organization_id':'o','transaction_id':'','external_customer_id':'c','code':'a'," TIMES
         ",'properties':{}}",
         "/transaction_id"},
        {"{'organization_id':'o','transaction_id':'t','external_customer_id':'\\u0000','code':'a'"
         "," TIMES ",'properties':{}}",
         "/external_customer_id"},
        {"{'organization_id':'o','transaction_id':'t','external_customer_id':'c','code':'\\ud800'"
         "," TIMES ",'properties':{}}",
         "/code"},
        {"{" IDS "," TIMES ",'external_subscription_id':'','properties':{}}",
         "/external_subscription_id"},
        {"{" IDS "," TIMES ",'value':'','properties':{}}", "/value"},
        {"{" IDS "," TIMES ",'value':true,'properties':{}}", "/value"},
        {"{" IDS "," TIMES ",'value':1e30,'properties':{}}", "/value"},
        {"{" IDS "," TIMES ",'transactional':'yes','properties':{}}", "/transactional"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct arena arena;
        struct record record;
        struct err err;
        arena_init(&arena, 1 << 16);
        CHECK(!record_decode(json(&arena, rows[i].text), &arena, &record, &err));
        CHECK(err.code == ERR_RECORD_INVALID && err.text[0] != '\0');
        check_same(i, slice_from(err.pointer), rows[i].pointer);
        arena_done(&arena);
    }
}

/* Both ways of reading agree on how deep properties may be. */
TEST(record, may_be_as_deep_as_an_event)
{
    for (int spaced = 0; spaced < 2; spaced++)
        for (int levels = 29; levels <= 31; levels++) {
            struct arena arena;
            struct record record;
            struct err err;
            struct buf text;
            arena_init(&arena, 1 << 16);
            buf_init(&text, 4096);
            buf_append_str(&text, spaced ? " " : "");
            buf_append_str(&text, "{" IDS "," TIMES ",'properties':{'a':");
            for (int i = 0; i < levels; i++)
                buf_append_char(&text, '[');
            for (int i = 0; i < levels; i++)
                buf_append_char(&text, ']');
            buf_append_str(&text, "}}");
            struct slice bytes = json(&arena, buf_text(&text));
            CHECK(record_decode(bytes, &arena, &record, &err) == (levels <= 30));
            buf_done(&text);
            arena_done(&arena);
        }
}

TEST(record, needs_no_more_memory_than_its_arena_has)
{
    struct buf out;
    struct record record;
    struct err err;
    bool once = false;
    buf_init(&out, 4096);
    record_encode(&full, &out);
    for (size_t max = 0; max < 4096; max += 16) {
        struct arena arena;
        arena_init(&arena, max);
        bool read = record_decode(buf_slice(&out), &arena, &record, &err);
        CHECK(read || err.code == ERR_RECORD_INVALID);
        once |= read;
        arena_done(&arena);
    }
    CHECK(once);
    buf_done(&out);
}
