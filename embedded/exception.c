/* ClickHouse's codes, as src/Common/ErrorCodes.cpp and its HTTP handler assign them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "embedded/exception.h"
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every code that is not 500, grouped as ClickHouse groups them. */
static const struct {
    int status;
    int codes[32]; /* ended by 0 */
} statuses[] = {
    /* Arguments, texts and syntax that cannot be read. */
    {400, {6,  8,   15,  25,  26,  27,  36,  37,  38,  41,  44,  53, 62,
           72, 117, 123, 167, 168, 223, 321, 376, 427, 441, 675, 676}},
    {401, {194}},                     /* REQUIRED_PASSWORD */
    {403, {192, 193, 497, 512, 516}}, /* users, passwords, ACCESS_DENIED */
    /* UNKNOWN_ something: function, identifier, type, table, format, database, setting, … */
    {404, {46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511}},
    {408, {159}},          /* TIMEOUT_EXCEEDED */
    {411, {381}},          /* HTTP_LENGTH_REQUIRED */
    {413, {229}},          /* QUERY_IS_TOO_LARGE */
    {501, {48}},           /* NOT_IMPLEMENTED */
    {503, {76, 209, 439}}, /* CANNOT_OPEN_FILE, SOCKET_TIMEOUT, CANNOT_SCHEDULE_TASK */
};

/* Names of the codes that we throw. */
static const struct {
    enum exception code;
    const char *name;
} names[] = {
    {EXCEPTION_BAD_ARGUMENTS, "BAD_ARGUMENTS"},
    {EXCEPTION_NOT_IMPLEMENTED, "NOT_IMPLEMENTED"},
    {EXCEPTION_SYNTAX_ERROR, "SYNTAX_ERROR"},
    {EXCEPTION_CANNOT_DECOMPRESS, "CANNOT_DECOMPRESS"},
    {EXCEPTION_TOO_MANY_SIMULTANEOUS_QUERIES, "TOO_MANY_SIMULTANEOUS_QUERIES"},
    {EXCEPTION_QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING"},
    {EXCEPTION_QUERY_IS_TOO_LARGE, "QUERY_IS_TOO_LARGE"},
    {EXCEPTION_AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED"},
    {EXCEPTION_ABORTED, "ABORTED"},
    {EXCEPTION_UNKNOWN_SETTING, "UNKNOWN_SETTING"},
    {EXCEPTION_UNKNOWN, "UNKNOWN_EXCEPTION"},
};

int exception_code(const char *text)
{
    /* One that is not ClickHouse's own is introduced by its family, and a comma follows. */
    static const struct {
        const char *mark;
        char end;
    } kinds[] = {
        {"Code: ", '.'}, {"Poco::Exception. Code: ", ','}, {"std::exception. Code: ", ','}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t mark_size = strlen(kinds[i].mark);
        if (strncmp(text, kinds[i].mark, mark_size) != 0)
            continue;
        char *end;
        long code = strtol(text + mark_size, &end, 10);
        if (*end == kinds[i].end && code > 0 && code < 100000)
            return (int)code;
    }
    return EXCEPTION_UNKNOWN;
}

int exception_status(int code)
{
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        for (const int *known = statuses[i].codes; *known != 0; known++) {
            if (*known == code)
                return statuses[i].status;
        }
    }
    return 500;
}

static const char *name_of(enum exception code)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i].code == code)
            return names[i].name;
    }
    return "UNKNOWN_EXCEPTION";
}

char *exception_text(enum exception code, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return xasprintf("Code: %d. DB::Exception: %s. (%s)", (int)code, text, name_of(code));
}
