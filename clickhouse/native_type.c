/* Reads the text of a column's type, as system.columns has it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/native.h"
#include "clickhouse/fixed.h"

/* Types without parameters. */
static const struct plain_type {
    const char *name;
    enum native_kind kind;
    unsigned bytes;
} plain_types[] = {
    {"String", NATIVE_STRING, 0},     {"UUID", NATIVE_UUID, 16},    {"UInt8", NATIVE_UINT, 1},
    {"UInt16", NATIVE_UINT, 2},       {"UInt32", NATIVE_UINT, 4},   {"UInt64", NATIVE_UINT, 8},
    {"UInt128", NATIVE_UINT, 16},     {"UInt256", NATIVE_UINT, 32}, {"Int8", NATIVE_INT, 1},
    {"Int16", NATIVE_INT, 2},         {"Int32", NATIVE_INT, 4},     {"Int64", NATIVE_INT, 8},
    {"Int128", NATIVE_INT, 16},       {"Int256", NATIVE_INT, 32},   {"Float32", NATIVE_FLOAT, 4},
    {"Float64", NATIVE_FLOAT, 8},     {"Date", NATIVE_DATE, 2},     {"Date32", NATIVE_DATE, 4},
    {"DateTime", NATIVE_DATETIME, 4},
};

enum {
    NUMBER_DIGITS_MAX = 5,
    DATETIME64_DIGITS_MAX = 9,
};

/* Takes "Name(" from the front and ")" from the end. */
static bool unwrap(struct slice *text, const char *name)
{
    struct slice prefix = slice_from(name);
    if (text->size < prefix.size + 2 || memcmp(text->data, prefix.data, prefix.size) != 0 ||
        text->data[prefix.size] != '(' || text->data[text->size - 1] != ')')
        return false;
    *text = (struct slice){text->data + prefix.size + 1, text->size - prefix.size - 2};
    return true;
}

static bool read_number(struct slice *text, unsigned *ret_number)
{
    unsigned number = 0;
    size_t at = 0;
    while (at < text->size && at < NUMBER_DIGITS_MAX && text->data[at] >= '0' &&
           text->data[at] <= '9')
        number = number * 10 + (unsigned)(text->data[at++] - '0');
    if (at == 0)
        return false;
    *text = (struct slice){text->data + at, text->size - at};
    *ret_number = number;
    return true;
}

static bool skip(struct slice *text, char expected)
{
    if (text->size == 0 || text->data[0] != expected)
        return false;
    *text = (struct slice){text->data + 1, text->size - 1};
    while (text->size > 0 && text->data[0] == ' ')
        *text = (struct slice){text->data + 1, text->size - 1};
    return true;
}

/* "38, 18" */
static bool parse_decimal(struct slice text, struct native_type *type)
{
    if (!read_number(&text, &type->precision) || !skip(&text, ',') ||
        !read_number(&text, &type->scale) || text.size > 0)
        return false;
    if (type->precision < 1 || type->precision > FIXED_WIDE_DIGITS_MAX ||
        type->scale > type->precision)
        return false;
    type->kind = NATIVE_DECIMAL;
    type->bytes = type->precision <= 9                  ? 4
                  : type->precision <= 18               ? 8
                  : type->precision <= FIXED_DIGITS_MAX ? 16
                                                        : 32;
    return true;
}

/* "'UTC'": only matters for display */
static bool is_zone(struct slice text)
{
    return text.size > 2 && text.data[0] == '\'' && text.data[text.size - 1] == '\'';
}

/* "3, 'UTC'" or "3" */
static bool parse_datetime64(struct slice text, struct native_type *type)
{
    if (!read_number(&text, &type->scale) || type->scale > DATETIME64_DIGITS_MAX)
        return false;
    type->kind = NATIVE_DATETIME;
    type->bytes = 8;
    return text.size == 0 || (skip(&text, ',') && is_zone(text));
}

static bool parse_fixed_string(struct slice text, struct native_type *type)
{
    type->kind = NATIVE_FIXED_STRING;
    return read_number(&text, &type->bytes) && type->bytes > 0 && text.size == 0;
}

static bool parse_inner(struct slice text, struct native_type *type)
{
    for (size_t i = 0; i < ARRAY_LEN(plain_types); i++)
        if (slice_equal(text, slice_from(plain_types[i].name))) {
            type->kind = plain_types[i].kind;
            type->bytes = plain_types[i].bytes;
            return true;
        }
    if (unwrap(&text, "Decimal"))
        return parse_decimal(text, type);
    if (unwrap(&text, "DateTime64"))
        return parse_datetime64(text, type);
    if (unwrap(&text, "FixedString"))
        return parse_fixed_string(text, type);
    type->kind = NATIVE_DATETIME;
    type->bytes = 4;
    return unwrap(&text, "DateTime") && is_zone(text);
}

/* Which sources a kind takes, as a set of bits. */
static const unsigned taken[] = {
    [NATIVE_STRING] = 1u << NATIVE_FROM_TEXT | 1u << NATIVE_FROM_DECIMAL,
    [NATIVE_FIXED_STRING] = 1u << NATIVE_FROM_TEXT | 1u << NATIVE_FROM_DECIMAL,
    [NATIVE_UUID] = 1u << NATIVE_FROM_TEXT,
    [NATIVE_UINT] = 1u << NATIVE_FROM_U64 | 1u << NATIVE_FROM_DECIMAL,
    [NATIVE_INT] = 1u << NATIVE_FROM_U64 | 1u << NATIVE_FROM_DECIMAL,
    [NATIVE_FLOAT] = 1u << NATIVE_FROM_DECIMAL,
    [NATIVE_DECIMAL] = 1u << NATIVE_FROM_DECIMAL,
    [NATIVE_DATE] = 1u << NATIVE_FROM_TIME_MS,
    [NATIVE_DATETIME] = 1u << NATIVE_FROM_TIME_MS,
};

bool native_type_parse(const char *text, struct native_type *ret_type, struct err *reterr)
{
    struct native_type type = {.kind = NATIVE_STRING};
    struct slice inner = slice_from(text);
    bool fits = inner.size < sizeof type.text;
    if (fits) {
        memcpy(type.text, text, inner.size + 1);
        type.low_cardinality = unwrap(&inner, "LowCardinality");
        type.nullable = unwrap(&inner, "Nullable");
        fits = parse_inner(inner, &type) && (!type.low_cardinality || type.kind == NATIVE_STRING ||
                                             type.kind == NATIVE_FIXED_STRING);
    }
    if (!fits)
        return err_set(reterr, ERR_TABLE_MISMATCH, "the type %s cannot be written", text);
    *ret_type = type;
    return true;
}

bool native_type_takes(const struct native_type *type, enum native_source source)
{
    return taken[type->kind] & 1u << source;
}

bool native_type_holds(const struct native_type *type, uint64_t max)
{
    unsigned bits = type->bytes * 8 - (type->kind == NATIVE_INT);
    return native_type_takes(type, NATIVE_FROM_U64) && (bits >= 64 || max >> bits == 0);
}

bool native_type_keeps_ms(const struct native_type *type)
{
    return type->kind == NATIVE_DATETIME && type->bytes == 8 && type->scale >= 3;
}
