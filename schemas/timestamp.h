/* Points in time as callers write them, to Unix milliseconds. Digits below the millisecond are cut,
 * never rounded: an event of the last moment of a month stays in that month.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_TIMESTAMP_H
#define SCHEMAS_TIMESTAMP_H
#include "base/mem.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

/* What ClickHouse's Date can hold, and with it the sorting key: 1970-01-01 to 2149-06-06. */
#define TIMESTAMP_MIN_MS INT64_C(0)
#define TIMESTAMP_MAX_MS (INT64_C(65536) * 86400000 - 1)

/* Reads one of
 *   2026-11-23T08:00:00.123+02:00   RFC 3339; 't', 'z' and a space for the 'T' are fine
 *   2026-11-23T08:00:00             without an offset: UTC
 *   2026-11-23                      its midnight, UTC
 *   1795420800 or 1795420800.123    Unix seconds, as a JSON number
 *   1795420800123                   from 10^11 on: Unix milliseconds
 * A leap second (23:59:60 UTC at the end of a month) is the last millisecond of its day. False: it
 * is none of these, or no date that exists. The result can lie outside of the limits above. */
bool timestamp_parse(struct slice text, int64_t *ret_ms) MUST_CHECK;

/* Reads 2026-11-23T08:00:00.123Z only, the text that clock_format writes of the same time. */
bool timestamp_parse_canonical(struct slice text, int64_t *ret_ms) MUST_CHECK;

#endif
