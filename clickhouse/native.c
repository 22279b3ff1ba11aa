/* The Native block encoder. All integers are little-endian; sizes are LEB128 ("varuint").
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/native.h"
#include "base/assert.h"
#include "clickhouse/fixed.h"
#include <stdlib.h>

enum {
    /* LowCardinality: the only version there is, and what stands before the indexes: keys follow
     * (bit 9), they make up the dictionary (bit 10), and the low byte is the width of an index. */
    LOW_CARDINALITY_VERSION = 1,
    LOW_CARDINALITY_FLAGS = 1 << 9 | 1 << 10,
    DICTIONARY_SLOTS_MIN = 64,
    DATE_MAX = 65535,
    FLOAT_SCALE = 18, /* digits after the point of a decimal that becomes a double */
    FLOAT_TEXT_SIZE = 64,
    MS_PER_DAY = 86400000,
};

static void append_le(struct buf *out, unsigned __int128 value, unsigned bytes)
{
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    unsigned __int128 swapped = 0;
    for (unsigned i = 0; i < sizeof value; i++, value >>= 8)
        swapped = swapped << 8 | (unsigned char)value;
    value = swapped;
#endif
    buf_append(out, &value, bytes);
}

static void append_varuint(struct buf *out, uint64_t value)
{
    unsigned char bytes[10];
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[len++] = (unsigned char)(value | 0x80);
    bytes[len++] = (unsigned char)value;
    buf_append(out, bytes, len);
}

static void append_string(struct buf *out, struct slice text)
{
    append_varuint(out, text.size);
    buf_append_slice(out, text);
}

/* The dictionary of a LowCardinality column */

static uint32_t hash(struct slice text)
{
    uint32_t h = 2166136261u; /* FNV-1a: short keys, and no one gains by colliding with himself */
    for (size_t i = 0; i < text.size; i++)
        h = (h ^ (unsigned char)text.data[i]) * 16777619u;
    return h;
}

static void dictionary_begin(struct native_dictionary *dictionary, size_t rows, size_t max)
{
    *dictionary = (struct native_dictionary){.slots_len = DICTIONARY_SLOTS_MIN};
    buf_init(&dictionary->keys, max);
    dictionary->indexes = xcalloc(rows ? rows : 1, sizeof *dictionary->indexes);
    dictionary->slots = xcalloc(dictionary->slots_len, sizeof *dictionary->slots);
    dictionary->texts = xcalloc(dictionary->slots_len, sizeof *dictionary->texts);
}

static void dictionary_done(struct native_dictionary *dictionary)
{
    buf_done(&dictionary->keys);
    mem_freep(&dictionary->indexes);
    mem_freep(&dictionary->slots);
    mem_freep(&dictionary->texts);
    *dictionary = (struct native_dictionary){0};
}

/* The slot that holds `text`, or the free one where it belongs. */
static uint32_t *dictionary_slot(const struct native_dictionary *dictionary, struct slice text)
{
    size_t mask = dictionary->slots_len - 1;
    for (size_t at = hash(text) & mask;; at = (at + 1) & mask) {
        uint32_t key = dictionary->slots[at];
        if (key == 0 || slice_equal(dictionary->texts[key - 1], text))
            return &dictionary->slots[at];
    }
}

static void dictionary_grow(struct native_dictionary *dictionary)
{
    dictionary->slots_len *= 2;
    mem_freep(&dictionary->slots);
    dictionary->slots = xcalloc(dictionary->slots_len, sizeof *dictionary->slots);
    dictionary->texts =
        xrealloc(dictionary->texts, dictionary->slots_len * sizeof *dictionary->texts);
    for (size_t i = 0; i < dictionary->keys_len; i++)
        *dictionary_slot(dictionary, dictionary->texts[i]) = (uint32_t)(i + 1);
}

static void dictionary_add(struct native_dictionary *dictionary, struct slice text)
{
    uint32_t *slot = dictionary_slot(dictionary, text);
    if (*slot == 0) {
        dictionary->texts[dictionary->keys_len] = text;
        *slot = (uint32_t)++dictionary->keys_len;
        append_string(&dictionary->keys, text);
    }
    dictionary->indexes[dictionary->indexes_len++] = *slot - 1;
    if (dictionary->keys_len * 2 > dictionary->slots_len)
        dictionary_grow(dictionary);
}

static void dictionary_write(const struct native_dictionary *dictionary, struct buf *out)
{
    if (dictionary->indexes_len == 0)
        return;
    unsigned width = dictionary->keys_len <= 0x100 ? 0 : dictionary->keys_len <= 0x10000 ? 1 : 2;
    append_le(out, LOW_CARDINALITY_FLAGS | width, 8);
    append_le(out, dictionary->keys_len, 8);
    buf_append_slice(out, buf_slice(&dictionary->keys));
    append_le(out, dictionary->indexes_len, 8);
    for (size_t i = 0; i < dictionary->indexes_len; i++)
        append_le(out, dictionary->indexes[i], 1u << width);
    out->overflow |= dictionary->keys.overflow;
}

/* Blocks and columns */

void native_block_begin(struct native_block *block, struct buf *out, size_t columns, size_t rows)
{
    *block = (struct native_block){.out = out, .rows = rows, .columns_left = columns};
    append_varuint(out, columns);
    append_varuint(out, rows);
}

void native_block_done(struct native_block *block)
{
    dictionary_done(&block->dictionary);
}

void native_column_begin(struct native_block *block, const char *name,
                         const struct native_type *type)
{
    ASSERT(block->columns_left > 0 && !block->type);
    block->columns_left--;
    block->type = type;
    block->row = 0;
    append_string(block->out, slice_from(name));
    append_string(block->out, slice_from(type->text));
    if (type->low_cardinality) {
        dictionary_begin(&block->dictionary, block->rows, block->out->max);
        if (block->rows > 0)
            append_le(block->out, LOW_CARDINALITY_VERSION, 8);
    }
    if (type->nullable) {
        /* The map of NULLs stands before the values. */
        block->nulls_at = block->out->size;
        char *map = buf_reserve(block->out, block->rows);
        if (map) {
            memset(map, 0, block->rows);
            block->out->size += block->rows;
        }
    }
}

void native_column_end(struct native_block *block)
{
    ASSERT(block->type && block->row == block->rows);
    if (block->type->low_cardinality) {
        dictionary_write(&block->dictionary, block->out);
        dictionary_done(&block->dictionary);
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

bool native_add_null(struct native_block *block, struct err *reterr)
{
    const struct native_type *type = next_row(block);
    if (!type->nullable)
        return err_set(reterr, ERR_TABLE_MISMATCH, "a column of type %s takes no NULL", type->text);
    if (!block->out->overflow)
        block->out->data[block->nulls_at + block->row - 1] = 1;
    if (type->kind == NATIVE_STRING)
        append_string(block->out, (struct slice){NULL, 0});
    else
        append_le(block->out, 0, type->bytes);
    return true;
}

static void add_string(struct native_block *block, struct slice text)
{
    if (block->type->low_cardinality)
        dictionary_add(&block->dictionary, text);
    else
        append_string(block->out, text);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* A UUID is two 64-bit integers, each little-endian. */
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
        return err_set(reterr, ERR_VALUE_INVALID, "a text of %zu bytes is not a UUID", text.size);
    append_le(block->out, halves[0], 8);
    append_le(block->out, halves[1], 8);
    return true;
}

bool native_add_text(struct native_block *block, struct slice text, struct err *reterr)
{
    const struct native_type *type = next_row(block);
    if (!takes(type, NATIVE_FROM_TEXT, "text", reterr))
        return false;
    if (type->kind == NATIVE_UUID)
        return add_uuid(block, text, reterr);
    add_string(block, text);
    return true;
}

/* The nearest double. What fixed_parse takes, strtod takes, and it is finite. */
static bool add_float(struct native_block *block, struct slice text, struct err *reterr)
{
    __int128 exact;
    char copy[FLOAT_TEXT_SIZE];
    if (text.size >= sizeof copy)
        return out_of_range(block->type, "a decimal of so many digits", reterr);
    if (!fixed_parse(text, FIXED_DIGITS_MAX, FLOAT_SCALE, &exact, reterr))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    double value = strtod(copy, NULL);
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    append_le(block->out, bits, 8);
    return true;
}

static bool add_integer(struct native_block *block, __int128 value, struct err *reterr)
{
    const struct native_type *type = block->type;
    unsigned bits = type->bytes * 8;
    __int128 low = type->kind == NATIVE_INT ? -((__int128)1 << (bits - 1)) : 0;
    __int128 high = ((__int128)1 << (type->kind == NATIVE_INT ? bits - 1 : bits)) - 1;
    if (value < low || value > high)
        return out_of_range(type, "an integer", reterr);
    append_le(block->out, (unsigned __int128)value, type->bytes);
    return true;
}

bool native_add_decimal(struct native_block *block, struct slice text, struct err *reterr)
{
    const struct native_type *type = next_row(block);
    __int128 value;
    if (!takes(type, NATIVE_FROM_DECIMAL, "decimal", reterr))
        return false;
    if (type->kind == NATIVE_STRING) {
        add_string(block, text);
        return true;
    }
    if (type->kind == NATIVE_FLOAT)
        return add_float(block, text, reterr);
    if (type->kind != NATIVE_DECIMAL)
        return fixed_parse(text, FIXED_DIGITS_MAX, 0, &value, reterr) &&
               add_integer(block, value, reterr);
    if (!fixed_parse(text, type->precision, type->scale, &value, reterr))
        return false;
    append_le(block->out, (unsigned __int128)value, type->bytes);
    return true;
}

bool native_add_u64(struct native_block *block, uint64_t value, struct err *reterr)
{
    const struct native_type *type = next_row(block);
    return takes(type, NATIVE_FROM_U64, "integer", reterr) && add_integer(block, value, reterr);
}

bool native_add_time_ms(struct native_block *block, int64_t ms, struct err *reterr)
{
    const struct native_type *type = next_row(block);
    if (!takes(type, NATIVE_FROM_TIME_MS, "time", reterr))
        return false;
    if (type->kind == NATIVE_DATE) {
        if (ms < 0 || ms / MS_PER_DAY > DATE_MAX)
            return out_of_range(type, "a time before 1970 or after 2149", reterr);
        append_le(block->out, (uint64_t)(ms / MS_PER_DAY), 2);
        return true;
    }
    int64_t ticks = ms;
    for (unsigned digits = 3; digits < type->scale; digits++)
        if (__builtin_mul_overflow(ticks, 10, &ticks))
            return out_of_range(type, "a time", reterr);
    append_le(block->out, (unsigned __int128)ticks, 8);
    return true;
}
