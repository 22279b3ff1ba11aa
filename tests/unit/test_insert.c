/* What is made of ClickHouse's answers about one block: what is sent again, waited for, or stops.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/insert.h"
#include "base/clock.h"
#include "tests/support/scripted_server.h"
#include "tests/unit/check.h"
#include <stdio.h>

#define HEAD   "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=30\r\nContent-Length: "
#define LANDED HEAD "0\r\n\r\n"
#define NO_ROW HEAD "4\r\n\r\n0\t0\n"
#define ALL    HEAD "4\r\n\r\n5\t5\n"
#define FAILED(code)                                                                               \
    "HTTP/1.1 500 Error\r\nX-ClickHouse-Exception-Code: " code "\r\nContent-Length: 1\r\n\r\nx"

enum { ROWS = 5, ANSWERS_MAX = 4 };

/* One step with these answers of the server. Returns how many requests there were. */
static int step(const char *const answers[ANSWERS_MAX], bool replicated, enum insert_doubt *doubt,
                enum insert_step *ret_step, struct err *reterr)
{
    size_t answers_len = 0;
    while (answers_len < ANSWERS_MAX && answers[answers_len])
        answers_len++;
    struct scripted_server server;
    scripted_server_start(&server, answers, answers_len);
    const struct ch_options options = {server.url, "default", "", "default"};
    struct settings settings = {.writer_insert_timeout = 3000};
    struct lease lease = {.good_until_boot_ms = INT64_MAX};
    lock_init(&lease.lock);
    struct columns columns = {.list = "`a`"};
    struct ledger ledger = {.epoch = 1};
    struct intent_block block = {.period = 202611, .rows = ROWS, .token = "token"};
    struct intent_range range = {.from = 0, .to = ROWS - 1, .records = ROWS};
    struct intent intent = {.id = "intent",
                            .partition_key = (char *)"toYYYYMM(timestamp)",
                            .ranges = &range,
                            .ranges_len = 1,
                            .blocks = &block,
                            .blocks_len = 1};
    struct inserter inserter = {.settings = &settings,
                                .client = ch_new(&options),
                                .columns = &columns,
                                .ledger = &ledger,
                                .lease = &lease,
                                .table = "t",
                                .replaces = true,
                                .replicated = replicated,
                                .proof_boot_ms = clock_boot_ms()};
    *ret_step = insert_step(&inserter, &intent, 0, SLICE("block"), doubt, reterr);
    CHECK(block.attempt == 0); /* another one needs PostgreSQL, and so a step of its own */
    ch_free(inserter.client);
    scripted_server_stop(&server);
    lock_done(&lease.lock);
    return server.requests;
}

TEST(insert, each_answer_has_its_consequence)
{
    static const struct {
        const char *answers[ANSWERS_MAX];
        bool replicated;
        enum insert_doubt before;
        enum insert_step step;
        enum insert_doubt after;
        enum err_code code; /* unless it landed */
    } rows[] = {
        /* The first time: landed, or a doubt, whatever the code says. */
        {{LANDED}, false, INSERT_FRESH, INSERT_LANDED, INSERT_FRESH, 0},
        {{FAILED("202")},
         false,
         INSERT_FRESH,
         INSERT_AGAIN,
         INSERT_DOUBT,
         ERR_CLICKHOUSE_UNAVAILABLE},
        {{FAILED("241")}, false, INSERT_FRESH, INSERT_AGAIN, INSERT_DOUBT, ERR_CLICKHOUSE_UNKNOWN},
        {{FAILED("60")}, false, INSERT_FRESH, INSERT_AGAIN, INSERT_DOUBT, ERR_CLICKHOUSE_REFUSED},
        /* In doubt the rows are what counts. */
        {{ALL}, false, INSERT_DOUBT, INSERT_LANDED, INSERT_DOUBT, 0},
        {{FAILED("241")},
         false,
         INSERT_DOUBT,
         INSERT_AGAIN,
         INSERT_DOUBT,
         ERR_CLICKHOUSE_UNAVAILABLE},
        {{FAILED("289")},
         true,
         INSERT_DOUBT,
         INSERT_AGAIN,
         INSERT_DOUBT,
         ERR_CLICKHOUSE_UNAVAILABLE},
        {{NO_ROW, LANDED, ALL}, false, INSERT_DOUBT, INSERT_LANDED, INSERT_DOUBT, 0},
        {{NO_ROW, FAILED("202")},
         false,
         INSERT_DOUBT,
         INSERT_AGAIN,
         INSERT_DOUBT,
         ERR_CLICKHOUSE_UNAVAILABLE},
        {{NO_ROW, FAILED("319")},
         true,
         INSERT_DOUBT,
         INSERT_AGAIN,
         INSERT_DOUBT,
         ERR_CLICKHOUSE_UNKNOWN},
        {{NO_ROW, FAILED("4711")},
         false,
         INSERT_DOUBT,
         INSERT_AGAIN,
         INSERT_DOUBT,
         ERR_CLICKHOUSE_UNKNOWN},
        /* A refusal stops, unless the rows are there for all that. */
        {{NO_ROW, FAILED("395"), NO_ROW},
         false,
         INSERT_DOUBT,
         INSERT_STOP,
         INSERT_DOUBT,
         ERR_CLICKHOUSE_REFUSED},
        {{NO_ROW, FAILED("395"), ALL}, false, INSERT_DOUBT, INSERT_LANDED, INSERT_DOUBT, 0},
        /* The token counts, and there is no row: burned, or on a replica that is ahead. */
        {{NO_ROW, LANDED, NO_ROW},
         false,
         INSERT_DOUBT,
         INSERT_AGAIN,
         INSERT_SETTLE,
         ERR_CLICKHOUSE_UNKNOWN},
        {{NO_ROW, LANDED, NO_ROW},
         true,
         INSERT_DOUBT,
         INSERT_AGAIN,
         INSERT_DOUBT,
         ERR_CLICKHOUSE_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum insert_doubt doubt = rows[i].before;
        enum insert_step done;
        struct err err;
        int requests = 0;
        while (requests < ANSWERS_MAX && rows[i].answers[requests])
            requests++;
        CHECK(step(rows[i].answers, rows[i].replicated, &doubt, &done, &err) == requests);
        CHECK(done == rows[i].step && doubt == rows[i].after);
        CHECK(done == INSERT_LANDED || err.code == rows[i].code);
    }
}

TEST(insert, no_answer_leaves_a_doubt)
{
    static const char *const answers[ANSWERS_MAX] = {HANG_UP};
    enum insert_doubt doubt = INSERT_FRESH;
    enum insert_step done;
    struct err err;
    CHECK(step(answers, false, &doubt, &done, &err) == 1);
    CHECK(done == INSERT_AGAIN && doubt == INSERT_DOUBT && err.code == ERR_CLICKHOUSE_UNKNOWN);
}
