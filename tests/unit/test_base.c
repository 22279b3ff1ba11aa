/* Buffers, arenas, errors, units, clocks, hashes, threads. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "base/units.h"
#include "tests/unit/check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

TEST(buf, appends_and_terminates)
{
    struct buf buf;
    buf_init(&buf, 1000);
    buf_append_str(&buf, "a=");
    buf_append_u64(&buf, UINT64_MAX);
    buf_append_char(&buf, ' ');
    buf_append_i64(&buf, INT64_MIN);
    buf_printf(&buf, " %s", "end");
    CHECK(strcmp(buf_text(&buf), "a=18446744073709551615 -9223372036854775808 end") == 0);
    CHECK(buf.size == strlen(buf_text(&buf)));
    CHECK(!buf.overflow);
    buf_done(&buf);
}

TEST(buf, refuses_what_is_over_its_cap)
{
    struct buf buf;
    buf_init(&buf, 4);
    buf_append_str(&buf, "abcd");
    CHECK(!buf.overflow);
    buf_append_char(&buf, 'e');
    CHECK(buf.overflow && buf.size == 4);
    buf_reset(&buf);
    CHECK(!buf.overflow && buf.size == 0);
    buf_done(&buf);
}

/* Whatever stands before and behind it, a character is escaped or not. */
TEST(buf, escapes_a_character_at_every_place)
{
    struct buf one, all;
    buf_init(&one, 64);
    buf_init(&all, 256);
    for (int byte = 0; byte < 256; byte++) {
        char character = (char)byte;
        buf_reset(&one);
        buf_append_json(&one, (struct slice){&character, 1});
        for (size_t before = 0; before < 20; before++) {
            char text[32];
            memset(text, 'x', sizeof text);
            text[before] = character;
            buf_reset(&all);
            buf_append_json(&all, (struct slice){text, sizeof text});
            size_t size = one.size - 2;
            CHECK(all.size == sizeof text - 1 + one.size && all.data[0] == '"');
            CHECK(memcmp(all.data + 1, text, before) == 0);
            CHECK(memcmp(all.data + 1 + before, one.data + 1, size) == 0);
            CHECK(memcmp(all.data + 1 + before + size, text + before + 1,
                         sizeof text - before - 1) == 0);
        }
    }
    buf_done(&one);
    buf_done(&all);
}

TEST(buf, escapes_json)
{
    struct buf buf;
    buf_init(&buf, 100);
    buf_append_json(&buf, SLICE("q\"b\\n\nt\tz\x01\xC3\xA4"));
    CHECK(strcmp(buf_text(&buf), "\"q\\\"b\\\\n\\nt\\tz\\u0001\xC3\xA4\"") == 0);
    buf_done(&buf);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
/* Pages that the kernel had to give while six MiB were used and freed. */
static long faults_of_use(void)
{
    enum { BLOCKS = 6, BLOCK_SIZE = 1 << 20 };
    void *blocks[BLOCKS];
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < BLOCKS; i++)
        blocks[i] = memset(xmalloc(BLOCK_SIZE), i, BLOCK_SIZE);
    for (int i = BLOCKS - 1; i >= 0; i--)
        free(blocks[i]);
    getrusage(RUSAGE_SELF, &after);
    return after.ru_minflt - before.ru_minflt;
}

TEST(mem, keeps_what_was_freed)
{
    mem_keep_freed(16 << 20);
    faults_of_use();
    CHECK(faults_of_use() < 100); /* of 1,536 pages */
}
#endif

static bool take_from(void *left, size_t bytes)
{
    if (*(size_t *)left < bytes)
        return false;
    *(size_t *)left -= bytes;
    return true;
}

TEST(arena, asks_before_each_block_and_is_full_when_refused)
{
    size_t left = 100000;
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    arena_ask(&arena, take_from, &left);
    while (arena_alloc(&arena, 1000))
        CHECK(arena.held + left == 100000 && !arena.full);
    CHECK(arena.full && arena.held + left == 100000 && arena.held > 50000);
    const size_t held = arena.held;
    CHECK(arena_alloc(&arena, 100000) == NULL && arena.held == held);
    arena_done(&arena);
}

/* What is expected comes in one piece, or in few, when it is used. */
TEST(arena, holds_little_more_than_what_is_expected)
{
    struct arena arena;
    arena_init(&arena, SIZE_MAX);
    CHECK(arena_alloc(&arena, 1000) != NULL);
    size_t held = arena.held;
    arena_expect(&arena, 100000);
    CHECK(arena.held == held);
    const char *first = arena_alloc(&arena, 10000), *next = first;
    for (int i = 0; i < 9; i++, next += 10000)
        CHECK((const char *)arena_alloc(&arena, 10000) == next + 10000);
    CHECK(arena.held > held + 100000 && arena.held < held + 101000);
    held = arena.held;
    CHECK(arena_alloc(&arena, 10000) != NULL && arena.held > held + 200000); /* as ever */
    held = arena.held;
    arena_expect(&arena, 1000000); /* more than one block */
    for (int i = 0; i < 100; i++)
        CHECK(arena_alloc(&arena, 10000) != NULL);
    CHECK(arena.held < held + 1100000);
    arena_done(&arena);
}

TEST(arena, aligns_and_keeps_its_cap)
{
    struct arena arena;
    arena_init(&arena, 100000);
    char *one = arena_alloc(&arena, 1), *two = arena_alloc(&arena, 1);
    CHECK(one != NULL && two != NULL && one != two);
    CHECK((uintptr_t)two % 16 == 0);
    CHECK(arena_alloc(&arena, 200000) == NULL);
    CHECK(arena_alloc(&arena, SIZE_MAX) == NULL);
    CHECK(arena_calloc(&arena, SIZE_MAX, 2) == NULL);
    char *large = arena_calloc(&arena, 1, 50000);
    CHECK(large != NULL && large[0] == 0 && large[49999] == 0);
    CHECK(arena_alloc(&arena, 60000) == NULL);
    struct slice copy = arena_copy(&arena, SLICE("abc"));
    CHECK(copy.size == 3 && strcmp(copy.data, "abc") == 0);
    char *trimmed = arena_alloc(&arena, 40000);
    size_t used = arena.used;
    arena_trim(&arena, trimmed, 17);
    CHECK(arena.used == used - 40000 + 32 && (char *)arena_alloc(&arena, 1) == trimmed + 32);
    arena_reset(&arena);
    CHECK(arena.used == 0 && arena_alloc(&arena, 60000) != NULL);
    arena_done(&arena);
}

TEST(err, is_written_only_when_there_is_somewhere_to)
{
    CHECK(!err_set(NULL, ERR_IO, "x"));
    struct err err;
    CHECK(!err_set_at(&err, ERR_FIELD_MISSING, "/code", "%s is missing", "code"));
    CHECK(err.code == ERR_FIELD_MISSING);
    CHECK(strcmp(err.pointer, "/code") == 0);
    CHECK(strcmp(err.text, "code is missing") == 0);
    err_prefix(&err, "event %d", 3);
    CHECK(strcmp(err.text, "event 3: code is missing") == 0);
    CHECK(err.code == ERR_FIELD_MISSING);
}

TEST(err, may_quote_its_own_text)
{
    struct err err;
    err_set(&err, ERR_IO, "inner");
    err_set(&err, ERR_INTERNAL, "outer: %s", err.text);
    CHECK(strcmp(err.text, "outer: inner") == 0);
}

TEST(err, cuts_between_characters)
{
    char text[ERR_TEXT_SIZE + 10];
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA4", 3);
    struct err err;
    err_set(&err, ERR_IO, "%s", text);
    CHECK(strlen(err.text) == ERR_TEXT_SIZE - 2);
    err_set(&err, ERR_IO, "x%s", text);
    CHECK(strlen(err.text) == ERR_TEXT_SIZE - 1);
}

TEST(err, codes_are_unique_and_described)
{
    for (int a = ERR_NONE + 1; a < ERR_COUNT; a++) {
        CHECK(err_code_title(a)[0] != '\0' && err_code_remedy(a)[0] != '\0');
        for (int b = a + 1; b < ERR_COUNT; b++)
            CHECK(strcmp(err_code_name(a), err_code_name(b)) != 0);
    }
}

TEST(units, parse_what_people_write)
{
    int64_t ms;
    uint64_t size;
    CHECK(units_parse_duration("35d", &ms) && ms == 35LL * 86400000);
    CHECK(units_parse_duration("250ms", &ms) && ms == 250);
    CHECK(units_parse_duration("0", &ms) && ms == 0);
    CHECK(!units_parse_duration("5", &ms));
    CHECK(!units_parse_duration("-5s", &ms));
    CHECK(!units_parse_duration("99999999999999999d", &ms));
    CHECK(units_parse_size("16MiB", &size) && size == 16u << 20);
    CHECK(units_parse_size("17", &size) && size == 17);
    CHECK(!units_parse_size("1MB", &size));
    CHECK(!units_parse_size("", &size));
}

TEST(units, format_what_parses_to_the_same)
{
    char text[UNITS_TEXT_SIZE];
    units_format_duration(90000, text);
    CHECK(strcmp(text, "90s") == 0);
    units_format_duration(0, text);
    CHECK(strcmp(text, "0s") == 0);
    units_format_size(1536, text);
    CHECK(strcmp(text, "1536") == 0);
    units_format_size(64 << 10, text);
    CHECK(strcmp(text, "64KiB") == 0);
}

TEST(clock, formats_utc_milliseconds)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {951827696789, "2000-02-29T12:34:56.789Z"},
        {1795420800123, "2026-11-23T08:00:00.123Z"},
        {5680281599999, "2149-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[CLOCK_TEXT_SIZE];
        clock_format(rows[i].ms, text);
        CHECK(strcmp(text, rows[i].text) == 0);
    }
}

TEST(digest, agrees_with_published_vectors)
{
    uint8_t sha1[DIGEST_SHA1_SIZE], sha256[DIGEST_SHA256_SIZE], parts[DIGEST_SHA256_SIZE];
    char hex[2 * DIGEST_SHA256_SIZE + 1];
    struct digest_sha1 many;
    digest_sha1_init(&many, SLICE("a"));
    for (int round = 0; round < 2; round++) {
        digest_sha1(&many, SLICE("something else"), sha1);
        digest_sha1(&many, SLICE("bc"), sha1);
        digest_hex(sha1, sizeof sha1, hex);
        CHECK(strcmp(hex, "a9993e364706816aba3e25717850c26c9cd0d89d") == 0); /* FIPS 180-2 A.1 */
    }
    digest_sha256(SLICE("abc"), sha256);
    digest_hex(sha256, sizeof sha256, hex);
    CHECK(strcmp(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") == 0);
    struct digest digest;
    digest_init(&digest);
    digest_add(&digest, SLICE("a"));
    digest_add(&digest, SLICE("bc"));
    digest_end(&digest, parts);
    CHECK(digest_equal(parts, sha256, sizeof parts));
    parts[31] ^= 1;
    CHECK(!digest_equal(parts, sha256, sizeof parts));
}

/* Where the text ends decides how many blocks there are, and what is in the last one. */
TEST(digest, sha1_is_right_wherever_blocks_and_beginnings_end)
{
    static const struct {
        size_t size; /* of a text of nothing but a's */
        const char *hex;
    } rows[] = {
        {0, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {1, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"},
        {55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"},
        {56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},
        {63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"},
        {64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
        {65, "11655326c708d70319be2610e8a57d9a5b959d3b"},
        {119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"},
        {120, "f34c1488385346a55709ba056ddd08280dd4c6d6"},
        {127, "89d95fa32ed44a7c610b7ee38517ddf57e0bb975"},
        {128, "ad5b3fdbcb526778c2839d2f151ea753995e26a0"},
        {1088, "983649d747d71b2353f7f63a3f80bbf73558b503"},
    };
    static char text[1088];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (size_t begin = 0; begin <= rows[i].size; begin++) {
            const struct slice end = {text + begin, rows[i].size - begin};
            struct digest_sha1 many;
            uint8_t sha1[DIGEST_SHA1_SIZE];
            char hex[2 * DIGEST_SHA1_SIZE + 1];
            if (end.size > DIGEST_SHA1_END_MAX)
                continue;
            digest_sha1_init(&many, (struct slice){text, begin});
            digest_sha1(&many, end, sha1);
            digest_hex(sha1, sizeof sha1, hex);
            CHECK(strcmp(hex, rows[i].hex) == 0);
        }
}

TEST(digest, reads_only_whole_hex)
{
    uint8_t bytes[2];
    CHECK(digest_from_hex(SLICE("0aFf"), bytes, 2) && bytes[0] == 0x0A && bytes[1] == 0xFF);
    CHECK(!digest_from_hex(SLICE("0aF"), bytes, 2));
    CHECK(!digest_from_hex(SLICE("0aFg"), bytes, 2));
}

TEST(metrics, print_only_their_own_program)
{
    metrics_add(METRIC_SERVER_EVENTS_ACCEPTED, 7);
    metrics_observe_us(HISTOGRAM_SERVER_ACKNOWLEDGE, 700);
    struct buf out;
    buf_init(&out, 1 << 20);
    metrics_print(&out, "bxb-server");
    CHECK(strstr(buf_text(&out), "bxb_server_events_total{fate=\"accepted\"} 7\n") != NULL);
    CHECK(strstr(buf_text(&out), "bxb_server_acknowledge_seconds_bucket{le=\"0.0005\"} 0\n"));
    CHECK(strstr(buf_text(&out), "bxb_server_acknowledge_seconds_bucket{le=\"0.001\"} 1\n"));
    CHECK(strstr(buf_text(&out), "bxb_server_acknowledge_seconds_sum 0.000700\n") != NULL);
    CHECK(strstr(buf_text(&out), "bxb_writer_") == NULL);
    buf_done(&out);
}

TEST(metrics, show_milliseconds_as_seconds)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    metrics_set(METRIC_WRITER_FRESHNESS, 12034);
    metrics_print(&out, "bxb-writer");
    CHECK(strstr(buf_text(&out), "bxb_writer_freshness_seconds gauge\n"));
    CHECK(strstr(buf_text(&out), "\nbxb_writer_freshness_seconds 12.034\n"));
    metrics_set(METRIC_WRITER_FRESHNESS, 0);
    buf_reset(&out);
    metrics_print(&out, "bxb-writer");
    CHECK(strstr(buf_text(&out), "\nbxb_writer_freshness_seconds 0.000\n"));
    buf_done(&out);
}

static struct lock lock;
static int turns;

static void take_turns(void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++) {
        lock_acquire(&lock);
        turns++;
        lock_notify(&lock);
        lock_release(&lock);
    }
}

TEST(thread, locks_exclude_and_waits_end)
{
    lock_init(&lock);
    turns = 0;
    struct thread a = {0}, b = {0};
    thread_start(&a, "a", take_turns, NULL);
    thread_start(&b, "b", take_turns, NULL);
    lock_acquire(&lock);
    while (turns < 2000)
        lock_wait_until(&lock, clock_mono_ms() + 5000);
    CHECK(!lock_wait_until(&lock, clock_mono_ms() - 1));
    lock_release(&lock);
    thread_join(&a);
    thread_join(&b);
    thread_join(&b); /* once more is fine */
    CHECK(turns == 2000);
    lock_done(&lock);
}
