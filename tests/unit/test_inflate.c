/* Bodies that came with a Content-Encoding. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/inflate.h"
#include "tests/unit/check.h"
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST /* what is read is const */
#include <zlib.h>
#include <zstd.h>

enum { LIMIT = 1 << 20 };

static const enum inflate_coding codings[] = {INFLATE_GZIP, INFLATE_ZSTD};

/* Appends a member or frame of its own. */
static void deflate_to(struct buf *out, enum inflate_coding coding, struct slice text)
{
    if (coding == INFLATE_ZSTD) {
        size_t bound = ZSTD_compressBound(text.size);
        size_t size = ZSTD_compress(buf_reserve(out, bound), bound, text.data, text.size, 3);
        CHECK(!ZSTD_isError(size));
        out->size += size;
        return;
    }
    z_stream stream = {.next_in = (const Bytef *)text.data, .avail_in = (uInt)text.size};
    CHECK(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    uLong bound = deflateBound(&stream, text.size);
    stream.next_out = (Bytef *)buf_reserve(out, bound);
    stream.avail_out = (uInt)bound;
    CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out->size += stream.total_out;
    deflateEnd(&stream);
}

/* Inflates and checks that the budget is what the result has, and nothing after a failure. */
static enum err_code inflate_it(enum inflate_coding coding, struct slice body, uint64_t budget,
                                struct buf *ret_body)
{
    struct limits limits = {.inflight_max = budget};
    struct err err = {.code = ERR_NONE};
    struct account account = {.limits = &limits};
    if (!inflate_body(coding, body, LIMIT, &account, ret_body, &err)) {
        CHECK(err.code != ERR_NONE && err.text[0] != '\0');
        CHECK(atomic_load(&limits.inflight) == 0);
        return err.code;
    }
    CHECK(account.charged == ret_body->capacity && account.charged >= ret_body->size);
    CHECK(atomic_load(&limits.inflight) == account.charged);
    return ERR_NONE;
}

static void check_inflates(enum inflate_coding coding, struct slice body, struct slice want)
{
    struct buf out;
    CHECK(inflate_it(coding, body, 4 * LIMIT, &out) == ERR_NONE);
    CHECK(slice_equal(buf_slice(&out), want));
    buf_done(&out);
}

static void check_fails(enum inflate_coding coding, struct slice body, enum err_code code)
{
    struct buf out;
    CHECK(inflate_it(coding, body, 4 * LIMIT, &out) == code);
}

/* Text that hardly compresses, so that the compressed body is long too. */
static struct slice noise(size_t size)
{
    static char text[2 * LIMIT];
    uint32_t state = 1;
    for (size_t i = 0; i < size; i++) {
        state = state * 1664525 + 1013904223;
        text[i] = (char)(state >> 24);
    }
    return (struct slice){text, size};
}

TEST(inflate, gives_back_what_was_compressed)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 300000, LIMIT - 1, LIMIT};
    for (size_t c = 0; c < 2; c++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            struct buf body;
            buf_init(&body, 4 * LIMIT);
            deflate_to(&body, codings[c], noise(sizes[i]));
            check_inflates(codings[c], buf_slice(&body), noise(sizes[i]));
            buf_done(&body);
        }
}

TEST(inflate, an_empty_body_stays_empty)
{
    for (size_t c = 0; c < 2; c++)
        check_inflates(codings[c], (struct slice){NULL, 0}, (struct slice){NULL, 0});
}

TEST(inflate, takes_members_behind_each_other_as_one_body)
{
    for (size_t c = 0; c < 2; c++) {
        struct buf body;
        buf_init(&body, LIMIT);
        deflate_to(&body, codings[c], SLICE("one,"));
        deflate_to(&body, codings[c], SLICE(""));
        deflate_to(&body, codings[c], SLICE("two"));
        check_inflates(codings[c], buf_slice(&body), SLICE("one,two"));
        buf_done(&body);
    }
}

TEST(inflate, stops_at_the_limit)
{
    static char zeros[64 * LIMIT];
    for (size_t c = 0; c < 2; c++) {
        struct buf body;
        buf_init(&body, 128 * LIMIT);
        deflate_to(&body, codings[c], (struct slice){zeros, sizeof(zeros)});
        CHECK(body.size < LIMIT);
        check_fails(codings[c], buf_slice(&body), ERR_BODY_TOO_LARGE);
        buf_reset(&body);
        deflate_to(&body, codings[c], (struct slice){zeros, LIMIT + 1});
        check_fails(codings[c], buf_slice(&body), ERR_BODY_TOO_LARGE);
        buf_reset(&body);
        deflate_to(&body, codings[c], (struct slice){zeros, LIMIT});
        deflate_to(&body, codings[c], SLICE("x"));
        check_fails(codings[c], buf_slice(&body), ERR_BODY_TOO_LARGE);
        buf_done(&body);
    }
}

TEST(inflate, a_body_that_is_cut_anywhere_is_corrupt)
{
    for (size_t c = 0; c < 2; c++) {
        struct buf body;
        buf_init(&body, LIMIT);
        deflate_to(&body, codings[c], noise(2000));
        for (size_t size = 1; size < body.size; size++)
            check_fails(codings[c], (struct slice){body.data, size}, ERR_ENCODING_CORRUPT);
        buf_done(&body);
    }
}

TEST(inflate, what_follows_or_is_no_compression_is_corrupt)
{
    static const struct slice tails[] = {{"x", 1}, {"\0\0\0\0\0\0\0\0", 8}, {"{\"a\":1}", 7}};
    for (size_t c = 0; c < 2; c++)
        for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
            struct buf body;
            buf_init(&body, LIMIT);
            check_fails(codings[c], tails[i], ERR_ENCODING_CORRUPT);
            deflate_to(&body, codings[c], SLICE("{\"a\":1}"));
            check_fails(codings[1 - c], buf_slice(&body), ERR_ENCODING_CORRUPT);
            buf_append_slice(&body, tails[i]);
            check_fails(codings[c], buf_slice(&body), ERR_ENCODING_CORRUPT);
            buf_done(&body);
        }
}

TEST(inflate, a_changed_checksum_is_corrupt)
{
    struct buf body;
    buf_init(&body, LIMIT);
    deflate_to(&body, INFLATE_GZIP, noise(100));
    body.data[body.size - 5] ^= 1; /* the last byte of the CRC, before the length */
    check_fails(INFLATE_GZIP, buf_slice(&body), ERR_ENCODING_CORRUPT);
    buf_done(&body);
}

TEST(inflate, takes_its_memory_from_the_budget)
{
    for (size_t c = 0; c < 2; c++) {
        struct buf body, out;
        buf_init(&body, LIMIT);
        deflate_to(&body, codings[c], noise(200000));
        CHECK(inflate_it(codings[c], buf_slice(&body), 100000, &out) == ERR_OVERLOADED);
        buf_done(&body);
    }
}

TEST(inflate, refuses_a_window_beyond_the_stated_one)
{
    struct buf body;
    ZSTD_CCtx *context = ZSTD_createCCtx();
    buf_init(&body, LIMIT);
    CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 27)));
    ZSTD_inBuffer in = {"text", 4, 0};
    ZSTD_outBuffer out = {buf_reserve(&body, 1000), 1000, 0};
    /* Flushed before its end, so that the frame cannot know how little it holds. */
    CHECK(!ZSTD_isError(ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush)));
    CHECK(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end) == 0);
    check_fails(INFLATE_ZSTD, (struct slice){body.data, out.pos}, ERR_ENCODING_CORRUPT);
    ZSTD_freeCCtx(context);
    buf_done(&body);
}
