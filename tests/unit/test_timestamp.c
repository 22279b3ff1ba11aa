/* Points in time as callers write them. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/clock.h"
#include "schemas/timestamp.h"
#include "tests/support/text.h"

/* A text is taken as canonical only if it is what is written of its time. */
static void check_canonical(struct slice text)
{
    char written[CLOCK_TEXT_SIZE];
    int64_t ms;
    if (!timestamp_parse_canonical(text, &ms))
        return;
    clock_format(ms, written);
    CHECK(slice_equal(text, slice_from(written)));
}

TEST(timestamp, reads_all_forms)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"2026-11-23T08:00:00Z", 1795420800000},
        {"2026-11-23t08:00:00z", 1795420800000},
        {"2026-11-23 08:00:00Z", 1795420800000},
        {"2026-11-23T08:00:00", 1795420800000},
        {"2026-11-23T08:00:00.5Z", 1795420800500},
        {"2026-11-23T08:00:00.123Z", 1795420800123},
        {"2026-11-23T08:00:00.1239Z", 1795420800123}, /* cut, not rounded */
        {"2026-11-23T08:00:00.999999999999999999999999Z", 1795420800999},
        {"2026-11-23T08:00:00.000999", 1795420800000},
        {"2026-11-23T10:00:00+02:00", 1795420800000},
        {"2026-11-23T02:15:00.25-05:45", 1795420800250},
        {"2026-11-22T08:01:00-23:59", 1795420800000},
        {"2026-11-23T08:00:00-00:00", 1795420800000},
        {"2026-11-23", 1795420800000 - 8 * 3600000},
        {"1970-01-01", 0},
        {"1970-01-01T00:00:00.000Z", 0},
        {"1969-12-31T23:59:59Z", -1000},
        {"2000-02-29", 951782400000},
        {"2024-02-29T00:00:00Z", 1709164800000},
        {"2149-06-06T23:59:59.999Z", TIMESTAMP_MAX_MS},
        {"0000-01-01T00:00:00Z", -62167219200000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        /* leap seconds are the last millisecond of their day */
        {"2016-12-31T23:59:60Z", 1483228799999},
        {"2016-12-31T23:59:60.25Z", 1483228799999},
        {"2017-01-01T08:59:60+09:00", 1483228799999},
        {"2016-12-31T15:59:60-08:00", 1483228799999},
        {"2015-06-30T23:59:60", 1435708799999},
        /* Unix time */
        {"0", 0},
        {"1795420800", 1795420800000},
        {"1795420800.5", 1795420800500},
        {"1795420800.1239", 1795420800123},
        {"1.7954208e9", 1795420800000},
        {"1795420800.0", 1795420800000},
        {"0.0019", 1},
        {"1e-999999999", 0},
        {"0e999999999", 0}, /* at once: not a digit for each power of ten */
        {"-0.000e999999999999999999999", 0},
        {"-1", -1000},
        {"99999999999", 99999999999000}, /* still seconds */
        {"100000000000", 100000000000},  /* 10^11: milliseconds */
        {"1795420800123", 1795420800123},
        {"1795420800123.999", 1795420800123},
        {"1.795420800123e12", 1795420800123},
        {"-1795420800123", -1795420800123},
        {"999999999999999", 999999999999999},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = -1;
        bool read = timestamp_parse(slice_from(rows[i].text), &ms);
        if (!read || ms != rows[i].ms)
            fprintf(stderr, "%s: %lld\n", rows[i].text, (long long)ms);
        CHECK(read && ms == rows[i].ms);
        check_canonical(slice_from(rows[i].text));
    }
}

TEST(timestamp, refuses_everything_else)
{
    static const char *const rows[] = {
        "",
        "yesterday",
        "2026-11",
        "2026-11-2",
        "2026-1-02",
        "2026-13-01",
        "2026-00-01",
        "2026-11-00",
        "2026-11-31",
        "2026-02-29",
        "1900-02-29",
        "20261123T080000Z",
        "2026-11-23T",
        "2026-11-23T08",
        "2026-11-23T08:00",
        "2026-11-23T08:00Z",
        "2026-11-23T8:00:00Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T08:60:00Z",
        "2026-11-23T08:00:61Z",
        "2026-11-23T08:00:00.Z",
        "2026-11-23T08:00:00,5Z",
        "2026-11-23T08:00:00ZZ",
        "2026-11-23T08:00:00 Z",
        "2026-11-23T08:00:00+0200",
        "2026-11-23T08:00:00+02",
        "2026-11-23T08:00:00+24:00",
        "2026-11-23T08:00:00+02:60",
        "2026-11-23T08:00:00\xE2\x88\x92"
        "02:00", /* U+2212, which RFC 3339 does not have */
        "2026-11-23Z",
        " 2026-11-23",
        "2026-11-23 ",
        "2026/11/23",
        "-2026-11-23",
        /* no leap second there */
        "2026-11-23T23:59:60Z",
        "2016-12-31T22:59:60Z",
        "2016-12-31T23:58:60Z",
        "2016-12-31T23:59:60+01:00",
        /* not a Unix time */
        "1795420800s",
        "+1795420800",
        "1795420800.",
        "1e15",
        "1000000000000000",
        "1e999999999",
        "NaN",
        "0x10",
    };
    int64_t ms;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool read = timestamp_parse(slice_from(rows[i]), &ms);
        if (read)
            fprintf(stderr, "%s was read as %lld\n", rows[i], (long long)ms);
        CHECK(!read);
    }
    CHECK(!timestamp_parse((struct slice){"2026-11-23\0", 11}, &ms));
}

/* Every day of the range, against the C library's calendar by way of clock_format. */
TEST(timestamp, reads_what_clock_format_writes)
{
    char text[CLOCK_TEXT_SIZE];
    for (int64_t day = 0; day < 65536; day++) {
        int64_t ms, want = day * 86400000 + day * 1319 % 86400000;
        clock_format(want, text);
        CHECK(timestamp_parse(slice_from(text), &ms) && ms == want);
        CHECK(timestamp_parse_canonical(slice_from(text), &ms) && ms == want);
    }
}
