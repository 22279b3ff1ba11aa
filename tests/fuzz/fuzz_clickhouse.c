/* Answers of ClickHouse, or of something that stands in its place: a line "STATUS", lines of a
 * head, a blank line, a body. What must hold:
 *
 *   - an INSERT has landed only by status 200, without a body and without any header that speaks of
 *     an exception
 *   - without an answer, or with nothing sent, it is never said to have landed
 *   - the type of a column, whatever its text, is read or refused, and read alike a second time
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/assert.h"
#include "base/mem.h"
#include "clickhouse/native.h"
#include "clickhouse/verdict.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <strings.h>

static const char exception_header[] = "X-ClickHouse-Exception-Code:";

/* Whether there is such a header, by other means than the client's. */
static bool speaks_of_exception(struct slice head)
{
    bool found = false;
    while (head.size > 0) {
        struct slice line = fuzz_take(&head, "\n");
        CLEANUP(mem_freep) char *text = xstrndup(line.data, line.size);
        found |= strncasecmp(text, exception_header, strlen(exception_header)) == 0;
    }
    return found;
}

static void check_verdicts(struct ch_answer *answer, struct slice head)
{
    bool clean = answer->status == 200 && answer->body.size == 0 && !speaks_of_exception(head);
    for (struct slice rest = head; rest.size > 0;) {
        struct slice line = fuzz_take(&rest, "\n");
        long keep_alive_s = verdict_keep_alive_s(line);
        ASSERT(keep_alive_s >= -1 && keep_alive_s <= 1000000);
        verdict_read_header(answer, line);
    }
    if (answer->exception == 0 && answer->status != 200)
        answer->exception = verdict_code_in(answer->body);
    (void)verdict_can_pass(answer);
    ASSERT(verdict_code_name(answer->exception) != NULL);
    ASSERT((verdict_of(answer) == CH_LANDED) == clean);
    answer->sent = false;
    ASSERT(verdict_of(answer) == CH_NOT_SENT);
}

static void check_type(struct slice text)
{
    CLEANUP(mem_freep) char *terminated = xstrndup(text.size ? text.data : "", text.size);
    struct native_type type, again;
    struct err err = {.code = ERR_NONE};
    if (!native_type_parse(terminated, &type, &err)) {
        ASSERT(err.code == ERR_TABLE_MISMATCH);
        return;
    }
    ASSERT(native_type_parse(type.text, &again, &err));
    ASSERT(type.kind == again.kind && type.nullable == again.nullable &&
           type.low_cardinality == again.low_cardinality && type.bytes == again.bytes &&
           type.precision == again.precision && type.scale == again.scale);
}

void fuzz_clickhouse(struct slice input)
{
    struct slice body = input;
    struct slice head = fuzz_take(&body, "\n\n");
    struct slice status = fuzz_take(&head, "\n");
    CLEANUP(mem_freep) char *number = xstrndup(status.size ? status.data : "", status.size);
    struct ch_answer answer = {.status = strtol(number, NULL, 10), .sent = true, .body = body};
    check_verdicts(&answer, head);
    while (body.size > 0)
        check_type(fuzz_take(&body, "\n"));
}
