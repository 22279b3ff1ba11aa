/* Events made by chance: what is meant goes into a text, the text through reader and record, and
 * comes back as it was meant. BXB_TEST_SEED makes the events of a run that failed again.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/digest.h"
#include "tests/support/events.h"
#include "tests/support/same.h"
#include "tests/support/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { EVENTS = 5000, DEPTH = 5, TEXT_SIZE = 4 * 255, VALUE_SIZE = 48 };

/* ---- Chance ---- */

struct chance {
    uint64_t state;
};

/* splitmix64 */
static uint64_t next(struct chance *chance)
{
    uint64_t z = chance->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static unsigned below(struct chance *chance, unsigned limit)
{
    return (unsigned)(next(chance) % limit);
}

static bool one_in(struct chance *chance, unsigned times)
{
    return below(chance, times) == 0;
}

static uint64_t choose_seed(void)
{
    const char *given = getenv("BXB_TEST_SEED"); /* allow getenv: the seed of a run that failed */
    uint64_t seed;
    if (given != NULL)
        return strtoull(given, NULL, 10);
    digest_random(&seed, sizeof seed);
    return seed;
}

/* ---- What is meant ---- */

struct meant {
    struct record record;
    char id[TEXT_SIZE], customer[TEXT_SIZE], subscription[TEXT_SIZE], code[TEXT_SIZE];
    char value[VALUE_SIZE];
    struct buf properties; /* the record's are a view of it */
};

/* An identifier: characters of one to four bytes, without controls. */
static struct slice make_text(struct chance *chance, char text[TEXT_SIZE])
{
    static const char *const characters[] = {"a",  "Z", "0",      "-",    "/", "\\",        "\"",
                                             "'",  " ", "~",      "{",    ",", "é",         "ß",
                                             "客", "€", "\u2028", "🙂", "𝄞", "\U0010ffff"};
    size_t size = 0;
    unsigned len = one_in(chance, 30) ? EVENT_TEXT_MAX : 1 + below(chance, 24);
    while (len-- > 0) {
        const char *c = characters[below(chance, ARRAY_LEN(characters))];
        memcpy(text + size, c, strlen(c));
        size += strlen(c);
    }
    return (struct slice){text, size};
}

/* A decimal as it is kept: up to 20 digits, a point, up to 18. */
static struct slice make_value(struct chance *chance, char text[VALUE_SIZE])
{
    size_t size = 0;
    unsigned whole = 1 + below(chance, EVENT_WHOLE_DIGITS), part = below(chance, 19);
    if (one_in(chance, 3))
        text[size++] = '-';
    text[size++] = (char)(whole == 1 ? '0' + below(chance, 10) : '1' + below(chance, 9));
    for (unsigned i = 1; i < whole; i++)
        text[size++] = (char)('0' + below(chance, 10));
    if (part > 0)
        text[size++] = '.';
    for (unsigned i = 0; i < part; i++)
        text[size++] = (char)('0' + below(chance, 10));
    return (struct slice){text, size};
}

/* ---- How it is written ---- */

static void write_blank(struct buf *out, struct chance *chance)
{
    static const char *const blanks[] = {"", "", "", " ", "\t", "\r\n  "};
    buf_append_str(out, blanks[below(chance, ARRAY_LEN(blanks))]);
}

/* What stands in a JSON string; of ASCII, some characters are escaped that need not be. */
static void write_characters(struct buf *out, struct chance *chance, struct slice text)
{
    bool escape = one_in(chance, 4);
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (escape && c > 0 && one_in(chance, 3))
            buf_printf(out, one_in(chance, 2) ? "\\u%04x" : "\\u%04X", c);
        else if (c == '/' && escape)
            buf_append_str(out, "\\/");
        else
            buf_append_char(out, c);
    }
}

static void write_text(struct buf *out, struct chance *chance, struct slice text)
{
    buf_append_char(out, '"');
    write_characters(out, chance, text);
    buf_append_char(out, '"');
}

static void write_json(struct buf *out, struct chance *chance, unsigned depth);

static void write_object(struct buf *out, struct chance *chance, unsigned depth)
{
    unsigned members = below(chance, 4);
    buf_append_char(out, '{');
    for (unsigned i = 0; i < members; i++) { /* names differ by their number */
        char text[TEXT_SIZE];
        buf_append_str(out, i ? "," : "");
        write_blank(out, chance);
        buf_printf(out, "\"%u", i);
        write_characters(out, chance, make_text(chance, text));
        buf_append_str(out, "\" :");
        write_blank(out, chance);
        write_json(out, chance, depth - 1);
    }
    write_blank(out, chance);
    buf_append_char(out, '}');
}

static void write_json(struct buf *out, struct chance *chance, unsigned depth)
{
    static const char *const plain[] = {
        "null",   "true", "false", "0",          "-0", "1e400", "\"\\ud83d\\ude42\"",
        "-12.50", "[]",   "{}",    "\"\\u0000\""};
    unsigned roll = depth == 0 ? 0 : below(chance, 3);
    if (roll == 0) {
        buf_append_str(out, plain[below(chance, ARRAY_LEN(plain))]);
    } else if (roll == 1) {
        write_object(out, chance, depth);
    } else {
        buf_append_char(out, '[');
        write_json(out, chance, depth - 1);
        buf_append_char(out, ',');
        write_blank(out, chance);
        write_json(out, chance, depth - 1);
        buf_append_char(out, ']');
    }
}

/* The time in one of the forms that keep the millisecond. */
static void write_time(struct buf *out, struct chance *chance, int64_t ms)
{
    int offset_min = (int)below(chance, 28 * 60) - 14 * 60;
    time_t local = (time_t)(ms / 1000 + offset_min * 60);
    unsigned rest = (unsigned)(ms % 1000), hours = (unsigned)abs(offset_min) / 60;
    struct tm tm;
    char date[64];
    switch (below(chance, 4)) {
    case 0:
        buf_printf(out, "%" PRId64, ms);
        break;
    case 1:
        buf_printf(out, "\"%" PRId64 ".%03u\"", ms / 1000, rest);
        break;
    case 2:
        buf_printf(out, "%" PRId64 ".%03u%u", ms / 1000, rest, below(chance, 1000));
        break;
    default:
        gmtime_r(&local, &tm);
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
        buf_printf(out, "\"%s.%03u%u%c%02u:%02u\"", date, rest, below(chance, 100),
                   offset_min < 0 ? '-' : '+', hours, (unsigned)abs(offset_min) % 60);
    }
}

static void make(struct chance *chance, struct meant *meant)
{
    buf_reset(&meant->properties);
    write_object(&meant->properties, chance, DEPTH);
    meant->record = (struct record){
        .organization_id = events_rules.organization_id,
        .transaction_id = make_text(chance, meant->id),
        .external_customer_id = make_text(chance, meant->customer),
        .code = make_text(chance, meant->code),
        .properties = SLICE("{}"),
        .timestamp_ms = EVENTS_NOW - (int64_t)(next(chance) % (UINT64_C(30) * 24 * 3600000)),
        .ingested_ms = EVENTS_NOW,
    };
    if (one_in(chance, 2))
        meant->record.external_subscription_id = make_text(chance, meant->subscription);
    if (!one_in(chance, 4))
        meant->record.value = make_value(chance, meant->value);
    if (!one_in(chance, 10))
        meant->record.properties = buf_slice(&meant->properties);
}

enum member { ID, CUSTOMER, SUBSCRIPTION, CODE, TIMESTAMP, VALUE, PROPERTIES, MEMBERS };

static void write_member(struct buf *out, struct chance *chance, enum member member,
                         const struct record *record)
{
    static const char *const names[MEMBERS] = {"transaction_id",
                                               "external_customer_id",
                                               "external_subscription_id",
                                               "code",
                                               "timestamp",
                                               "value",
                                               "properties"};
    const struct slice texts[MEMBERS] = {
        [ID] = record->transaction_id,
        [CUSTOMER] = record->external_customer_id,
        [SUBSCRIPTION] = record->external_subscription_id,
        [CODE] = record->code,
    };
    write_text(out, chance, slice_from(names[member]));
    write_blank(out, chance);
    buf_append_char(out, ':');
    write_blank(out, chance);
    if (member == TIMESTAMP)
        write_time(out, chance, record->timestamp_ms);
    else if (member == PROPERTIES)
        buf_append_slice(out, record->properties);
    else if (member == VALUE && one_in(chance, 2))
        buf_append_slice(out, record->value);
    else
        write_text(out, chance, member == VALUE ? record->value : texts[member]);
}

/* The members in any order; those that are not meant are null or missing. */
static void write_event(struct buf *out, struct chance *chance, const struct record *record)
{
    const char *before = "";
    unsigned first = below(chance, MEMBERS), step = 1 + below(chance, MEMBERS - 1);
    buf_append_char(out, '{');
    for (unsigned i = 0; i < MEMBERS; i++) { /* MEMBERS is prime: each comes once */
        enum member member = (enum member)((first + i * step) % MEMBERS);
        if ((member == SUBSCRIPTION && record->external_subscription_id.size == 0) ||
            (member == VALUE && record->value.size == 0))
            continue;
        buf_append_str(out, before);
        write_blank(out, chance);
        write_member(out, chance, member, record);
        before = ",";
    }
    buf_append_char(out, '}');
}

/* ---- There and back ---- */

static bool comes_back(struct slice body, const struct record *want, struct buf *encoded)
{
    struct event_reader reader;
    struct event event;
    struct record back;
    struct arena arena;
    struct err err = {.code = ERR_NONE};
    struct event_rules rules = events_rules;
    rules.event_max = 1 << 20;
    arena_init(&arena, 1 << 22);
    buf_reset(encoded);
    event_reader_init(&reader, body, EVENT_BODY_JSON, &rules, &arena);
    bool same = event_reader_next(&reader, &event, &err) == EVENT_ACCEPTED;
    if (same) {
        struct record record = record_of(&event, &rules);
        record_encode(&record, encoded);
        same = !encoded->overflow && record_decode(buf_slice(encoded), &arena, &back, &err) &&
               same_record(want, &back);
    }
    if (!same)
        fprintf(stderr, "%s %s %s\nbody   %.*s\nrecord %.*s\n", err_code_name(err.code),
                err.pointer, err.text, SLICE_ARG(body), SLICE_ARG(buf_slice(encoded)));
    arena_done(&arena);
    return same;
}

TEST(round_trip, brings_back_what_was_meant)
{
    struct chance chance = {choose_seed()};
    fprintf(stderr, "BXB_TEST_SEED=%" PRIu64 "\n", chance.state);
    struct meant meant;
    struct buf body, encoded;
    buf_init(&meant.properties, 1 << 20);
    buf_init(&body, 1 << 20);
    buf_init(&encoded, 1 << 20);
    for (unsigned i = 0; i < EVENTS; i++) {
        make(&chance, &meant);
        buf_reset(&body);
        write_event(&body, &chance, &meant.record);
        CHECK(!body.overflow && comes_back(buf_slice(&body), &meant.record, &encoded));
    }
    buf_done(&meant.properties);
    buf_done(&body);
    buf_done(&encoded);
}
