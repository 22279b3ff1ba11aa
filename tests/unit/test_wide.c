/* Sixteen bytes at a time say the same as one byte at a time. SPDX-License-Identifier: Apache-2.0
 */
#include <config.h>
#include "base/mem.h"
#include "schemas/wide.h"
#include "tests/support/text.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TEXT_MAX = 80 };

/* A text that ends where memory ends: whoever reads one byte more is killed. */
struct edge {
    char *pages, *end;
    size_t page;
};

static void edge_init(struct edge *edge)
{
    edge->page = (size_t)sysconf(_SC_PAGESIZE);
    edge->pages = mmap(NULL, 3 * edge->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(edge->pages != MAP_FAILED);
    CHECK(mprotect(edge->pages + edge->page, edge->page, PROT_READ | PROT_WRITE) == 0);
    edge->end = edge->pages + 2 * edge->page;
}

static void edge_done(struct edge *edge)
{
    munmap(edge->pages, 3 * edge->page);
}

static void check_steps(const char *data, size_t size)
{
    if (size >= WIDE_BLOCK)
        CHECK(wide_odd(data) == wide_odd_bytewise(data));
    if (size >= WIDE_STEP)
        CHECK(wide_digits_step(data) == wide_digits_step_bytewise(data));
}

static void check_text(const char *data, size_t size)
{
    check_steps(data, size);
    char wide[TEXT_MAX + WIDE_STEP], bytewise[TEXT_MAX];
    CHECK(wide_plain(data, size) == wide_plain_bytewise(data, size));
    CHECK(wide_printable(data, size) == wide_printable_bytewise(data, size));
    bool copied = wide_copy_bytewise(bytewise, data, size);
    memset(wide, 'w', sizeof wide);
    CHECK(wide_copy(wide, data, size) == copied);
    CHECK(!copied || memcmp(wide, bytewise, size) == 0);
    for (size_t at = size + WIDE_STEP - 1; at < sizeof wide; at++)
        CHECK(wide[at] == 'w');
}

/* Bounds drawn at random around the bytes, and now and then one byte of them outside. */
TEST(wide, finds_what_is_out_of_bounds)
{
    unsigned seed = 2;
    int outside = 0;
    for (int round = 0; round < 20000; round++) {
        char data[WIDE_STEP], low[WIDE_STEP], high[WIDE_STEP];
        for (int at = 0; at < WIDE_STEP; at++) {
            int from = rand_r(&seed) % 256, to = from + rand_r(&seed) % (256 - from);
            int byte = rand_r(&seed) % 40 == 0 ? rand_r(&seed) % 256
                                               : from + rand_r(&seed) % (to - from + 1);
            low[at] = (char)from;
            high[at] = (char)to;
            data[at] = (char)byte;
        }
        bool within = wide_within_bytewise(data, low, high);
        CHECK(wide_within(data, low, high) == within);
        outside += !within;
    }
    CHECK(outside > 1000 && outside < 19000);
}

static void check_at_both_edges(const struct edge *edge, const char *text, size_t size)
{
    char *last = edge->end - size, *first = edge->pages + edge->page;
    memcpy(last, text, size);
    check_text(last, size);
    memcpy(first, text, size);
    check_text(first, size);
}

TEST(wide, finds_every_byte_at_every_place_of_every_size)
{
    struct edge edge;
    edge_init(&edge);
    for (size_t size = 0; size < 70; size++) {
        char text[TEXT_MAX];
        memset(text, 'a', sizeof text);
        check_at_both_edges(&edge, text, size);
        for (size_t at = 0; at < size; at++) {
            for (int byte = 0; byte < 256; byte++) {
                text[at] = (char)byte;
                check_at_both_edges(&edge, text, size);
            }
            text[at] = 'a';
        }
    }
    edge_done(&edge);
}

TEST(wide, agrees_on_random_texts_at_every_alignment)
{
    static const char odd[] = "\"\\\x1f\x20\x7e\x7f\x80\xff\0\n";
    struct edge edge;
    unsigned seed = 1;
    edge_init(&edge);
    for (int round = 0; round < 20000; round++) {
        char *text = edge.end - TEXT_MAX - round % 64;
        size_t size = (size_t)rand_r(&seed) % TEXT_MAX;
        for (size_t at = 0; at < size; at++) {
            unsigned drawn = (unsigned)rand_r(&seed);
            text[at] =
                drawn % 40 == 0 ? odd[drawn / 40 % (sizeof odd - 1)] : (char)('0' + drawn % 64);
        }
        check_text(text, size);
    }
    edge_done(&edge);
}
