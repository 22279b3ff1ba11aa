/* The bytes of small Native blocks; their meaning was checked against ClickHouse itself, which the
 * flow tests do again. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/native.h"
#include "tests/unit/check.h"
#include <stdlib.h>

enum { OUT_MAX = 1 << 22 };

static struct native_type type_of(const char *text)
{
    struct native_type type;
    struct err err;
    CHECK(native_type_parse(text, &type, &err));
    return type;
}

/* A block of one column, being written. */
struct fixture {
    struct buf out;
    struct native_block block;
    struct native_type type;
    struct err err;
    size_t head; /* bytes before the column's values */
};

static void begin(struct fixture *f, const char *type, size_t rows)
{
    *f = (struct fixture){.type = type_of(type)};
    buf_init(&f->out, OUT_MAX);
    native_block_begin(&f->block, &f->out, 1, rows);
    f->head = f->out.size + 1 + 1 + 1 + strlen(type); /* "c" and the type, each with its size */
    native_column_begin(&f->block, "c", &f->type);
}

static bool values_are(struct fixture *f, const void *bytes, size_t size)
{
    native_column_end(&f->block);
    bool same = f->out.size == f->head + size && !f->out.overflow &&
                memcmp(f->out.data + f->head, bytes, size) == 0;
    native_block_done(&f->block);
    buf_done(&f->out);
    return same;
}

static void drop(struct fixture *f)
{
    native_block_done(&f->block);
    buf_done(&f->out);
}

#define VALUES_ARE(f, ...)                                                                         \
    values_are(f, (const unsigned char[]){__VA_ARGS__},                                            \
               sizeof((const unsigned char[]){__VA_ARGS__}))

TEST(native, block_begins_with_columns_rows_and_names)
{
    struct fixture f;
    begin(&f, "UInt8", 2);
    CHECK(native_add_u64(&f.block, 1, &f.err) && native_add_u64(&f.block, 255, &f.err));
    native_column_end(&f.block);
    static const char want[] = "\x01\x02\x01"
                               "c\x05UInt8\x01\xff";
    CHECK(f.out.size == sizeof want - 1 && memcmp(f.out.data, want, f.out.size) == 0);
    drop(&f);
}

TEST(native, row_counts_above_127_are_varuints)
{
    struct buf out;
    struct native_block block;
    buf_init(&out, OUT_MAX);
    native_block_begin(&block, &out, 1, 300000);
    CHECK(out.size == 4 && memcmp(out.data, "\x01\xe0\xa7\x12", 4) == 0);
    buf_done(&out);
}

TEST(native, strings_carry_their_size)
{
    struct fixture f;
    begin(&f, "String", 2);
    CHECK(native_add_text(&f.block, SLICE("h\nllo"), &f.err));
    CHECK(native_add_text(&f.block, SLICE(""), &f.err));
    CHECK(VALUES_ARE(&f, 5, 'h', '\n', 'l', 'l', 'o', 0));
}

TEST(native, nulls_stand_before_the_values)
{
    struct fixture f;
    begin(&f, "Nullable(UInt16)", 3);
    CHECK(native_add_u64(&f.block, 258, &f.err));
    CHECK(native_add_null(&f.block, &f.err));
    CHECK(native_add_u64(&f.block, 1, &f.err));
    CHECK(VALUES_ARE(&f, 0, 1, 0, 2, 1, 0, 0, 1, 0));

    begin(&f, "Nullable(String)", 2);
    CHECK(native_add_null(&f.block, &f.err));
    CHECK(native_add_decimal(&f.block, SLICE("1.50"), &f.err));
    CHECK(VALUES_ARE(&f, 1, 0, 0, 4, '1', '.', '5', '0'));

    begin(&f, "UInt16", 1);
    CHECK(!native_add_null(&f.block, &f.err) && f.err.code == ERR_TABLE_MISMATCH);
    drop(&f);
}

TEST(native, low_cardinality_sends_each_text_once)
{
    struct fixture f;
    begin(&f, "LowCardinality(String)", 4);
    const char *texts[] = {"a", "bb", "a", ""};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        CHECK(native_add_text(&f.block, slice_from(texts[i]), &f.err));
    CHECK(VALUES_ARE(&f, 1, 0, 0, 0, 0, 0, 0, 0, /* version */
                     0, 6, 0, 0, 0, 0, 0, 0,     /* UInt8 indexes, keys follow, dictionary */
                     3, 0, 0, 0, 0, 0, 0, 0,     /* keys */
                     1, 'a', 2, 'b', 'b', 0,     /* */
                     4, 0, 0, 0, 0, 0, 0, 0,     /* rows */
                     0, 1, 0, 2));
}

TEST(native, the_first_key_of_a_nullable_dictionary_is_null)
{
    struct fixture f;
    begin(&f, "LowCardinality(Nullable(FixedString(2)))", 4);
    CHECK(native_add_text(&f.block, SLICE(""), &f.err));
    CHECK(native_add_null(&f.block, &f.err));
    CHECK(native_add_null(&f.block, &f.err));
    CHECK(native_add_text(&f.block, SLICE("b"), &f.err));
    CHECK(VALUES_ARE(&f, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, /* */
                     3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'b', 0,         /* keys */
                     4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2));
}

TEST(native, fixed_strings_keep_their_size)
{
    struct fixture f;
    begin(&f, "FixedString(3)", 2);
    CHECK(native_add_text(&f.block, SLICE("abc"), &f.err));
    CHECK(native_add_text(&f.block, SLICE("a"), &f.err));
    CHECK(VALUES_ARE(&f, 'a', 'b', 'c', 'a', 0, 0));
    begin(&f, "FixedString(3)", 1);
    CHECK(!native_add_text(&f.block, SLICE("abcd"), &f.err));
    CHECK(f.err.code == ERR_VALUE_OUT_OF_RANGE);
    drop(&f);
    begin(&f, "FixedString(3)", 1); /* could not be told from "a" */
    CHECK(!native_add_text(&f.block, SLICE("a\0"), &f.err));
    drop(&f);
}

TEST(native, low_cardinality_widens_its_indexes)
{
    enum { ROWS = 70000 };
    static char texts[ROWS][6];
    struct fixture f;
    begin(&f, "LowCardinality(String)", ROWS);
    for (int i = 0; i < ROWS; i++) {
        snprintf(texts[i], sizeof texts[i], "%05d", i);
        CHECK(native_add_text(&f.block, slice_from(texts[i]), &f.err));
    }
    native_column_end(&f.block);
    const unsigned char *at = (const unsigned char *)f.out.data + f.head + 8;
    CHECK(at[0] == 2 && at[1] == 6); /* UInt32 */
    CHECK(at[8] == (ROWS & 255) && at[9] == (ROWS >> 8 & 255) && at[10] == ROWS >> 16);
    /* The last index is the last key's. */
    const unsigned char *last = (const unsigned char *)f.out.data + f.out.size - 4;
    CHECK(last[0] == ((ROWS - 1) & 255) && last[1] == ((ROWS - 1) >> 8 & 255) && last[2] == 1);
    CHECK(f.out.size == f.head + 8 + 8 + 8 + ROWS * 6 + 8 + ROWS * 4);
    drop(&f);
}

TEST(native, decimals_are_scaled_integers_of_their_width)
{
    struct fixture f;
    begin(&f, "Decimal(9, 2)", 2);
    CHECK(native_add_decimal(&f.block, SLICE("12.34"), &f.err));
    CHECK(native_add_decimal(&f.block, SLICE("-0.01"), &f.err));
    CHECK(VALUES_ARE(&f, 0xd2, 4, 0, 0, 255, 255, 255, 255));

    begin(&f, "Decimal(18, 0)", 1);
    CHECK(native_add_decimal(&f.block, SLICE("258"), &f.err));
    CHECK(VALUES_ARE(&f, 2, 1, 0, 0, 0, 0, 0, 0));

    begin(&f, "Decimal(38, 18)", 1);
    CHECK(native_add_decimal(&f.block, SLICE("-1"), &f.err));
    CHECK(VALUES_ARE(&f, 0, 0, 0x9c, 0x58, 0x4c, 0x49, 0x1f, 0xf2, 255, 255, 255, 255, 255, 255,
                     255, 255));

    begin(&f, "Decimal(38, 26)", 1);
    CHECK(!native_add_decimal(&f.block, SLICE("10000000000000000000"), &f.err));
    CHECK(f.err.code == ERR_VALUE_OUT_OF_RANGE);
    drop(&f);
}

TEST(native, doubles_are_the_nearest)
{
    struct fixture f;
    begin(&f, "Float64", 2);
    CHECK(native_add_decimal(&f.block, SLICE("0.1"), &f.err));
    CHECK(native_add_decimal(&f.block, SLICE("-2"), &f.err));
    CHECK(
        VALUES_ARE(&f, 0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0));
    begin(&f, "Float64", 1);
    CHECK(!native_add_decimal(&f.block, SLICE("0x1p3"), &f.err) && f.err.code == ERR_VALUE_INVALID);
    drop(&f);
}

TEST(native, integers_are_range_checked)
{
    const struct {
        const char *type;
        const char *value;
        bool fits;
    } rows[] = {
        {"UInt8", "255", true},
        {"UInt8", "256", false},
        {"UInt8", "-1", false},
        {"Int8", "-128", true},
        {"Int8", "128", false},
        {"Int16", "-32769", false},
        {"UInt16", "65536", false},
        {"Int32", "2147483647", true},
        {"Int32", "2147483648", false},
        {"UInt64", "18446744073709551615", true},
        {"UInt64", "18446744073709551616", false},
        {"Int64", "-9223372036854775808", true},
        {"Int64", "9223372036854775808", false},
        {"UInt32", "1.5", false},
        {"UInt32", "1.0", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fixture f;
        begin(&f, rows[i].type, 1);
        CHECK(native_add_decimal(&f.block, slice_from(rows[i].value), &f.err) == rows[i].fits);
        drop(&f);
    }
    struct fixture f;
    begin(&f, "Int64", 1);
    CHECK(!native_add_u64(&f.block, UINT64_MAX, &f.err) && f.err.code == ERR_VALUE_OUT_OF_RANGE);
    drop(&f);
}

TEST(native, times_have_the_ticks_of_their_type)
{
    struct fixture f;
    begin(&f, "DateTime64(3, 'UTC')", 2);
    CHECK(native_add_time_ms(&f.block, 258, &f.err));
    CHECK(native_add_time_ms(&f.block, -1, &f.err));
    CHECK(VALUES_ARE(&f, 2, 1, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255));

    begin(&f, "DateTime64(6)", 1);
    CHECK(native_add_time_ms(&f.block, 1, &f.err));
    CHECK(VALUES_ARE(&f, 0xe8, 3, 0, 0, 0, 0, 0, 0));

    begin(&f, "DateTime64(9)", 1);
    CHECK(!native_add_time_ms(&f.block, INT64_MAX / 1000, &f.err));
    drop(&f);

    begin(&f, "DateTime64(1)", 2); /* the tick that has begun */
    CHECK(native_add_time_ms(&f.block, 199, &f.err) && native_add_time_ms(&f.block, -1, &f.err));
    CHECK(VALUES_ARE(&f, 1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255));

    begin(&f, "DateTime", 1);
    CHECK(native_add_time_ms(&f.block, 4294967295999, &f.err));
    CHECK(VALUES_ARE(&f, 255, 255, 255, 255));
    begin(&f, "DateTime", 1);
    CHECK(!native_add_time_ms(&f.block, 4294967296000, &f.err));
    CHECK(f.err.code == ERR_VALUE_OUT_OF_RANGE);
    drop(&f);

    begin(&f, "Date32", 1);
    CHECK(native_add_time_ms(&f.block, -1, &f.err));
    CHECK(VALUES_ARE(&f, 255, 255, 255, 255));

    begin(&f, "Date", 1);
    CHECK(native_add_time_ms(&f.block, 2 * 86400000LL - 1, &f.err));
    CHECK(VALUES_ARE(&f, 1, 0));
}

TEST(native, uuids_are_two_little_endian_halves)
{
    struct fixture f;
    begin(&f, "UUID", 1);
    CHECK(native_add_text(&f.block, SLICE("00112233-4455-6677-8899-aabbccddeeff"), &f.err));
    CHECK(VALUES_ARE(&f, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0xff, 0xee, 0xdd, 0xcc, 0xbb,
                     0xaa, 0x99, 0x88));
    begin(&f, "UUID", 1);
    CHECK(!native_add_text(&f.block, SLICE("00112233-4455-6677-8899-aabbccddeef"), &f.err));
    drop(&f);
    begin(&f, "UUID", 1); /* would not come back as it was sent */
    CHECK(!native_add_text(&f.block, SLICE("00112233-4455-6677-8899-AAbbccddeeff"), &f.err));
    CHECK(f.err.code == ERR_VALUE_INVALID);
    drop(&f);
}

TEST(native, types_are_read_or_refused_by_name)
{
    static const char *const good[] = {
        "String",
        "LowCardinality(String)",
        "Nullable(String)",
        "Nullable(Decimal(38, 18))",
        "Decimal(1, 0)",
        "DateTime64(3)",
        "DateTime64(3, 'Europe/Berlin')",
        "Date",
        "UUID",
        "Int8",
        "UInt256",
        "Float32",
        "Date32",
        "DateTime",
        "DateTime('UTC')",
        "DateTime64(0)",
        "FixedString(16)",
        "Decimal(39, 0)",
        "Decimal(76, 76)",
        "LowCardinality(Nullable(String))",
        "LowCardinality(FixedString(36))",
    };
    static const char *const bad[] = {
        "",
        "Array(String)",
        "LowCardinality(UInt8)",
        "LowCardinality(UUID)",
        "Nullable(LowCardinality(String))",
        "Decimal(77, 0)",
        "Decimal(4, 5)",
        "Decimal(0, 0)",
        "DateTime64(10)",
        "DateTime64(3, UTC)",
        "DateTime()",
        "FixedString(0)",
        "FixedString(99999999)",
        "Bool",
        "Nullable(String",
        "Decimal(10 2)",
        "Enum8('a' = 1)",
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CHECK(strcmp(type_of(good[i]).text, good[i]) == 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct native_type type;
        struct err err;
        CHECK(!native_type_parse(bad[i], &type, &err) && err.code == ERR_TABLE_MISMATCH);
        CHECK(bad[i][0] == '\0' || strstr(err.text, bad[i]));
    }
}

TEST(native, values_go_only_where_their_type_takes_them)
{
    struct fixture f;
    begin(&f, "UInt8", 1);
    CHECK(!native_add_text(&f.block, SLICE("1"), &f.err) && f.err.code == ERR_TABLE_MISMATCH);
    drop(&f);
    begin(&f, "String", 1);
    CHECK(!native_add_u64(&f.block, 1, &f.err) && f.err.code == ERR_TABLE_MISMATCH);
    drop(&f);
    begin(&f, "String", 1);
    CHECK(!native_add_time_ms(&f.block, 1, &f.err) && f.err.code == ERR_TABLE_MISMATCH);
    drop(&f);
}

TEST(native, overflow_of_the_cap_is_seen)
{
    struct native_type type = type_of("LowCardinality(String)");
    struct buf out;
    struct native_block block;
    struct err err;
    buf_init(&out, 48);
    native_block_begin(&block, &out, 1, 1);
    native_column_begin(&block, "c", &type);
    CHECK(native_add_text(&block, SLICE("a text that is longer than the rest of the cap"), &err));
    native_column_end(&block);
    CHECK(out.overflow);
    native_block_done(&block);
    buf_done(&out);
}

/* The short way to a double rounds as strtod does. */
TEST(native, short_doubles_are_the_nearest)
{
    static const char *const texts[] = {"0.1",
                                        "-0.0",
                                        "0",
                                        "12.50",
                                        "-12.7",
                                        "0.3",
                                        "2.675",
                                        "9007199254740993",
                                        "1.005",
                                        "9007199254740992.5",
                                        "9007199254740991",
                                        "0.0000000000000001",
                                        "123456789.123456789",
                                        "-9999999999.99999",
                                        "999999999999999999",
                                        "0.30000000000000004",
                                        "5e-1"};
    uint64_t state = 1;
    for (size_t i = 0; i < 3000; i++) {
        struct fixture f;
        char text[64];
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        if (i < ARRAY_LEN(texts))
            snprintf(text, sizeof text, "%s", texts[i]);
        else
            snprintf(text, sizeof text, "%u.%0*u", (unsigned)(state >> 60), 1 + (int)(i % 9),
                     (unsigned)(state >> 36) % 1000000000);
        double want = strtod(text, NULL);
        begin(&f, "Float64", 1);
        if (!native_add_decimal(&f.block, slice_from(text), &f.err)) {
            CHECK(strcmp(text, "5e-1") == 0);
            drop(&f);
            continue;
        }
        CHECK(values_are(&f, &want, sizeof want));
    }
}
