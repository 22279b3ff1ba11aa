/* The lanes of a writer whose stores are all away: what it says, and that it can always be stopped.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/clock.h"
#include "tests/unit/check.h"
#include "writer/coordinator.h"

enum { PATIENCE_MS = 20000 };

static void settings_away(struct settings *settings)
{
    struct err err;
    settings_init(settings);
    CHECK(settings_set(settings, "postgres", "postgresql://bxb@127.0.0.1:1/bxb", &err));
    CHECK(settings_set(settings, "clickhouse_url", "http://127.0.0.1:1", &err));
    CHECK(settings_set(settings, "kafka", "127.0.0.1:1", &err));
    CHECK(settings_set(settings, "writer.lanes", "3", &err));
}

TEST(coordinator, says_what_is_away_and_stops)
{
    struct settings settings;
    struct coordinator coordinator;
    struct err err = {.code = ERR_NONE};
    struct buf out;
    settings_away(&settings);
    coordinator_start(&coordinator, &settings);
    CHECK(!coordinator_ready(&coordinator, &err));
    int64_t give_up = clock_mono_ms() + PATIENCE_MS;
    while (!coordinator_ready(&coordinator, &err) && err.code != ERR_POSTGRES_UNAVAILABLE)
        CHECK(clock_mono_ms() < give_up);
    coordinator_watch(&coordinator);
    coordinator_reload(&coordinator, &settings);
    buf_init(&out, 65536);
    coordinator_metrics(&coordinator, &out);
    CHECK(strstr(buf_text(&out), "bxb_writer_lag_records"));
    CHECK(!strstr(buf_text(&out), "{lane")); /* none is for this writer to work on yet */
    CHECK(coordinator_stop(&coordinator, PATIENCE_MS));
    coordinator_done(&coordinator);
    buf_done(&out);
    settings_done(&settings);
}

/* A lane is idle until it is wanted, tries and says why it cannot, and is idle again. */
TEST(coordinator, a_lane_works_only_while_it_is_wanted)
{
    struct settings settings;
    struct lane lane;
    struct err err;
    settings_away(&settings);
    lane_start(&lane, &settings, 2, &(struct lane_limits){.batch_wait_ms = 1});
    CHECK(status_phase_now(&lane.status) == STATUS_IDLE);
    int64_t give_up = clock_mono_ms() + PATIENCE_MS;
    for (int round = 0; round < 3; round++) {
        lane_want(&lane, true);
        while (status_ready(&lane.status, &err) || err.code != ERR_POSTGRES_UNAVAILABLE)
            CHECK(clock_mono_ms() < give_up);
        lane_want(&lane, false);
        while (status_phase_now(&lane.status) != STATUS_IDLE)
            CHECK(clock_mono_ms() < give_up);
        CHECK(status_ready(&lane.status, &err));
    }
    lane_want(&lane, true);
    lane_end(&lane);
    lane_want(&lane, true); /* comes too late to matter */
    CHECK(lane_wait_end(&lane, give_up));
    lane_done(&lane);
    settings_done(&settings);
}

TEST(coordinator, lanes_share_the_limits_of_a_batch)
{
    const struct lane_limits all = {.batch = {.rows = 1000, .bytes = 65536}, .batch_wait_ms = 7};
    for (size_t wanted = 0; wanted < 2; wanted++) {
        struct lane_limits one = coordinator_limits(&all, wanted);
        CHECK(one.batch.rows == 1000 && one.batch.bytes == 65536 && one.batch_wait_ms == 7);
    }
    struct lane_limits third = coordinator_limits(&all, 3);
    CHECK(third.batch.rows == 333 && third.batch.bytes == 21845 && third.batch_wait_ms == 7);
    const struct lane_limits single = {.batch = {.rows = 1, .bytes = 65536}};
    CHECK(coordinator_limits(&single, 64).batch.rows == 1);
}
