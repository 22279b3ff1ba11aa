/* Reading answers in the format RowBinary whose columns are all texts: each is its size (LEB128)
 * and its bytes. Nothing in them is escaped.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLICKHOUSE_ROW_BINARY_H
#define CLICKHOUSE_ROW_BINARY_H
#include "base/mem.h"
#include "base/slice.h"
#include <stdint.h>

/* Takes the next text, or the next text that is a number, off *rest. False: it is cut, or none. */
bool row_binary_text(struct slice *rest, struct slice *ret_text) MUST_CHECK;
bool row_binary_i64(struct slice *rest, int64_t *ret_number) MUST_CHECK;
bool row_binary_u64(struct slice *rest, uint64_t *ret_number) MUST_CHECK;

#endif
