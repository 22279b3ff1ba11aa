/* Sorting keys, read. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/key.h"
#include <ctype.h>

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
};

/* Functions that never let a later time come before an earlier one. */
static const struct {
    const char *name;
    int64_t unit_ms;
} functions[] = {
    {"toDate", DAY_MS},
    {"toDate32", DAY_MS},
    {"toYYYYMMDD", DAY_MS},
    {"toStartOfDay", DAY_MS},
    {"toStartOfHour", HOUR_MS},
    {"toStartOfFifteenMinutes", 15 * MINUTE_MS},
    {"toStartOfTenMinutes", 10 * MINUTE_MS},
    {"toStartOfFiveMinutes", 5 * MINUTE_MS},
    {"toStartOfMinute", MINUTE_MS},
    {"toStartOfSecond", SECOND_MS},
    {"toDateTime", SECOND_MS},
    {"toUnixTimestamp", SECOND_MS},
    {"toYYYYMM", CH_KEY_MONTHS},
    {"toStartOfMonth", CH_KEY_MONTHS},
};

bool ch_key_next(struct slice *key, struct slice *ret_expression)
{
    while (key->size > 0 && (key->data[0] == ' ' || key->data[0] == ','))
        *key = (struct slice){key->data + 1, key->size - 1};
    size_t end = 0;
    for (int depth = 0; end < key->size && (depth > 0 || key->data[end] != ','); end++)
        depth += (key->data[end] == '(') - (key->data[end] == ')');
    *ret_expression = (struct slice){key->data, end};
    *key = (struct slice){key->data + end, key->size - end};
    return end > 0;
}

static bool is_name(struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        if (!isalnum((unsigned char)text.data[i]) && text.data[i] != '_')
            return false;
    return text.size > 0;
}

bool ch_key_read(struct slice expression, struct ch_key_part *ret_part)
{
    if (is_name(expression)) {
        *ret_part = (struct ch_key_part){.column = expression};
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        size_t name_size = strlen(functions[i].name);
        if (expression.size < name_size + 3 || expression.data[name_size] != '(' ||
            memcmp(expression.data, functions[i].name, name_size) != 0)
            continue;
        struct slice column = {expression.data + name_size + 1, expression.size - name_size - 2};
        if (expression.data[expression.size - 1] != ')' || !is_name(column))
            return false;
        *ret_part = (struct ch_key_part){column, functions[i].unit_ms};
        return true;
    }
    return false;
}

bool ch_key_has(const char *key, const char *column)
{
    struct slice rest = slice_from(key), expression;
    while (ch_key_next(&rest, &expression))
        if (slice_equal(expression, slice_from(column)))
            return true;
    return false;
}
