/* Points in time as callers write them. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/timestamp.h"
#include "schemas/decimal.h"
#include "schemas/wide.h"

#define MS_PER_DAY INT64_C(86400000)

enum {
    UNIX_MS_DIGITS = 12,  /* 10^11 has twelve: from there on it is milliseconds */
    UNIX_DIGITS_MAX = 15, /* more would be after the year 30,000 */
};

struct date_time {
    int year, month, day, hour, minute, second;
    int ms;
    int offset; /* minutes east of UTC */
};

/* Days from 1970-01-01 of the proleptic Gregorian calendar. A year that begins in March has its
 * leap day at the end, and five months of it always have 153 days. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* ---- RFC 3339 ---- */

static bool take(struct slice *text, const char *characters)
{
    if (text->size == 0 || text->data[0] == '\0' || strchr(characters, text->data[0]) == NULL)
        return false;
    text->data++;
    text->size--;
    return true;
}

/* Exactly `digits` digits, a number from `min` to `max`. */
static bool take_number(struct slice *text, size_t digits, int min, int max, int *ret_number)
{
    int number = 0;
    if (text->size < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        if (text->data[i] < '0' || text->data[i] > '9')
            return false;
        number = number * 10 + (text->data[i] - '0');
    }
    text->data += digits;
    text->size -= digits;
    *ret_number = number;
    return number >= min && number <= max;
}

static bool take_date(struct slice *text, struct date_time *time)
{
    return take_number(text, 4, 0, 9999, &time->year) && take(text, "-") &&
           take_number(text, 2, 1, 12, &time->month) && take(text, "-") &&
           take_number(text, 2, 1, days_in_month(time->year, time->month), &time->day);
}

/* ".123456789": one digit at least; the first three count. */
static bool take_fraction(struct slice *text, int *ret_ms)
{
    int ms = 0, weight = 100, digit;
    if (!take_number(text, 1, 0, 9, &digit))
        return false;
    do {
        ms += digit * weight;
        weight /= 10;
    } while (take_number(text, 1, 0, 9, &digit));
    *ret_ms = ms;
    return true;
}

static bool take_offset(struct slice *text, int *ret_offset)
{
    if (text->size == 0 || take(text, "Zz"))
        return true;
    int hours, minutes, sign = text->data[0] == '-' ? -1 : 1;
    if (!take(text, "+-") || !take_number(text, 2, 0, 23, &hours) || !take(text, ":") ||
        !take_number(text, 2, 0, 59, &minutes))
        return false;
    *ret_offset = sign * (hours * 60 + minutes);
    return true;
}

static bool take_clock(struct slice *text, struct date_time *time)
{
    return take_number(text, 2, 0, 23, &time->hour) && take(text, ":") &&
           take_number(text, 2, 0, 59, &time->minute) && take(text, ":") &&
           take_number(text, 2, 0, 60, &time->second) &&
           (!take(text, ".") || take_fraction(text, &time->ms)) && take_offset(text, &time->offset);
}

/* Whether the day is the first of a month, where a leap second can just have ended. */
static bool month_begins(const struct date_time *time, int64_t day)
{
    int next_year = time->month == 12 ? time->year + 1 : time->year;
    int next_month = time->month == 12 ? 1 : time->month + 1;
    return day == days_of(time->year, time->month, 1) || day == days_of(next_year, next_month, 1);
}

static inline int two_digits(const char *at)
{
    return (at[0] - '0') * 10 + (at[1] - '0');
}

/* 2026-11-23T08:00:00.123Z, as programs write it. False: it is written in another way, or there is
 * no such time. */
static bool take_canonical(struct slice text, struct date_time *time)
{
    static const char low[] = "0000-00-00T00:00:00.000Z", high[] = "9999-19-39T29:59:59.999Z";
    const size_t size = sizeof low - 1, last = size - WIDE_STEP;
    const char *at = text.data;
    if (text.size != size || !wide_within(at, low, high) ||
        !wide_within(at + last, low + last, high + last))
        return false;
    *time = (struct date_time){
        .year = two_digits(at) * 100 + two_digits(at + 2),
        .month = two_digits(at + 5),
        .day = two_digits(at + 8),
        .hour = two_digits(at + 11),
        .minute = two_digits(at + 14),
        .second = two_digits(at + 17),
        .ms = two_digits(at + 20) * 10 + (at[22] - '0'),
    };
    return time->month >= 1 && time->month <= 12 && time->day >= 1 && time->hour <= 23 &&
           (time->day <= 28 || time->day <= days_in_month(time->year, time->month));
}

bool timestamp_parse_canonical(struct slice text, int64_t *ret_ms)
{
    struct date_time time;
    if (!take_canonical(text, &time))
        return false;
    *ret_ms = days_of(time.year, time.month, time.day) * MS_PER_DAY +
              ((time.hour * 60 + time.minute) * 60 + time.second) * INT64_C(1000) + time.ms;
    return true;
}

static bool parse_rfc3339(struct slice text, int64_t *ret_ms)
{
    struct date_time time = {0};
    if (timestamp_parse_canonical(text, ret_ms))
        return true;
    if (!take_date(&text, &time))
        return false;
    if (text.size > 0 && (!take(&text, "Tt ") || !take_clock(&text, &time) || text.size > 0))
        return false;
    int64_t minutes = time.hour * 60 + time.minute - time.offset;
    int64_t ms = days_of(time.year, time.month, time.day) * MS_PER_DAY + minutes * 60000 +
                 time.second * 1000 + time.ms;
    if (time.second == 60) {
        ms -= time.ms; /* where the next day begins, if this is a leap second at all */
        if (ms % MS_PER_DAY != 0 || !month_begins(&time, ms / MS_PER_DAY))
            return false;
        ms--;
    }
    *ret_ms = ms;
    return true;
}

/* ---- Unix time ---- */

static bool parse_unix(struct slice text, int64_t *ret_ms)
{
    struct decimal number;
    if (!decimal_parse(text, &number))
        return false;
    int64_t first = 0, len = (int64_t)(number.whole.size + number.part.size);
    while (first < len && decimal_digit(&number, first) == '0')
        first++;
    if (first == len) { /* zero, wherever its point is said to be */
        *ret_ms = 0;
        return true;
    }
    int64_t digits = number.point - first; /* before the point */
    if (digits > UNIX_DIGITS_MAX)
        return false;
    int64_t end = digits >= UNIX_MS_DIGITS ? number.point : number.point + 3;
    int64_t ms = 0;
    for (int64_t i = first; i < end; i++)
        ms = ms * 10 + (decimal_digit(&number, i) - '0');
    *ret_ms = number.negative ? -ms : ms;
    return true;
}

bool timestamp_parse(struct slice text, int64_t *ret_ms)
{
    /* Only a date has '-' behind its fourth digit. */
    if (text.size > 4 && text.data[4] == '-')
        return parse_rfc3339(text, ret_ms);
    return parse_unix(text, ret_ms);
}
