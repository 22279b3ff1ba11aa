/* JSON written into reserved memory. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "schemas/put.h"
#include "tests/support/text.h"

enum { TEXT_MAX = 64 };

/* put_text writes what buf_append_json writes, in the room that put_text_max names. */
static void check_text(struct slice text)
{
    struct buf wanted;
    char room[6 * TEXT_MAX + 2 + PUT_SLACK + 1];
    size_t most = put_text_max(text) + PUT_SLACK;
    CHECK(most < sizeof room);
    memset(room, '#', sizeof room);
    buf_init(&wanted, sizeof room);
    buf_append_json(&wanted, text);
    size_t size = (size_t)(put_text(room, text) - room);
    CHECK(slice_equal((struct slice){room, size}, buf_slice(&wanted)));
    CHECK(size <= put_text_max(text) && room[most] == '#');
    buf_done(&wanted);
}

TEST(put, escapes_every_byte_at_every_place)
{
    char text[TEXT_MAX];
    for (size_t size = 0; size < 40; size++) {
        memset(text, 'a', sizeof text);
        check_text((struct slice){text, size});
        for (size_t at = 0; at < size; at++) {
            for (int byte = 0; byte < 0x80; byte++) {
                text[at] = (char)byte;
                check_text((struct slice){text, size});
            }
            text[at] = 'a';
        }
        memset(text, 1, sizeof text);
        check_text((struct slice){text, size});
    }
    check_text(SLICE("ä€😀 \"\\"));
}

TEST(put, writes_times_that_are_at_hand_or_not)
{
    char made[PUT_TIME_SIZE + PUT_SLACK], copied[PUT_TIME_SIZE + PUT_SLACK];
    struct slice text = SLICE("2026-11-23T08:00:00.123Z");
    char *made_end = put_time(made, (struct slice){NULL, 0}, INT64_C(1795420800123));
    char *copied_end = put_time(copied, text, 0);
    CHECK(made_end == made + PUT_TIME_SIZE && copied_end == copied + PUT_TIME_SIZE);
    check_same(0, (struct slice){made, PUT_TIME_SIZE}, "\"2026-11-23T08:00:00.123Z\"");
    CHECK(memcmp(made, copied, PUT_TIME_SIZE) == 0);
}
