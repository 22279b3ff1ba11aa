/* Encodes one block of ClickHouse's Native format
 * (https://clickhouse.com/docs/interfaces/formats/Native), column by column.
 *
 *     native_block_begin(&block, &out, columns, rows);
 *     for each column:
 *         native_column_begin(&block, "timestamp", &type);
 *         for each row: if (!native_add_time_ms(&block, ms, &err)) return false;
 *         native_column_end(&block);
 *     if (out.overflow) …
 *
 * A block is the unit that lands or does not: it carries its row count, so a cut body is never a
 * shorter INSERT. Values are encoded in the target's own type and checked against its range here,
 * because ClickHouse converts a decimal of another scale silently, overflow included.
 *
 * Cost: one copy of the value into `out`; a LowCardinality column adds a compare per row and a hash
 * where the value changes.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef CLICKHOUSE_NATIVE_H
#define CLICKHOUSE_NATIVE_H
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "clickhouse/native_dictionary.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum native_kind {
    NATIVE_STRING,
    NATIVE_FIXED_STRING,
    NATIVE_UUID,
    NATIVE_UINT,
    NATIVE_INT,
    NATIVE_FLOAT,
    NATIVE_DECIMAL,
    NATIVE_DATE,     /* days since 1970: Date (2 bytes) and Date32 (4) */
    NATIVE_DATETIME, /* DateTime (4 bytes, seconds) and DateTime64 (8 bytes, ticks) */
};

enum { NATIVE_TYPE_SIZE = 80 };

/* A column's type as the table describes it. */
struct native_type {
    char text[NATIVE_TYPE_SIZE]; /* as ClickHouse spells it: "Nullable(Decimal(38, 18))" */
    enum native_kind kind;
    bool nullable;
    bool low_cardinality; /* of String and FixedString only */
    unsigned bytes;       /* of one value; 0 for String */
    unsigned precision;   /* decimals */
    unsigned scale;       /* decimals; digits of a second for NATIVE_DATETIME */
};

/* What we have, before it becomes a value of some type. */
enum native_source {
    NATIVE_FROM_TEXT,
    NATIVE_FROM_DECIMAL, /* plain decimal text */
    NATIVE_FROM_U64,
    NATIVE_FROM_TIME_MS,
};

/* Whether the native_add_ function of that source can write into a column of the type. */
bool native_type_takes(const struct native_type *type, enum native_source source);

/* Whether every integer up to `max` has a place in a column of the type. */
bool native_type_holds(const struct native_type *type, uint64_t max);

/* Whether no millisecond of a time is lost in it. */
bool native_type_keeps_ms(const struct native_type *type);

/* Reads a type's text. Errors: TABLE_MISMATCH for a type that this encoder does not write. */
bool native_type_parse(const char *text, struct native_type *ret_type,
                       struct err *reterr) MUST_CHECK;

struct native_block {
    struct buf *out; /* borrowed */
    size_t rows;
    size_t columns_left;
    /* the open column */
    const struct native_type *type; /* borrowed */
    size_t row;                     /* the next one */
    size_t nulls_at;                /* offset of the null map in `out` */
    struct native_dictionary dictionary;
};

/* Starts a block of exactly `columns` columns and `rows` rows behind what is in `out` (borrowed
 * until the block is done). */
void native_block_begin(struct native_block *block, struct buf *out, size_t columns, size_t rows);

/* Frees what the block needed for itself; `out` stays. Fine half-way. */
void native_block_done(struct native_block *block);

/* `name` is copied into the block, `type` is borrowed until native_column_end. */
void native_column_begin(struct native_block *block, const char *name,
                         const struct native_type *type);
void native_column_end(struct native_block *block); /* asserts that every row was added */

/* One value each, for the next row. What cannot be represented exactly is an error:
 * VALUE_OUT_OF_RANGE, VALUE_INVALID, or TABLE_MISMATCH when the type takes no such value at all.
 * Two kinds of types may be coarser than the value: floats take the nearest, times the tick or day
 * that has begun. */
bool native_add_null(struct native_block *block, struct err *reterr) MUST_CHECK;
/* Strings; FixedStrings that are long enough, when the text does not end with NUL; UUIDs in their
 * 36 characters, in small letters. For LowCardinality the bytes are borrowed until
 * native_column_end.
 */
bool native_add_text(struct native_block *block, struct slice text, struct err *reterr) MUST_CHECK;
/* Plain decimal text into Decimal, Float, String, FixedString, Int or UInt. */
bool native_add_decimal(struct native_block *block, struct slice text,
                        struct err *reterr) MUST_CHECK;
bool native_add_u64(struct native_block *block, uint64_t value, struct err *reterr) MUST_CHECK;
/* Unix milliseconds into DateTime, DateTime64, Date or Date32. */
bool native_add_time_ms(struct native_block *block, int64_t ms, struct err *reterr) MUST_CHECK;

#endif
