/* What the writer says about itself. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/clock.h"
#include "tests/unit/check.h"
#include "writer/status.h"

enum { STALL_MS = 50 };

static bool ready(struct status *status, struct err *err)
{
    *err = (struct err){.code = ERR_NONE};
    return status_ready(status, err);
}

static void positions(struct status *status, int64_t done, int64_t log_end, int64_t oldest_ms)
{
    /* of the topic's partitions the second is the lane's */
    const struct status_partition partitions[] = {{false, 0, 77}, {true, done, log_end}};
    status_positions(status, partitions, 2, oldest_ms);
}

TEST(status, is_ready_only_while_it_works_without_trouble)
{
    struct status status;
    struct err err, trouble;
    status_init(&status, 60000);
    CHECK(ready(&status, &err)); /* nobody wants it to work */
    status_phase(&status, STATUS_STARTING, NULL);
    CHECK(!ready(&status, &err) && err.code == ERR_NOT_READY && strstr(err.text, "starting"));
    err_set(&trouble, ERR_LANE_LOST, "owned by another");
    status_phase(&status, STATUS_WAITING, &trouble);
    CHECK(!ready(&status, &err) && err.code == ERR_LANE_LOST && strstr(err.text, "by another"));
    status_phase(&status, STATUS_WORKING, NULL);
    CHECK(ready(&status, &err));

    err_set(&trouble, ERR_CLICKHOUSE_UNAVAILABLE, "gone");
    status_trouble(&status, STATUS_CLICKHOUSE, &trouble);
    err_set(&trouble, ERR_KAFKA_UNAVAILABLE, "gone, too");
    status_trouble(&status, STATUS_KAFKA, &trouble);
    CHECK(!ready(&status, &err) && err.code == ERR_CLICKHOUSE_UNAVAILABLE);
    status_trouble_over(&status, STATUS_CLICKHOUSE);
    CHECK(!ready(&status, &err) && err.code == ERR_KAFKA_UNAVAILABLE);
    status_trouble_over(&status, STATUS_KAFKA);
    CHECK(ready(&status, &err));
    status_phase(&status, STATUS_STOPPING, NULL);
    CHECK(!ready(&status, &err));
    status_done(&status);
}

/* A turn begins anew after a stop and comes as far as it came before: that is no progress. */
TEST(status, stays_stopped_until_there_is_progress)
{
    struct status status;
    struct err err, reason;
    status_init(&status, 60000);
    err_set(&reason, ERR_RECORD_INVALID, "partition 3, offset 7");
    status_phase(&status, STATUS_STOPPED, &reason);
    status_phase(&status, STATUS_RECOVERING, NULL);
    CHECK(!ready(&status, &err) && err.code == ERR_RECORD_INVALID);
    status_phase(&status, STATUS_WORKING, NULL);
    positions(&status, 6, 9, 0);
    CHECK(!ready(&status, &err) && err.code == ERR_RECORD_INVALID);
    status_progress(&status);
    CHECK(ready(&status, &err));

    status_phase(&status, STATUS_STOPPED, &reason);
    status_phase(&status, STATUS_WORKING, NULL);
    positions(&status, 8, -1, 0); /* the log's end is not known yet */
    CHECK(!ready(&status, &err));
    positions(&status, 8, 9, 0); /* nothing is left to do */
    CHECK(ready(&status, &err));
    status_done(&status);
}

TEST(status, a_writer_with_work_that_completes_nothing_is_not_ready)
{
    struct status status;
    struct err err;
    status_init(&status, STALL_MS);
    status_phase(&status, STATUS_WORKING, NULL);
    positions(&status, 5, 9, 0);
    clock_sleep_ms(2 * STALL_MS);
    CHECK(!ready(&status, &err) && strstr(err.text, "no batch"));
    status_progress(&status);
    CHECK(ready(&status, &err));
    clock_sleep_ms(2 * STALL_MS);
    positions(&status, 8, 9, 0);
    CHECK(ready(&status, &err));
    status_done(&status);
}

TEST(status, lag_and_freshness_are_shown)
{
    struct status status;
    struct buf out;
    status_init(&status, 60000);
    buf_init(&out, 65536);
    positions(&status, 5, 9, clock_wall_ms() - 7500);
    status_print_lag(&status, 4, &out);
    CHECK(strcmp(buf_text(&out), "bxb_writer_lag_records{lane=\"4\",partition=\"1\"} 3\n") == 0);
    CHECK(status_freshness(&status) / 1000 == 7);
    positions(&status, 8, 9, 0);
    buf_reset(&out);
    status_print_lag(&status, 4, &out);
    CHECK(strstr(buf_text(&out), "} 0\n"));
    CHECK(status_freshness(&status) == 0);
    buf_done(&out);
    status_done(&status);
}

TEST(status, an_idle_lane_says_nothing_of_what_it_knew)
{
    struct status status;
    struct err err, reason;
    struct buf out;
    status_init(&status, 60000);
    buf_init(&out, 65536);
    status_phase(&status, STATUS_WORKING, NULL);
    positions(&status, 5, 9, clock_wall_ms() - 7500);
    err_set(&reason, ERR_RECORD_INVALID, "partition 3, offset 7");
    status_phase(&status, STATUS_STOPPED, &reason);
    CHECK(!ready(&status, &err));
    status_phase(&status, STATUS_IDLE, NULL);
    CHECK(ready(&status, &err) && status_phase_now(&status) == STATUS_IDLE);
    status_print_lag(&status, 4, &out);
    CHECK(out.size == 0 && status_freshness(&status) == 0);
    status_phase(&status, STATUS_WORKING, NULL); /* its next turn is a new beginning */
    CHECK(ready(&status, &err));
    buf_done(&out);
    status_done(&status);
}
