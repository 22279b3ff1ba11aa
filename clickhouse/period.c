/* Partition keys and the dates they make. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/period.h"
#include "base/clock.h"
#include "base/slice.h"

enum { MS_PER_DAY = 86400000 };

static const struct {
    const char *key;
    enum ch_period period;
} keys[] = {
    {"toYYYYMM(timestamp)", CH_PERIOD_MONTH},
    {"toStartOfMonth(timestamp)", CH_PERIOD_MONTH},
    {"toYYYYMMDD(timestamp)", CH_PERIOD_DAY},
    {"toDate(timestamp)", CH_PERIOD_DAY},
    {"toStartOfDay(timestamp)", CH_PERIOD_DAY},
    {"", CH_PERIOD_NONE},
    {"tuple()", CH_PERIOD_NONE},
};

bool ch_period_of(const char *partition_key, enum ch_period *ret_period)
{
    struct slice key = slice_from(partition_key);
    if (key.size > 2 && key.data[0] == '(' && key.data[key.size - 1] == ')')
        key = (struct slice){key.data + 1, key.size - 2};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (slice_equal(key, slice_from(keys[i].key))) {
            *ret_period = keys[i].period;
            return true;
        }
    return false;
}

uint32_t ch_period_at(enum ch_period period, int64_t ms)
{
    unsigned year, month, day;
    if (period == CH_PERIOD_NONE)
        return 0;
    clock_date(ms / MS_PER_DAY, &year, &month, &day);
    uint32_t year_month = year * 100 + month;
    return period == CH_PERIOD_MONTH ? year_month : year_month * 100 + day;
}

const char *ch_period_sql(enum ch_period period)
{
    static const char *const sql[] = {
        [CH_PERIOD_MONTH] = "toYYYYMM(timestamp)",
        [CH_PERIOD_DAY] = "toYYYYMMDD(timestamp)",
        [CH_PERIOD_NONE] = "0",
    };
    return sql[period];
}
