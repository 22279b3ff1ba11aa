/* The Native block encoder.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/native.h"
#include "base/assert.h"
#include "clickhouse/fixed.h"
#include "clickhouse/native_bytes.h"
#include <stdlib.h>

enum {
    LOW_CARDINALITY_VERSION = 1, /* there is no other */
    DATE_MAX = 65535,            /* 2149-06-06, in days since 1970 */
    DATE32_MIN = -25567,         /* 1900-01-01 */
    DATE32_MAX = 120529,         /* 2299-12-31 */
    FLOAT_SCALE = 18,            /* digits after the point of a decimal that becomes a double */
    FLOAT_TEXT_SIZE = 64,
    MS_PER_DAY = 86400000,
    MS_PER_SECOND = 1000,
    MS_DIGITS = 3,
};

/* All integers up to it have a double. */
static const uint64_t DOUBLE_INTEGER_MAX = UINT64_C(1) << 53;

/* Blocks and columns */

void native_block_begin(struct native_block *block, struct buf *out, size_t columns, size_t rows)
{
    *block = (struct native_block){.out = out, .rows = rows, .columns_left = columns};
    native_append_varuint(out, columns);
    native_append_varuint(out, rows);
}

void native_block_done(struct native_block *block)
{
    native_dictionary_done(&block->dictionary);
}

void native_column_begin(struct native_block *block, const char *name,
                         const struct native_type *type)
{
    ASSERT(block->columns_left > 0 && !block->type);
    block->columns_left--;
    block->type = type;
    block->row = 0;
    native_append_text(block->out, slice_from(name), 0);
    native_append_text(block->out, slice_from(type->text), 0);
    if (type->low_cardinality) {
        native_dictionary_begin(&block->dictionary, block->rows, block->out->max, type->bytes,
                                type->nullable);
        if (block->rows > 0)
            native_append_le(block->out, LOW_CARDINALITY_VERSION, 8);
    }
    if (type->nullable && !type->low_cardinality) {
        /* The map of NULLs stands before the values. */
        block->nulls_at = block->out->size;
        char *map = buf_reserve(block->out, block->rows);
        if (map) {
            memset(map, 0, block->rows);
            block->out->size += block->rows;
        }
    }
    if (!type->low_cardinality)
        buf_reserve(block->out, block->rows * type->bytes); /* at once */
}

void native_column_end(struct native_block *block)
{
    ASSERT(block->type && block->row == block->rows);
    if (block->type->low_cardinality) {
        native_dictionary_write(&block->dictionary, block->out);
        native_dictionary_done(&block->dictionary);
    }
    block->type = NULL;
}

static const struct native_type *next_row(struct native_block *block)
{
    ASSERT(block->type && block->row < block->rows);
    block->row++;
    return block->type;
}

static bool takes(const struct native_type *type, enum native_source source, const char *what,
                  struct err *reterr)
{
    return native_type_takes(type, source) ||
           err_set(reterr, ERR_TABLE_MISMATCH, "a column of type %s takes no %s", type->text, what);
}

static bool out_of_range(const struct native_type *type, const char *what, struct err *reterr)
{
    return err_set(reterr, ERR_VALUE_OUT_OF_RANGE, "%s does not fit %s", what, type->text);
}

static bool is_text(const struct native_type *type)
{
    return type->kind == NATIVE_STRING || type->kind == NATIVE_FIXED_STRING;
}

/* The low `bytes` bytes, 1 to 32, of a 256-bit integer. */
static void append_limbs(struct buf *out, const uint64_t limbs[FIXED_WIDE_LIMBS], unsigned bytes)
{
    unsigned low = bytes < 16 ? bytes : 16;
    native_append_le(out, (unsigned __int128)limbs[1] << 64 | limbs[0], low);
    if (bytes > low)
        native_append_le(out, (unsigned __int128)limbs[3] << 64 | limbs[2], bytes - low);
}

bool native_add_null(struct native_block *block, struct err *reterr)
{
    const struct native_type *type = next_row(block);
    if (!type->nullable)
        return err_set(reterr, ERR_TABLE_MISMATCH, "a column of type %s takes no NULL", type->text);
    if (type->low_cardinality) {
        native_dictionary_add_null(&block->dictionary);
        return true;
    }
    if (!block->out->overflow)
        block->out->data[block->nulls_at + block->row - 1] = 1;
    if (is_text(type))
        native_append_text(block->out, (struct slice){NULL, 0}, type->bytes);
    else
        append_limbs(block->out, (const uint64_t[FIXED_WIDE_LIMBS]){0}, type->bytes);
    return true;
}

/* A FixedString is filled up with zeros, so that zeros at the end of a text could not be told from
 * these. */
static bool add_text(struct native_block *block, struct slice text, struct err *reterr)
{
    const struct native_type *type = block->type;
    if (type->kind == NATIVE_FIXED_STRING) {
        if (text.size > type->bytes)
            return out_of_range(type, "a longer text", reterr);
        if (text.size > 0 && text.data[text.size - 1] == '\0')
            return out_of_range(type, "a text that ends with NUL", reterr);
    }
    if (type->low_cardinality)
        native_dictionary_add(&block->dictionary, text);
    else
        native_append_text(block->out, text, type->bytes);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

/* A UUID is two 64-bit integers, each little-endian. ClickHouse gives it back in small letters:
 * another spelling would not come back as it was sent. */
static bool add_uuid(struct native_block *block, struct slice text, struct err *reterr)
{
    uint64_t halves[2] = {0, 0};
    size_t digits = 0;
    bool good = text.size == 36;
    for (size_t i = 0; good && i < text.size; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        int digit = hex_digit(text.data[i]);
        good = dash ? text.data[i] == '-' : digit >= 0;
        if (!dash && good) {
            halves[digits / 16] = halves[digits / 16] << 4 | (uint64_t)digit;
            digits++;
        }
    }
    if (!good)
        return err_set(reterr, ERR_VALUE_INVALID,
                       "a text of %zu bytes is not a UUID in small letters", text.size);
    native_append_le(block->out, halves[0], 8);
    native_append_le(block->out, halves[1], 8);
    return true;
}

bool native_add_text(struct native_block *block, struct slice text, struct err *reterr)
{
    const struct native_type *type = next_row(block);
    if (!takes(type, NATIVE_FROM_TEXT, "text", reterr))
        return false;
    if (type->kind == NATIVE_UUID)
        return add_uuid(block, text, reterr);
    return add_text(block, text, reterr);
}

/* A double holds digits and power exactly, so one division rounds once, as strtod does. */
static bool add_short_double(struct native_block *block, struct slice text)
{
    static const double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                           1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    struct fixed_short number;
    uint64_t bits;
    if (!fixed_short_read(text, &number) || number.digits > DOUBLE_INTEGER_MAX)
        return false;
    double value = (double)number.digits / powers_of_ten[number.part];
    value = number.negative ? -value : value;
    memcpy(&bits, &value, sizeof bits);
    native_append_le(block->out, bits, sizeof bits);
    return true;
}

/* The nearest float. What fixed_parse takes, strtod takes, and it is finite. */
static bool add_float(struct native_block *block, struct slice text, struct err *reterr)
{
    __int128 exact;
    char copy[FLOAT_TEXT_SIZE];
    if (block->type->bytes == sizeof(double) && add_short_double(block, text))
        return true;
    if (text.size >= sizeof copy)
        return out_of_range(block->type, "a decimal of so many digits", reterr);
    if (!fixed_parse(text, FIXED_DIGITS_MAX, FLOAT_SCALE, &exact, reterr))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (block->type->bytes == sizeof(float)) {
        float value = strtof(copy, NULL);
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        native_append_le(block->out, bits, sizeof bits);
    } else {
        double value = strtod(copy, NULL);
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        native_append_le(block->out, bits, sizeof bits);
    }
    return true;
}

/* Whether a 256-bit integer in two's complement is one of the type. */
static bool integer_fits(const struct native_type *type, const uint64_t limbs[FIXED_WIDE_LIMBS])
{
    bool negative = limbs[FIXED_WIDE_LIMBS - 1] >> 63;
    if (negative && type->kind == NATIVE_UINT)
        return false;
    /* From this bit on all must be like the sign. */
    unsigned from = type->bytes * 8 - (type->kind == NATIVE_INT);
    for (unsigned limb = from / 64; limb < FIXED_WIDE_LIMBS; limb++) {
        uint64_t like_sign = negative ? ~limbs[limb] : limbs[limb];
        if (limb == from / 64)
            like_sign >>= from % 64;
        if (like_sign != 0)
            return false;
    }
    return true;
}

static bool add_integer(struct native_block *block, const uint64_t limbs[FIXED_WIDE_LIMBS],
                        struct err *reterr)
{
    if (!integer_fits(block->type, limbs))
        return out_of_range(block->type, "an integer", reterr);
    append_limbs(block->out, limbs, block->type->bytes);
    return true;
}

static bool add_fixed(struct native_block *block, struct slice text, struct err *reterr)
{
    const struct native_type *type = block->type;
    __int128 value;
    if (!fixed_parse(text, type->precision, type->scale, &value, reterr))
        return false;
    native_append_le(block->out, (unsigned __int128)value, type->bytes);
    return true;
}

static bool add_wide(struct native_block *block, struct slice text, struct err *reterr)
{
    uint64_t limbs[FIXED_WIDE_LIMBS];
    if (!fixed_parse_wide(text, block->type->precision, block->type->scale, limbs, reterr))
        return false;
    append_limbs(block->out, limbs, block->type->bytes);
    return true;
}

bool native_add_decimal(struct native_block *block, struct slice text, struct err *reterr)
{
    const struct native_type *type = next_row(block);
    uint64_t limbs[FIXED_WIDE_LIMBS];
    if (!takes(type, NATIVE_FROM_DECIMAL, "decimal", reterr))
        return false;
    switch (type->kind) {
    case NATIVE_FLOAT:
        return add_float(block, text, reterr);
    case NATIVE_DECIMAL:
        return type->precision <= FIXED_DIGITS_MAX ? add_fixed(block, text, reterr)
                                                   : add_wide(block, text, reterr);
    case NATIVE_UINT:
    case NATIVE_INT:
        return fixed_parse_wide(text, FIXED_WIDE_DIGITS_MAX, 0, limbs, reterr) &&
               add_integer(block, limbs, reterr);
    default:
        return add_text(block, text, reterr);
    }
}

bool native_add_u64(struct native_block *block, uint64_t value, struct err *reterr)
{
    const struct native_type *type = next_row(block);
    const uint64_t limbs[FIXED_WIDE_LIMBS] = {value};
    if (type->kind == NATIVE_UINT && type->bytes <= sizeof value &&
        (type->bytes == sizeof value || value >> 8 * type->bytes == 0)) {
        native_append_le(block->out, value, type->bytes);
        return true;
    }
    return takes(type, NATIVE_FROM_U64, "integer", reterr) && add_integer(block, limbs, reterr);
}

/* The greatest integer that is not above ms / unit. */
static int64_t floor_div(int64_t ms, int64_t unit)
{
    return ms / unit - (ms % unit < 0);
}

static bool add_date(struct native_block *block, int64_t ms, struct err *reterr)
{
    bool wide = block->type->bytes == 4;
    int64_t days = floor_div(ms, MS_PER_DAY);
    if (days < (wide ? DATE32_MIN : 0) || days > (wide ? DATE32_MAX : DATE_MAX))
        return out_of_range(block->type, "a time", reterr);
    native_append_le(block->out, (unsigned __int128)days, block->type->bytes);
    return true;
}

static bool add_ticks(struct native_block *block, int64_t ms, struct err *reterr)
{
    const struct native_type *type = block->type;
    int64_t days = floor_div(ms, MS_PER_DAY), ticks = ms;
    if (days < DATE32_MIN || days > DATE32_MAX)
        return out_of_range(type, "a time", reterr);
    for (unsigned digits = type->scale; digits < MS_DIGITS; digits++)
        ticks = floor_div(ticks, 10);
    for (unsigned digits = MS_DIGITS; digits < type->scale; digits++)
        if (__builtin_mul_overflow(ticks, 10, &ticks))
            return out_of_range(type, "a time", reterr);
    native_append_le(block->out, (unsigned __int128)ticks, 8);
    return true;
}

static bool add_seconds(struct native_block *block, int64_t ms, struct err *reterr)
{
    int64_t seconds = floor_div(ms, MS_PER_SECOND);
    if (seconds < 0 || seconds > UINT32_MAX)
        return out_of_range(block->type, "a time", reterr);
    native_append_le(block->out, (unsigned __int128)seconds, 4);
    return true;
}

bool native_add_time_ms(struct native_block *block, int64_t ms, struct err *reterr)
{
    const struct native_type *type = next_row(block);
    if (!takes(type, NATIVE_FROM_TIME_MS, "time", reterr))
        return false;
    if (type->kind == NATIVE_DATE)
        return add_date(block, ms, reterr);
    return type->bytes == 4 ? add_seconds(block, ms, reterr) : add_ticks(block, ms, reterr);
}
