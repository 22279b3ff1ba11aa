/* Requests that were refused as a whole, counted by the code of their error.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_REFUSALS_H
#define SERVER_REFUSALS_H
#include "base/buf.h"
#include "base/err.h"

void refusals_count(enum err_code code);

/* Appends the family to what /metrics answers: a line for each code that a caller can see, so that
 * a series is there before its first refusal. */
void refusals_print(struct buf *out);

#endif
