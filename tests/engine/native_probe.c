/* native_probe TYPE SOURCE FILE: writes values into a Native block as bxb-writer does. Each line of
 * standard input is a value in hexadecimal digits, or "null". SOURCE says what it is a value of:
 * text, decimal (its text), u64 or time (Unix milliseconds; the digits of both are given as text).
 *
 * Prints "ok" or the code of the error for each value. FILE receives a block with the columns
 * n UInt64 (the number of the line) and v TYPE, of the values that were taken.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "clickhouse/native.h"
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_MAX = 256 * 1024 * 1024 };

struct value {
    bool null;
    struct slice text; /* owned; terminated */
    bool taken;
};

static enum native_source source_of(const char *name)
{
    return strcmp(name, "text") == 0      ? NATIVE_FROM_TEXT
           : strcmp(name, "decimal") == 0 ? NATIVE_FROM_DECIMAL
           : strcmp(name, "u64") == 0     ? NATIVE_FROM_U64
                                          : NATIVE_FROM_TIME_MS;
}

static bool add(struct native_block *block, enum native_source source, const struct value *value,
                struct err *reterr)
{
    if (value->null)
        return native_add_null(block, reterr);
    switch (source) {
    case NATIVE_FROM_TEXT:
        return native_add_text(block, value->text, reterr);
    case NATIVE_FROM_DECIMAL:
        return native_add_decimal(block, value->text, reterr);
    case NATIVE_FROM_U64:
        return native_add_u64(block, strtoull(value->text.data, NULL, 10), reterr);
    case NATIVE_FROM_TIME_MS:
        break;
    }
    return native_add_time_ms(block, strtoll(value->text.data, NULL, 10), reterr);
}

/* Tries the value in a block of its own. */
static bool try_alone(const struct native_type *type, enum native_source source,
                      const struct value *value, struct err *reterr)
{
    CLEANUP(buf_done) struct buf out;
    CLEANUP(native_block_done) struct native_block block;
    buf_init(&out, BLOCK_MAX);
    native_block_begin(&block, &out, 1, 1);
    native_column_begin(&block, "v", type);
    if (!add(&block, source, value, reterr))
        return false;
    native_column_end(&block);
    return true;
}

static struct value read_value(char *line)
{
    struct value value = {.null = strcmp(line, "null") == 0};
    size_t size = value.null ? 0 : strlen(line) / 2;
    char *text = xmalloc(size + 1);
    for (size_t i = 0; i < size; i++) {
        char digits[3] = {line[2 * i], line[2 * i + 1], '\0'};
        text[i] = (char)strtoul(digits, NULL, 16);
    }
    text[size] = '\0';
    value.text = (struct slice){text, size};
    return value;
}

static void write_block(const struct native_type *type, enum native_source source,
                        const struct value values[], size_t len, size_t taken, const char *path)
{
    CLEANUP(buf_done) struct buf out;
    CLEANUP(native_block_done) struct native_block block;
    struct native_type number;
    struct err err;
    bool good = native_type_parse("UInt64", &number, &err);
    buf_init(&out, BLOCK_MAX);
    native_block_begin(&block, &out, 2, taken);
    native_column_begin(&block, "n", &number);
    for (size_t i = 0; i < len; i++)
        if (values[i].taken)
            good = good && native_add_u64(&block, i, &err);
    native_column_end(&block);
    native_column_begin(&block, "v", type);
    for (size_t i = 0; i < len; i++)
        if (values[i].taken)
            good = good && add(&block, source, &values[i], &err);
    native_column_end(&block);
    FILE *file = fopen(path, "wb");
    good = good && !out.overflow && file && fwrite(out.data, 1, out.size, file) == out.size;
    if (!file || fclose(file) != 0 || !good)
        exit(1);
}

int main(int argc, char **argv)
{
    struct native_type type;
    struct err err;
    if (argc != 4)
        return 64;
    if (!native_type_parse(argv[1], &type, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    enum native_source source = source_of(argv[2]);
    struct value *values = NULL;
    size_t len = 0, taken = 0, capacity = 0;
    char *line = NULL;
    for (ssize_t size; (size = getline(&line, &capacity, stdin)) > 0;) {
        line[size - 1] = '\0';
        values = xrealloc(values, (len + 1) * sizeof *values);
        struct value *value = &values[len++];
        *value = read_value(line);
        value->taken = try_alone(&type, source, value, &err);
        taken += value->taken;
        puts(value->taken ? "ok" : err_code_name(err.code));
    }
    write_block(&type, source, values, len, taken, argv[3]);
    for (size_t i = 0; i < len; i++)
        free((char *)values[i].text.data);
    free(values);
    free(line);
    return 0;
}
