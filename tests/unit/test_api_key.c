/* catalog/api_key, catalog/uuid: what an operator says, and the names of things.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/api_key.h"
#include "catalog/uuid.h"
#include "tests/unit/check.h"
#include <string.h>

static const int64_t now_ms = 1800000000000;

TEST(api_key, ends_after_a_duration_or_at_a_point_in_time)
{
    static const struct {
        const char *text;
        int64_t ends_ms; /* 0: refused */
    } rows[] = {
        {"90d", now_ms + INT64_C(90) * 86400000},
        {"1s", now_ms + 1000},
        {"3650d", now_ms + INT64_C(3650) * 86400000},
        {"2027-03-31", INT64_C(1806451200000)},
        {"2027-03-31T12:00:00+02:00", INT64_C(1806487200000)},
        {"3651d", 0},
        {"2040-01-01", 0},
        {"0", 0},
        {"999ms", 0},
        {"2026-01-01", 0}, /* has passed */
        {"90", 0},
        {"1806451200", 0},
        {"1.8e9", 0},
        {"-5d", 0},
        {"tomorrow", 0},
        {"2027-02-30", 0},
        {"", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ends_ms = 0;
        struct err err = {.code = ERR_NONE};
        bool ok = api_key_parse_expiry(rows[i].text, now_ms, &ends_ms, &err);
        CHECK(ok == (rows[i].ends_ms != 0) && ends_ms == rows[i].ends_ms);
        CHECK(ok || err.code == ERR_USAGE);
    }
}

TEST(uuid, is_random_and_well_formed)
{
    char a[UUID_TEXT_SIZE], b[UUID_TEXT_SIZE], read[UUID_TEXT_SIZE];
    uuid_new(a);
    uuid_new(b);
    CHECK(strcmp(a, b) != 0);
    CHECK(a[14] == '4' && strchr("89ab", a[19]));
    CHECK(uuid_parse(slice_from(a), read) && strcmp(a, read) == 0);
    CHECK(uuid_parse(SLICE("6F1C2D3E-4B5A-4C6D-8E7F-0123456789AB"), read));
    CHECK(strcmp(read, "6f1c2d3e-4b5a-4c6d-8e7f-0123456789ab") == 0);
    CHECK(!uuid_parse(SLICE("6f1c2d3e4b5a-4c6d-8e7f-0123456789ab-"), read));
    CHECK(!uuid_parse(SLICE("6f1c2d3e-4b5a-4c6d-8e7f-0123456789ag"), read));
    CHECK(!uuid_parse(SLICE("6f1c2d3e-4b5a-4c6d-8e7f-0123456789a"), read));
    CHECK(!uuid_parse(SLICE(""), read));
}
