/* What the deduplication window must hold. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/unit/check.h"
#include "writer/horizon.h"
#include "writer/margin.h"
#include <string.h>

static struct ch_table table_of(char *engine, uint64_t window)
{
    static char database[] = "billing", name[] = "events";
    return (struct ch_table){
        .database = database, .name = name, .engine = engine, .deduplication_window = window};
}

TEST(margin, is_a_tenth_of_the_window_within_a_horizon)
{
    static const struct {
        uint64_t window;
        int64_t tokens, percent;
    } cases[] = {
        {100000, 10000, 100},
        {100000, 10001, 99},
        {100000, 5000, 200},
        {1000, 420, 23},
        {0, 1, 0},
        {0, 0, MARGIN_PERCENT_MAX},
        {100000, 0, MARGIN_PERCENT_MAX},
        {100000, 1, MARGIN_PERCENT_MAX},
        {UINT64_MAX, 3, MARGIN_PERCENT_MAX},
        {100000, 2, 500000},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK(margin_percent(cases[i].window, cases[i].tokens) == cases[i].percent);
}

TEST(margin, holds_until_the_window_is_too_small)
{
    char engine[] = "MergeTree";
    struct ch_table table = table_of(engine, 4200);
    struct err err;
    CHECK(margin_judge(&table, 420, 105000, &err));
    CHECK(!margin_judge(&table, 421, 105000, &err));
    CHECK(err.code == ERR_TOKEN_WINDOW);
    CHECK(strstr(err.text, "remembers 4200 INSERT tokens; 421 were used within 105 s"));
    CHECK(strstr(err.text, "ALTER TABLE billing.events MODIFY SETTING "
                           "non_replicated_deduplication_window = 100000"));
}

TEST(margin, names_a_window_that_lasts)
{
    char engine[] = "ReplicatedReplacingMergeTree";
    struct ch_table table = table_of(engine, 100000);
    struct err err;
    CHECK(!margin_judge(&table, 10500, 105000, &err));
    CHECK(strstr(err.text, " MODIFY SETTING replicated_deduplication_window = 250000"));
    table.deduplication_window = 250000;
    CHECK(margin_judge(&table, 10500, 105000, &err));
}

/* With the default settings, and with the window that `bxb migrate` makes. */
TEST(margin, asks_for_little_before_anything_is_measured)
{
    struct settings settings;
    settings_init(&settings);
    CHECK(horizon_ms(&settings) == 105000);
    CHECK(horizon_after_lease_ms(&settings) == 90000);
    CHECK(margin_least(&settings) == 4200);
    settings_done(&settings);
}
