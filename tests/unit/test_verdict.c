/* What ClickHouse's answers mean. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/verdict.h"
#include "tests/unit/check.h"

static enum ch_verdict verdict(long status, int exception, bool sent, const char *body)
{
    struct ch_answer answer = {status, exception, sent, slice_from(body)};
    return verdict_of(&answer);
}

TEST(verdict, only_a_clean_answer_has_landed)
{
    CHECK(verdict(200, 0, true, "") == CH_LANDED);
    /* 200 with an error in a header, or with anything in the body, is none. */
    CHECK(verdict(200, 209, true, "") == CH_UNKNOWN);
    CHECK(verdict(200, 0, true, "Code: 241. DB::Exception") == CH_UNKNOWN);
    CHECK(verdict(200, 60, true, "") == CH_REFUSED);
    CHECK(verdict(204, 0, true, "") == CH_UNKNOWN);
}

TEST(verdict, nothing_sent_is_nothing_stored)
{
    CHECK(verdict(0, 0, false, "") == CH_NOT_SENT);
}

TEST(verdict, no_answer_is_no_verdict)
{
    CHECK(verdict(0, 0, true, "") == CH_UNKNOWN);
    CHECK(verdict(0, 60, true, "") == CH_UNKNOWN);
}

TEST(verdict, codes_are_told_apart)
{
    static const int not_sent[] = {201, 202, 203, 242, 285, 439, 667, 745};
    static const int unknown[] = {
        3,   33,  159, 209, 210,  225,  236,  241, 252,
        319, 389, 394, 999, 1000, 1001, 1002, 4711 /* not in the table */};
    static const int refused[] = {6,   16,  20,  47,  53,  60,  62,  81,
                                  115, 117, 164, 218, 395, 407, 497, 516};
    for (size_t i = 0; i < ARRAY_LEN(not_sent); i++)
        CHECK(verdict(500, not_sent[i], true, "x") == CH_NOT_SENT);
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
        CHECK(verdict(500, unknown[i], true, "x") == CH_UNKNOWN);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        CHECK(verdict(404, refused[i], true, "x") == CH_REFUSED);
}

TEST(verdict, statuses_without_a_code_are_doubts_but_for_access)
{
    CHECK(verdict(500, 0, true, "x") == CH_UNKNOWN);
    CHECK(verdict(502, 0, true, "bad gateway") == CH_UNKNOWN);
    CHECK(verdict(401, 0, true, "") == CH_REFUSED);
    CHECK(verdict(403, 0, true, "") == CH_REFUSED);
}

TEST(verdict, waiting_helps_a_query_or_does_not)
{
    const struct {
        long status;
        int exception;
        bool can_pass;
    } rows[] = {
        {0, 0, true},       {503, 0, true},   {429, 0, true},   {404, 0, false},
        {401, 0, false},    {500, 241, true}, {500, 202, true}, {404, 60, false},
        {500, 4711, false}, {500, 289, true}, {500, 667, true}, {500, 774, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct ch_answer answer = {.status = rows[i].status, .exception = rows[i].exception};
        CHECK(verdict_can_pass(&answer) == rows[i].can_pass);
    }
}

TEST(verdict, code_is_read_from_old_servers_bodies)
{
    CHECK(verdict_code_in(SLICE("Code: 60. DB::Exception: Table default.x")) == 60);
    CHECK(verdict_code_in(SLICE("Code: 1002")) == 1002);
    CHECK(verdict_code_in(SLICE("code: 60")) == 0);
    CHECK(verdict_code_in(SLICE("Code: ")) == 0);
    CHECK(verdict_code_in(SLICE("")) == 0);
    CHECK(strcmp(verdict_code_name(252), "TOO_MANY_PARTS") == 0);
    CHECK(strcmp(verdict_code_name(4711), "") == 0);
}

static int exception_in(const char *line)
{
    struct ch_answer answer = {.exception = 0};
    verdict_read_header(&answer, slice_from(line));
    return answer.exception;
}

TEST(verdict, a_header_that_speaks_of_an_exception_is_never_overlooked)
{
    CHECK(exception_in("X-ClickHouse-Exception-Code: 241\r\n") == 241);
    CHECK(exception_in("x-clickhouse-exception-code:  60") == 60);
    CHECK(exception_in("X-ClickHouse-Exception-Code: \r\n") == CH_EXCEPTION_UNREADABLE);
    CHECK(exception_in("X-ClickHouse-Exception-Code: none") == CH_EXCEPTION_UNREADABLE);
    CHECK(exception_in("X-ClickHouse-Exception-Code: 0") == CH_EXCEPTION_UNREADABLE);
    CHECK(exception_in("X-ClickHouse-Exception-Code: 99999999999999999999") == 1000000);
    CHECK(exception_in("X-ClickHouse-Query-Id: 241") == 0);
    CHECK(exception_in("") == 0);
    CHECK(verdict(200, CH_EXCEPTION_UNREADABLE, true, "") == CH_UNKNOWN);
}

TEST(verdict, keep_alive_is_read_from_its_header)
{
    CHECK(verdict_keep_alive_s(SLICE("Keep-Alive: timeout=10, max=999\r\n")) == 10);
    CHECK(verdict_keep_alive_s(SLICE("keep-alive: timeout=0")) == 0);
    CHECK(verdict_keep_alive_s(SLICE("Keep-Alive: timeout=")) == -1);
    CHECK(verdict_keep_alive_s(SLICE("Connection: keep-alive")) == -1);
}
