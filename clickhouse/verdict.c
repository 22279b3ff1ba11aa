/* Judging answers by the table of codes. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/verdict.h"
#include <strings.h>

static const struct code {
    int code;
    enum ch_verdict verdict;
    const char *name;
} codes[] = {
#define CODE(code, verdict, name) {code, CH_##verdict, #name},
#include "clickhouse/verdicts.def"
#undef CODE
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
