/* One loop over three libraries. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "embedded/decode.h"
#include "base/assert.h"

#include <lz4frame.h>
#include <stdint.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>

enum {
    ZLIB_WINDOW = 15 + 32,    /* the largest, and the header says whether it is gzip or zlib */
    ZSTD_WINDOW_LOG_MAX = 27, /* 128 MiB, what the zstd program itself accepts */
};

bool decode_find(const char *content_encoding, enum decode_method *ret_method)
{
    static const struct {
        const char *name;
        enum decode_method method;
    } methods[] = {
        {"", DECODE_IDENTITY},   {"identity", DECODE_IDENTITY}, {"gzip", DECODE_ZLIB},
        {"x-gzip", DECODE_ZLIB}, {"deflate", DECODE_ZLIB},      {"zstd", DECODE_ZSTD},
        {"lz4", DECODE_LZ4},
    };
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (strcasecmp(content_encoding != NULL ? content_encoding : "", methods[i].name) == 0) {
            *ret_method = methods[i].method;
            return true;
        }
    }
    return false;
}

void decode_init(struct decode *decode, enum decode_method method)
{
    *decode = (struct decode){.method = method};
    if (method == DECODE_ZLIB) {
        z_stream *stream = xcalloc(1, sizeof *stream);
        ASSERT(inflateInit2(stream, ZLIB_WINDOW) == Z_OK);
        decode->state = stream;
    } else if (method == DECODE_ZSTD) {
        ZSTD_DCtx *context = ZSTD_createDCtx();
        ASSERT(context != NULL);
        ASSERT(!ZSTD_isError(
            ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX)));
        decode->state = context;
    } else if (method == DECODE_LZ4) {
        LZ4F_dctx *context = NULL;
        ASSERT(!LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)));
        decode->state = context;
    }
}

void decode_done(struct decode *decode)
{
    if (decode->state != NULL && decode->method == DECODE_ZLIB) {
        (void)inflateEnd(decode->state);
        mem_freep(&decode->state);
    } else if (decode->state != NULL && decode->method == DECODE_ZSTD) {
        ZSTD_freeDCtx(decode->state);
    } else if (decode->state != NULL && decode->method == DECODE_LZ4) {
        LZ4F_freeDecompressionContext(decode->state);
    }
    *decode = (struct decode){0};
}

static bool step_zlib(struct decode *decode, struct slice *input, char *out, size_t size,
                      size_t *ret_size, struct err *reterr)
{
    z_stream *stream = decode->state;
    size_t taken = input->size < UINT32_MAX ? input->size : UINT32_MAX;
    stream->next_in = (Bytef *)(uintptr_t)input->data;
    stream->avail_in = (uInt)taken;
    stream->next_out = (Bytef *)out;
    stream->avail_out = (uInt)size;
    int rc = inflate(stream, Z_NO_FLUSH);
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return err_set(reterr, ERR_ENCODING_UNKNOWN, "the body is not valid gzip or deflate: %s",
                       stream->msg != NULL ? stream->msg : "broken");
    taken -= stream->avail_in;
    *input = (struct slice){input->data + taken, input->size - taken};
    *ret_size = size - stream->avail_out;
    decode->complete = rc == Z_STREAM_END;
    if (decode->complete) /* another gzip member may follow */
        (void)inflateReset(stream);
    return true;
}

static bool step_zstd(struct decode *decode, struct slice *input, char *out, size_t size,
                      size_t *ret_size, struct err *reterr)
{
    ZSTD_inBuffer in = {input->data, input->size, 0};
    ZSTD_outBuffer produced = {out, size, 0};
    size_t rc = ZSTD_decompressStream(decode->state, &produced, &in);
    if (ZSTD_isError(rc))
        return err_set(reterr, ERR_ENCODING_UNKNOWN, "the body is not valid zstd: %s",
                       ZSTD_getErrorName(rc));
    *input = (struct slice){input->data + in.pos, input->size - in.pos};
    *ret_size = produced.pos;
    decode->complete = rc == 0;
    return true;
}

static bool step_lz4(struct decode *decode, struct slice *input, char *out, size_t size,
                     size_t *ret_size, struct err *reterr)
{
    size_t taken = input->size;
    size_t produced = size;
    size_t rc = LZ4F_decompress(decode->state, out, &produced, input->data, &taken, NULL);
    if (LZ4F_isError(rc))
        return err_set(reterr, ERR_ENCODING_UNKNOWN, "the body is not a valid lz4 frame: %s",
                       LZ4F_getErrorName(rc));
    *input = (struct slice){input->data + taken, input->size - taken};
    *ret_size = produced;
    decode->complete = rc == 0;
    return true;
}

bool decode_step(struct decode *decode, struct slice *input, char *out, size_t size,
                 size_t *ret_size, struct err *reterr)
{
    bool (*step)(struct decode *, struct slice *, char *, size_t, size_t *, struct err *) =
        decode->method == DECODE_ZLIB   ? step_zlib
        : decode->method == DECODE_ZSTD ? step_zstd
                                        : step_lz4;
    ASSERT(decode->state != NULL);
    for (;;) {
        /* At the end of a frame and of the input the libraries would ask for a next frame. */
        if (input->size == 0 && (decode->complete || !decode->started)) {
            *ret_size = 0;
            return true;
        }
        decode->started = true;
        size_t before = input->size;
        if (!step(decode, input, out, size, ret_size, reterr))
            return false;
        if (*ret_size > 0 || input->size == before)
            return true;
    }
}

bool decode_is_complete(const struct decode *decode)
{
    return decode->method == DECODE_IDENTITY || decode->complete;
}
