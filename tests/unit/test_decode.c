/* embedded/decode and embedded/exception. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "embedded/decode.h"
#include "base/buf.h"
#include "embedded/exception.h"
#include "tests/unit/check.h"

/* "hello hello hello\n" */
static const unsigned char gzip_bytes[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd, 0xc9, 0xc9,
    0x57, 0xc8, 0x40, 0x90, 0x5c, 0x00, 0x3b, 0x7c, 0x8a, 0xdf, 0x12, 0x00, 0x00, 0x00};
static const unsigned char zstd_bytes[] = {0x28, 0xb5, 0x2f, 0xfd, 0x24, 0x12, 0x6d, 0x00, 0x00,
                                           0x38, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x20, 0x0a, 0x01,
                                           0x00, 0x31, 0x4a, 0x11, 0xa3, 0xaa, 0x74, 0xce};
static const unsigned char lz4_bytes[] = {
    0x04, 0x22, 0x4d, 0x18, 0x6c, 0x40, 0x12, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x1b, 0x0f, 0x00, 0x00, 0x00, 0x63, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x20, 0x06, 0x00,
    0x50, 0x65, 0x6c, 0x6c, 0x6f, 0x0a, 0x00, 0x00, 0x00, 0x00, 0xc6, 0x59, 0xd8, 0x5b};
static const char plain[] = "hello hello hello\n";

/* Decodes in pieces of `piece` bytes. */
static bool decode_all(enum decode_method method, const unsigned char *bytes, size_t size,
                       size_t piece, struct buf *out, bool *ret_complete)
{
    struct decode decode;
    struct err err;
    bool good = true;
    decode_init(&decode, method);
    for (size_t at = 0; good && at < size; at += piece) {
        struct slice input = {(const char *)bytes + at, size - at < piece ? size - at : piece};
        char text[5];
        size_t got = 0;
        do {
            good = decode_step(&decode, &input, text, sizeof text, &got, &err);
            if (good)
                buf_append(out, text, got);
        } while (good && got > 0);
    }
    *ret_complete = decode_is_complete(&decode);
    decode_done(&decode);
    return good;
}

static const struct {
    enum decode_method method;
    const unsigned char *bytes;
    size_t size;
} samples[] = {
    {DECODE_ZLIB, gzip_bytes, sizeof gzip_bytes},
    {DECODE_ZSTD, zstd_bytes, sizeof zstd_bytes},
    {DECODE_LZ4, lz4_bytes, sizeof lz4_bytes},
};

TEST(decode, gives_the_same_bytes_in_whatever_pieces_they_come)
{
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        for (size_t piece = 1; piece <= samples[i].size; piece++) {
            struct buf out;
            bool complete;
            buf_init(&out, 1000);
            CHECK(decode_all(samples[i].method, samples[i].bytes, samples[i].size, piece, &out,
                             &complete));
            CHECK(complete);
            CHECK(slice_equal(buf_slice(&out), slice_from(plain)));
            buf_done(&out);
        }
    }
}

TEST(decode, a_cut_body_is_not_complete)
{
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        for (size_t size = 1; size < samples[i].size; size++) {
            struct buf out;
            bool complete;
            buf_init(&out, 1000);
            bool good = decode_all(samples[i].method, samples[i].bytes, size, 4, &out, &complete);
            CHECK(!good || !complete);
            buf_done(&out);
        }
    }
}

TEST(decode, garbage_is_an_error_or_incomplete)
{
    static const unsigned char garbage[] = "this is compressed by no method";
    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        struct buf out;
        bool complete;
        buf_init(&out, 1000);
        bool good = decode_all(samples[i].method, garbage, sizeof garbage, 100, &out, &complete);
        CHECK(!good || !complete);
        buf_done(&out);
    }
}

TEST(decode, knows_content_encodings)
{
    enum decode_method method;
    CHECK(decode_find(NULL, &method) && method == DECODE_IDENTITY);
    CHECK(decode_find("GZIP", &method) && method == DECODE_ZLIB);
    CHECK(decode_find("zstd", &method) && method == DECODE_ZSTD);
    CHECK(decode_find("lz4", &method) && method == DECODE_LZ4);
    CHECK(!decode_find("br", &method));
}

TEST(exception, reads_the_code_and_knows_its_status)
{
    CHECK(exception_code("Code: 60. DB::Exception: x") == 60);
    CHECK(exception_code("Code: x") == EXCEPTION_UNKNOWN);
    CHECK(exception_code("Code: 60, x") == EXCEPTION_UNKNOWN);
    CHECK(exception_code("Poco::Exception. Code: 1000, e.code() = 111, Connection refused") ==
          1000);
    CHECK(exception_code("std::exception. Code: 1001, type: std::bad_alloc") == 1001);
    CHECK(exception_code("std::exception. Code: x") == EXCEPTION_UNKNOWN);
    CHECK(exception_code("") == EXCEPTION_UNKNOWN);
    CHECK(exception_status(60) == 404);
    CHECK(exception_status(62) == 400);
    CHECK(exception_status(516) == 403);
    CHECK(exception_status(241) == 500);
    CHECK(exception_status(0) == 500);
}

TEST(exception, writes_its_own_like_clickhouse)
{
    char *text = exception_text(EXCEPTION_UNKNOWN_SETTING, "Unknown setting '%s'", "x");
    CHECK(strcmp(text, "Code: 115. DB::Exception: Unknown setting 'x'. (UNKNOWN_SETTING)") == 0);
    mem_freep(&text);
}
