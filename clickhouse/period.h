/* How a table is cut into partitions by the time of an event: blocks are cut the same way, so that
 * each lands as one part.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef CLICKHOUSE_PERIOD_H
#define CLICKHOUSE_PERIOD_H
#include "base/mem.h"
#include <stdbool.h>
#include <stdint.h>

enum ch_period {
    CH_PERIOD_MONTH,
    CH_PERIOD_DAY,
    CH_PERIOD_NONE, /* the table is one partition */
};

/* Reads a partition key as system.tables has it. False: it is none of these of `timestamp`. */
bool ch_period_of(const char *partition_key, enum ch_period *ret_period) MUST_CHECK;

/* The period of a time (Unix milliseconds, 0 or later) in UTC: 202611, 20261123, or 0 for NONE. */
uint32_t ch_period_at(enum ch_period period, int64_t ms);

/* What of a row is equal to ch_period_at of its time: an expression in ClickHouse's SQL. */
const char *ch_period_sql(enum ch_period period);

#endif
