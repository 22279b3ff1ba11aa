/* Segments: stamps that come back, and every kind of damage.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/mem.h"
#include "dedup/segments.h"
#include "tests/unit/check.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    IDS = 3,
    MS_PER_HOUR = 3600000,
};

static const char *const intents[] = {"6f2082f2-b897-43d2-bd1f-56546db66238",
                                      "0190a5b2-7c3d-7e4f-8a9b-0c1d2e3f4a5b",
                                      "7d9f2e7c-1b0a-4c53-9a63-0d6f6a4f2b11"};

static struct seen_id id_of(uint64_t number)
{
    return (struct seen_id){.stored = number * UINT64_C(0x9e3779b97f4a7c15) | 1,
                            .place = (uint16_t)(number * 4099)};
}

static struct segment_stamp stamp_of(size_t number)
{
    struct segment_stamp stamp = {
        .stamps = 12,
        .key_id = UINT64_C(0xfedcba9876543210),
        .from = INT64_C(1) << 40,
        .to = (INT64_C(1) << 40) + 1000,
        .appended_ms = INT64_C(1795420800000) + (int64_t)number,
        .partition = 65535,
        .incarnation = 3,
        .ids_len = IDS,
    };
    memcpy(stamp.intent_id, intents[number], sizeof stamp.intent_id);
    digest_sha256(SLICE("range"), stamp.digest);
    return stamp;
}

static void append(struct buf *out, size_t number)
{
    struct seen_id ids[IDS];
    struct segment_stamp stamp = stamp_of(number);
    for (size_t i = 0; i < IDS; i++)
        ids[i] = id_of(number * IDS + i);
    segment_append(out, &stamp, ids);
}

/* Three stamps behind each other. */
static void make(struct buf *out)
{
    buf_init(out, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(intents); i++)
        append(out, i);
}

/* A bit for each of the stamps that was found whole; ends the test when one is not as written. */
static unsigned found_in(struct slice bytes, uint64_t *ret_damaged)
{
    struct segment_reader reader = {.rest = bytes};
    struct segment_stamp stamp;
    struct slice ids;
    unsigned found = 0;
    while (segment_next(&reader, &stamp, &ids)) {
        size_t number = (size_t)(stamp.appended_ms - INT64_C(1795420800000));
        CHECK(number < ARRAY_LEN(intents));
        struct segment_stamp as_written = stamp_of(number);
        CHECK(strcmp(stamp.intent_id, as_written.intent_id) == 0);
        CHECK(stamp.stamps == 12 && stamp.key_id == as_written.key_id &&
              stamp.from == as_written.from);
        CHECK(stamp.to == as_written.to && stamp.partition == 65535 && stamp.incarnation == 3);
        CHECK(memcmp(stamp.digest, as_written.digest, sizeof stamp.digest) == 0);
        CHECK(stamp.ids_len == IDS);
        for (size_t i = 0; i < IDS; i++) {
            CHECK(segment_id(ids, i).stored == id_of(number * IDS + i).stored);
            CHECK(segment_id(ids, i).place == id_of(number * IDS + i).place);
        }
        found |= 1u << number;
    }
    *ret_damaged = reader.damaged;
    return found;
}

TEST(segment, comes_back_as_it_was_written)
{
    struct buf out;
    uint64_t damaged;
    make(&out);
    CHECK(out.size == 3 * (SEGMENT_HEAD_SIZE + IDS * SEGMENT_ID_SIZE));
    CHECK(found_in(buf_slice(&out), &damaged) == 7 && damaged == 0);
    buf_done(&out);
}

TEST(segment, finds_each_flipped_bit_and_reads_on_behind_it)
{
    struct buf out;
    uint64_t damaged;
    make(&out);
    for (size_t bit = 0; bit < out.size * 8; bit++) {
        size_t stamp = bit / 8 / (out.size / 3);
        out.data[bit / 8] ^= (char)(1 << bit % 8);
        CHECK(found_in(buf_slice(&out), &damaged) == (7u & ~(1u << stamp)) && damaged == 1);
        out.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    buf_done(&out);
}

TEST(segment, takes_what_is_whole_of_a_cut_one)
{
    struct buf out;
    uint64_t damaged;
    make(&out);
    size_t size = out.size / 3;
    for (size_t cut = 0; cut <= out.size; cut++) {
        unsigned whole = (1u << cut / size) - 1;
        CHECK(found_in((struct slice){out.data, cut}, &damaged) == whole);
        CHECK(damaged == (cut % size != 0));
    }
    buf_done(&out);
}

TEST(segment, finds_what_was_appended_behind_a_cut)
{
    for (size_t cut = 0; cut < SEGMENT_HEAD_SIZE + IDS * SEGMENT_ID_SIZE; cut++) {
        struct buf out;
        uint64_t damaged;
        buf_init(&out, 1 << 20);
        append(&out, 0);
        out.size = cut;
        append(&out, 1);
        CHECK(found_in(buf_slice(&out), &damaged) == 2 && damaged == (cut > 0));
        buf_done(&out);
    }
}

TEST(segment, may_be_without_ids)
{
    struct buf out;
    struct segment_reader reader;
    struct segment_stamp stamp = stamp_of(0);
    struct slice ids;
    stamp.ids_len = 0;
    buf_init(&out, 1 << 20);
    segment_append(&out, &stamp, NULL);
    reader = (struct segment_reader){.rest = buf_slice(&out)};
    CHECK(segment_next(&reader, &stamp, &ids) && ids.size == 0);
    CHECK(!segment_next(&reader, &stamp, &ids) && reader.damaged == 0);
    buf_done(&out);
}

/* Directories */

struct place {
    char path[64];
    struct segments *segments;
};

static void place_init(struct place *place)
{
    struct err err;
    memcpy(place->path, "/tmp/test_segments.XXXXXX", sizeof "/tmp/test_segments.XXXXXX");
    CHECK(mkdtemp(place->path) && rmdir(place->path) == 0);
    place->segments = segments_open(place->path, &err);
    CHECK(place->segments);
}

static void place_done(struct place *place)
{
    struct err err;
    CHECK(segments_drop(place->segments, INT64_MAX, &err));
    segments_close(place->segments);
    CHECK(rmdir(place->path) == 0);
}

static void write_one(struct place *place, uint32_t partition, int64_t hour, uint64_t id)
{
    struct err err;
    struct seen_id seen_id = id_of(id);
    struct segment_stamp stamp = stamp_of(0);
    stamp.partition = partition;
    stamp.appended_ms = hour * MS_PER_HOUR + 5;
    stamp.ids_len = 1;
    CHECK(segments_append(place->segments, &stamp, &seen_id, &err));
}

struct seen_stamps {
    char text[256]; /* "partition/hour" of each, in the order they came */
};

static bool take(void *arg, const struct segment_stamp *stamp, struct slice ids)
{
    struct seen_stamps *stamps = arg;
    size_t used = strlen(stamps->text);
    CHECK(stamp->ids_len == 1 && ids.size == SEGMENT_ID_SIZE);
    snprintf(stamps->text + used, sizeof stamps->text - used, "%u/%d ", stamp->partition,
             (int)(stamp->appended_ms / MS_PER_HOUR));
    return true;
}

static struct seen_stamps read_all(struct place *place, int64_t from_ms,
                                   struct segments_found *found)
{
    struct err err;
    struct seen_stamps stamps = {.text = ""};
    CHECK(segments_read(place->segments, from_ms, take, &stamps, found, &err));
    return stamps;
}

static char *file_of(const struct place *place, const char *name)
{
    return xasprintf("%s/%s", place->path, name);
}

TEST(segments, are_read_hour_by_hour)
{
    struct place place;
    struct segments_found found;
    place_init(&place);
    write_one(&place, 2, 11, 1);
    write_one(&place, 1, 12, 2);
    write_one(&place, 1, 10, 3);
    write_one(&place, 1, 11, 4);
    write_one(&place, 1, 11, 5);
    CHECK(strcmp(read_all(&place, 0, &found).text, "1/10 1/11 1/11 2/11 1/12 ") == 0);
    CHECK(found.files == 4 && found.unreadable == 0 && found.damaged == 0);
    CHECK(strcmp(read_all(&place, 11 * MS_PER_HOUR + 7, &found).text, "1/11 1/11 2/11 1/12 ") == 0);
    place_done(&place);
}

TEST(segments, leave_by_the_hour)
{
    struct place place;
    struct segments_found found;
    struct err err;
    place_init(&place);
    for (int64_t hour = 10; hour < 14; hour++)
        write_one(&place, 0, hour, 1);
    CHECK(segments_drop(place.segments, 12 * MS_PER_HOUR - 1, &err));
    CHECK(strcmp(read_all(&place, 0, &found).text, "0/11 0/12 0/13 ") == 0);
    CHECK(segments_drop(place.segments, 13 * MS_PER_HOUR, &err));
    CHECK(strcmp(read_all(&place, 0, &found).text, "0/13 ") == 0);
    place_done(&place);
}

TEST(segments, leave_other_files_alone)
{
    static const char *const names[] = {"notes.txt", "p1-h1.seg", "p00001-h000000001.seg.bak",
                                        "p00001-h000000001.segment"};
    struct place place;
    struct segments_found found;
    struct err err;
    place_init(&place);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(mem_freep) char *path = file_of(&place, names[i]);
        close(open(path, O_CREAT | O_WRONLY, 0600));
    }
    CHECK(segments_drop(place.segments, INT64_MAX, &err));
    read_all(&place, 0, &found);
    CHECK(found.files == 0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(mem_freep) char *path = file_of(&place, names[i]);
        CHECK(unlink(path) == 0);
    }
    place_done(&place);
}

TEST(segments, pass_over_what_cannot_be_read)
{
    struct place place;
    struct segments_found found;
    place_init(&place);
    write_one(&place, 0, 10, 1);
    write_one(&place, 1, 10, 2);
    CLEANUP(mem_freep) char *damaged = file_of(&place, "p00000-h000000010.seg");
    int fd = open(damaged, O_WRONLY);
    CHECK(fd >= 0 && pwrite(fd, "X", 1, 20) == 1);
    close(fd);
    CHECK(strcmp(read_all(&place, 0, &found).text, "1/10 ") == 0);
    CHECK(found.files == 2 && found.damaged == 1);
    place_done(&place);
}

TEST(segments, cannot_be_where_no_directory_can_be)
{
    struct err err;
    CHECK(!segments_open("/proc/no/such", &err) && err.code == ERR_IO);
    CHECK(!segments_open("/dev/null", &err) && err.code == ERR_IO);
}

static bool take_none(void *arg, const struct segment_stamp *stamp, struct slice ids)
{
    (void)stamp, (void)ids;
    ++*(int *)arg;
    return false;
}

TEST(segments, stop_when_told)
{
    struct place place;
    struct segments_found found;
    struct err err;
    int calls = 0;
    place_init(&place);
    write_one(&place, 0, 10, 1);
    write_one(&place, 0, 11, 1);
    CHECK(segments_read(place.segments, 0, take_none, &calls, &found, &err) && calls == 1);
    place_done(&place);
}

TEST(segments, fail_to_append_where_the_directory_is_gone)
{
    struct place place;
    struct err err;
    struct seen_id id = id_of(1);
    struct segment_stamp stamp = stamp_of(0);
    stamp.ids_len = 1;
    place_init(&place);
    CHECK(rmdir(place.path) == 0);
    CHECK(!segments_append(place.segments, &stamp, &id, &err) && err.code == ERR_IO);
    segments_close(place.segments);
}
