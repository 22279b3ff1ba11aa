/* Long lists of events, whose rest is like their beginning, or not.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/record.h"
#include "tests/support/events.h"
#include "tests/unit/check.h"
#include <stdio.h>

enum { LONG_LEN = 900 };

/* Whether event i of a list is a right one or a mere digit: all are, digits come first, or last, or
 * in between. */
static bool is_right(int shape, size_t i)
{
    return shape == 0 || (shape == 1 ? i >= 30 : shape == 2 ? i < 30 : i % 7 == 0);
}

static void make_list(struct buf *body, int shape, bool lines)
{
    const char *before = lines ? "" : "[";
    for (size_t i = 0; i < LONG_LEN; i++, before = lines ? "\n" : ",") {
        buf_append_str(body, before);
        if (is_right(shape, i))
            buf_printf(
                body,
                "{\"transaction_id\":\"%zu\",\"external_customer_id\":\"c\",\"code\":\"api\","
                "\"timestamp\":1795420799.5,\"properties\":{\"region\":\"eu-central-1\"}}",
                i);
        else
            buf_append_char(body, '1');
    }
    buf_append_str(body, lines ? "\n" : "]");
}

static void check_list(struct slice body, enum event_body kind, int shape)
{
    struct arena arena;
    struct events_batch batch;
    struct events_options options = {0};
    struct record record;
    struct err err;
    arena_init(&arena, events_arena_max(body.size, &events_rules));
    CHECK(events_accept(body, kind, &events_rules, &options, &arena, &batch, &err));
    CHECK(batch.results_len == LONG_LEN);
    /* What was foreseen of a list of alike events is what it took, and a tenth. */
    CHECK(shape != 0 || arena.held < arena.used + arena.used / 10 + (64 << 10));
    size_t next = 0;
    for (size_t i = 0; i < LONG_LEN; i++) {
        char id[24];
        CHECK((batch.results[i].error == NULL) == is_right(shape, i));
        if (!is_right(shape, i))
            continue;
        snprintf(id, sizeof id, "%zu", i);
        CHECK(batch.records[next].result == i);
        CHECK(slice_equal(batch.results[i].event.transaction_id, slice_from(id)));
        CHECK(record_decode(batch.records[next++].value, &arena, &record, &err));
        CHECK(slice_equal(record.transaction_id, slice_from(id)));
    }
    CHECK(batch.records_len == next);
    arena_done(&arena);
}

TEST(lists, keep_their_events_in_place_whatever_the_rest_is_like)
{
    for (int shape = 0; shape < 4; shape++)
        for (int lines = 0; lines < 2; lines++) {
            struct buf body;
            buf_init(&body, 1 << 20);
            make_list(&body, shape, lines != 0);
            check_list(buf_slice(&body), lines ? EVENT_BODY_NDJSON : EVENT_BODY_JSON, shape);
            buf_done(&body);
        }
}
