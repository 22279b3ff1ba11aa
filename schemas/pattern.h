/* Regular expressions of JSON Schema (ECMA-262), matched in time linear in the text by RE2.
 *
 * They are translated, so that \d \w \s . \uXXXX (?<name>…) mean what ECMA-262 says. What RE2
 * cannot do in linear time, lookaround and backreferences, is refused, and so is what only RE2
 * knows.
 *
 * Threads: a pattern does not change; any number of threads may match with it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_PATTERN_H
#define SCHEMAS_PATTERN_H
#include "base/err.h"
#include "base/slice.h"
#include <stdbool.h>

enum {
    PATTERN_SIZE_MAX = 1024,         /* bytes of an expression */
    PATTERN_MEMORY_MAX = 512 * 1024, /* of one compiled expression and what matching keeps */
};

struct pattern;

/* `text` is valid UTF-8 and is copied. NULL with SCHEMA_UNSUPPORTED or SCHEMA_INVALID. */
struct pattern *pattern_new(struct slice text, struct err *reterr) MUST_CHECK;

void pattern_free(struct pattern *pattern);

/* Whether it matches anywhere in the text, which is valid UTF-8. */
bool pattern_match(const struct pattern *pattern, struct slice text);

/* The expression as it was given; borrowed. */
struct slice pattern_source(const struct pattern *pattern);

#endif
