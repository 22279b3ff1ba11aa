/* ClickHouse's exceptions as its HTTP interface shows them: the code out of the text, and the
 * status that goes with the code.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EMBEDDED_EXCEPTION_H
#define EMBEDDED_EXCEPTION_H
#include "base/mem.h"

/* The codes that this program throws itself. */
enum exception {
    EXCEPTION_NONE = 0,
    EXCEPTION_BAD_ARGUMENTS = 36,
    EXCEPTION_NOT_IMPLEMENTED = 48,
    EXCEPTION_SYNTAX_ERROR = 62,
    EXCEPTION_UNKNOWN_SETTING = 115,
    EXCEPTION_TOO_MANY_SIMULTANEOUS_QUERIES = 202,
    EXCEPTION_QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING = 216,
    EXCEPTION_QUERY_IS_TOO_LARGE = 229,
    EXCEPTION_ABORTED = 236,
    EXCEPTION_CANNOT_DECOMPRESS = 271,
    EXCEPTION_AUTHENTICATION_FAILED = 516,
    EXCEPTION_UNKNOWN = 1002,
};

/* "Code: 60. DB::Exception: …" gives 60, "std::exception. Code: 1001, …" 1001; a text without a
 * code EXCEPTION_UNKNOWN. */
int exception_code(const char *text);

/* The HTTP status that ClickHouse answers with. */
int exception_status(int code);

/* "Code: 62. DB::Exception: …. (SYNTAX_ERROR)", to be freed; for exceptions of our own. */
char *exception_text(enum exception code, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
