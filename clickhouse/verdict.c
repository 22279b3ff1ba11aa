/* The table of ClickHouse's error codes, by what an INSERT that ended with them means.
 *
 * NOT_SENT: refused before a row was written; the same again, later.
 * UNKNOWN:  it may have landed, or land yet.
 * REFUSED:  repeating cannot mend it: schema, settings, access or data. It is read back as well,
 *           because a materialized view can fail after the table has the part.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/verdict.h"
#include <strings.h>

static const struct code {
    int code;
    enum ch_verdict verdict;
    const char *name;
} codes[] = {
    /* The server has no room for it now. */
    {201, CH_NOT_SENT, "QUOTA_EXCEEDED"},
    {202, CH_NOT_SENT, "TOO_MANY_SIMULTANEOUS_QUERIES"},
    {203, CH_NOT_SENT, "NO_FREE_CONNECTION"},
    {242, CH_NOT_SENT, "TABLE_IS_READ_ONLY"},
    {285, CH_NOT_SENT, "TOO_FEW_LIVE_REPLICAS"},
    {439, CH_NOT_SENT, "CANNOT_SCHEDULE_TASK"},

    /* In the middle of it. TOO_MANY_PARTS mostly comes first, but need not. */
    {3, CH_UNKNOWN, "UNEXPECTED_END_OF_FILE"},
    {33, CH_UNKNOWN, "CANNOT_READ_ALL_DATA"},
    {107, CH_UNKNOWN, "FILE_DOESNT_EXIST"},
    {159, CH_UNKNOWN, "TIMEOUT_EXCEEDED"},
    {160, CH_UNKNOWN, "TOO_SLOW"},
    {173, CH_UNKNOWN, "CANNOT_ALLOCATE_MEMORY"},
    {204, CH_UNKNOWN, "CANNOT_FSYNC"},
    {209, CH_UNKNOWN, "SOCKET_TIMEOUT"},
    {210, CH_UNKNOWN, "NETWORK_ERROR"},
    {216, CH_UNKNOWN, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING"},
    {225, CH_UNKNOWN, "NO_ZOOKEEPER"},
    {236, CH_UNKNOWN, "ABORTED"},
    {241, CH_UNKNOWN, "MEMORY_LIMIT_EXCEEDED"},
    {243, CH_UNKNOWN, "NOT_ENOUGH_SPACE"},
    {244, CH_UNKNOWN, "UNEXPECTED_ZOOKEEPER_ERROR"},
    {252, CH_UNKNOWN, "TOO_MANY_PARTS"},
    {286, CH_UNKNOWN, "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE"},
    {319, CH_UNKNOWN, "UNKNOWN_STATUS_OF_INSERT"},
    {389, CH_UNKNOWN, "INSERT_WAS_DEDUPLICATED"},
    {394, CH_UNKNOWN, "QUERY_WAS_CANCELLED"},
    {425, CH_UNKNOWN, "SYSTEM_ERROR"},
    {473, CH_UNKNOWN, "DEADLOCK_AVOIDED"},
    {735, CH_UNKNOWN, "QUERY_WAS_CANCELLED_BY_CLIENT"},
    {999, CH_UNKNOWN, "KEEPER_EXCEPTION"},
    {1000, CH_UNKNOWN, "POCO_EXCEPTION"},
    {1001, CH_UNKNOWN, "STD_EXCEPTION"}, /* a full disk at the rename, too */
    {1002, CH_UNKNOWN, "UNKNOWN_EXCEPTION"},

    /* Schema and settings. */
    {16, CH_REFUSED, "NO_SUCH_COLUMN_IN_TABLE"},
    {20, CH_REFUSED, "NUMBER_OF_COLUMNS_DOESNT_MATCH"},
    {44, CH_REFUSED, "ILLEGAL_COLUMN"},
    {47, CH_REFUSED, "UNKNOWN_IDENTIFIER"},
    {49, CH_REFUSED, "LOGICAL_ERROR"},
    {53, CH_REFUSED, "TYPE_MISMATCH"},
    {60, CH_REFUSED, "UNKNOWN_TABLE"},
    {62, CH_REFUSED, "SYNTAX_ERROR"},
    {73, CH_REFUSED, "UNKNOWN_FORMAT"},
    {81, CH_REFUSED, "UNKNOWN_DATABASE"},
    {115, CH_REFUSED, "UNKNOWN_SETTING"},
    {218, CH_REFUSED, "TABLE_IS_DROPPED"},
    {395, CH_REFUSED, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"},

    /* Access. */
    {164, CH_REFUSED, "READONLY"},
    {192, CH_REFUSED, "UNKNOWN_USER"},
    {193, CH_REFUSED, "WRONG_PASSWORD"},
    {194, CH_REFUSED, "REQUIRED_PASSWORD"},
    {195, CH_REFUSED, "IP_ADDRESS_NOT_ALLOWED"},
    {497, CH_REFUSED, "ACCESS_DENIED"},
    {516, CH_REFUSED, "AUTHENTICATION_FAILED"},

    /* Data; impossible with a block that was checked, unless a default or a view throws. */
    {6, CH_REFUSED, "CANNOT_PARSE_TEXT"},
    {26, CH_REFUSED, "CANNOT_PARSE_QUOTED_STRING"},
    {27, CH_REFUSED, "CANNOT_PARSE_INPUT_ASSERTION_FAILED"},
    {41, CH_REFUSED, "CANNOT_PARSE_DATETIME"},
    {69, CH_REFUSED, "ARGUMENT_OUT_OF_BOUND"},
    {72, CH_REFUSED, "CANNOT_PARSE_NUMBER"},
    {117, CH_REFUSED, "INCORRECT_DATA"},
    {131, CH_REFUSED, "TOO_LARGE_STRING_SIZE"},
    {407, CH_REFUSED, "DECIMAL_OVERFLOW"},
};

static const struct code *find(int code)
{
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (codes[i].code == code)
            return &codes[i];
    return NULL;
}

/* What stands behind `name` in a header line, without the blanks before it; false when it is
 * another line. */
static bool header_value(struct slice line, const char *name, struct slice *ret_value)
{
    size_t at = strlen(name);
    if (line.size < at || strncasecmp(line.data, name, at) != 0)
        return false;
    while (at < line.size && line.data[at] == ' ')
        at++;
    *ret_value = (struct slice){line.data + at, line.size - at};
    return true;
}

/* The digits that a value begins with, as far as they are below the maximum; -1: there are none. */
static long leading_number(struct slice value)
{
    enum { NUMBER_MAX = 1000000 };
    long number = -1;
    for (size_t i = 0; i < value.size && value.data[i] >= '0' && value.data[i] <= '9'; i++) {
        number = (number < 0 ? 0 : number * 10) + (value.data[i] - '0');
        if (number > NUMBER_MAX)
            return NUMBER_MAX;
    }
    return number;
}

void verdict_read_header(struct ch_answer *answer, struct slice line)
{
    struct slice value;
    if (!header_value(line, "X-ClickHouse-Exception-Code:", &value))
        return;
    long number = leading_number(value);
    answer->exception = number > 0 ? (int)number : CH_EXCEPTION_UNREADABLE;
}

long verdict_keep_alive_s(struct slice line)
{
    struct slice value;
    return header_value(line, "Keep-Alive: timeout=", &value) ? leading_number(value) : -1;
}

enum ch_verdict verdict_of(const struct ch_answer *answer)
{
    if (!answer->sent)
        return CH_NOT_SENT;
    if (answer->status == 200 && answer->exception == 0 && answer->body.size == 0)
        return CH_LANDED;
    const struct code *known = find(answer->exception);
    if (known && answer->status != 0)
        return known->verdict;
    /* Refused by the HTTP layer itself, or by something in between that never asked ClickHouse. */
    if (answer->exception == 0 && (answer->status == 401 || answer->status == 403))
        return CH_REFUSED;
    return CH_UNKNOWN;
}

bool verdict_can_pass(const struct ch_answer *answer)
{
    if (answer->status == 0)
        return true;
    if (answer->exception == 0)
        return answer->status >= 500 || answer->status == 429 || answer->status == 408;
    const struct code *known = find(answer->exception);
    return known && known->verdict != CH_REFUSED;
}

const char *verdict_code_name(int code)
{
    const struct code *known = find(code);
    return known ? known->name : "";
}

int verdict_code_in(struct slice body)
{
    static const char prefix[] = "Code: ";
    size_t at = sizeof prefix - 1;
    if (body.size <= at || memcmp(body.data, prefix, at) != 0)
        return 0;
    int code = 0;
    for (; at < body.size && body.data[at] >= '0' && body.data[at] <= '9' && code < 100000; at++)
        code = code * 10 + (body.data[at] - '0');
    return code;
}
