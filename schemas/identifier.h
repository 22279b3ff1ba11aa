/* Names that callers choose: transaction ids, customers, codes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_IDENTIFIER_H
#define SCHEMAS_IDENTIFIER_H
#include "base/err.h"
#include "base/slice.h"
#include "schemas/wide.h"
#include <stdbool.h>

enum {
    IDENTIFIER_LEN_MAX = 255,                     /* code points */
    IDENTIFIER_SIZE_MAX = 4 * IDENTIFIER_LEN_MAX, /* bytes */
};

/* Whether it is one of printable ASCII only, as nearly all are. False tells nothing. */
static inline bool identifier_is_plain(struct slice text)
{
    return text.size > 0 && text.size <= IDENTIFIER_LEN_MAX && wide_printable(text.data, text.size);
}

/* True for 1 to 255 code points of valid UTF-8 without control characters (U+0000–001F, 007F–009F).
 * `pointer` names the place for the error: FIELD_EMPTY, FIELD_TOO_LONG, FIELD_CHARACTER,
 * UTF8_INVALID. */
bool identifier_check(struct slice text, const char *pointer, struct err *reterr) MUST_CHECK;

#endif
