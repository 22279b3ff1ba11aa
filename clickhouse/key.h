/* The expressions of a table's sorting key, as system.tables has it:
 * "organization_id, code, toDate(timestamp)".
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef CLICKHOUSE_KEY_H
#define CLICKHOUSE_KEY_H
#include "base/mem.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stdint.h>

enum { CH_KEY_MONTHS = -1 };

/* A column, or of a time in it when the unit began that it lies in. */
struct ch_key_part {
    struct slice column; /* points into the expression */
    int64_t unit_ms;     /* of the time; 0: the column itself; CH_KEY_MONTHS */
};

/* Takes the next expression off the key. False: there is none. */
bool ch_key_next(struct slice *key, struct slice *ret_expression) MUST_CHECK;

/* Reads one. False: it is none of those that we know. */
bool ch_key_read(struct slice expression, struct ch_key_part *ret_part) MUST_CHECK;

/* Whether the column itself is one of the key's expressions. */
bool ch_key_has(const char *key, const char *column);

#endif
