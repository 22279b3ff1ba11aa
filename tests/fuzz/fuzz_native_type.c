/* A column's type and a value, any bytes: the type's text up to a line break, then the value. What
 * must hold:
 *
 *   - a type is read, or refused as TABLE_MISMATCH
 *   - of a value that a fixed-width type takes, a block has exactly so many bytes
 *   - what is not taken has one of the errors of a value
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/assert.h"
#include "base/mem.h"
#include "clickhouse/native.h"
#include "tests/fuzz/fuzz.h"

static bool add(struct native_block *block, enum native_source source, struct slice value,
                struct err *reterr)
{
    uint64_t number = 0;
    if (value.size > 0)
        memcpy(&number, value.data, value.size < sizeof number ? value.size : sizeof number);
    switch (source) {
    case NATIVE_FROM_TEXT:
        return native_add_text(block, value, reterr);
    case NATIVE_FROM_DECIMAL:
        return native_add_decimal(block, value, reterr);
    case NATIVE_FROM_U64:
        return native_add_u64(block, number, reterr);
    case NATIVE_FROM_TIME_MS:
        break;
    }
    return native_add_time_ms(block, (int64_t)number, reterr);
}

static void check_value(const struct native_type *type, enum native_source source,
                        struct slice value)
{
    struct err err;
    CLEANUP(buf_done) struct buf out;
    CLEANUP(native_block_done) struct native_block block;
    buf_init(&out, 1 << 20);
    native_block_begin(&block, &out, 1, 1);
    native_column_begin(&block, "v", type);
    size_t before = out.size;
    if (!add(&block, source, value, &err)) {
        ASSERT(err.code == ERR_VALUE_INVALID || err.code == ERR_VALUE_OUT_OF_RANGE ||
               err.code == ERR_TABLE_MISMATCH);
        ASSERT(native_type_takes(type, source) == (err.code != ERR_TABLE_MISMATCH));
        return;
    }
    native_column_end(&block);
    if (type->bytes > 0 && !type->low_cardinality)
        ASSERT(out.size == before + type->bytes);
}

void fuzz_native_type(struct slice input)
{
    struct native_type type;
    struct err err;
    struct slice value = input;
    struct slice name = fuzz_take(&value, "\n");
    if (value.size == 0)
        value = SLICE(""); /* has an address, as every text of a record */
    CLEANUP(mem_freep) char *text = xstrndup(name.data ? name.data : "", name.size);
    if (!native_type_parse(text, &type, &err)) {
        ASSERT(err.code == ERR_TABLE_MISMATCH);
    } else {
        ASSERT(strcmp(type.text, text) == 0);
        for (int source = NATIVE_FROM_TEXT; source <= NATIVE_FROM_TIME_MS; source++)
            check_value(&type, (enum native_source)source, value);
    }
}
