/* RE2 behind an interface of C: the only part of the product that is C++.
 *
 * Threads: a compiled expression may be matched by any number of threads.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_PATTERN_RE2_H
#define SCHEMAS_PATTERN_RE2_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* NULL when RE2 does not take it; why is then in `text`, terminated and cut at `text_size`. */
void *pattern_re2_new(const char *expression, size_t size, int64_t memory_max, char *text,
                      size_t text_size);
void pattern_re2_free(void *re2);
bool pattern_re2_match(const void *re2, const char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
