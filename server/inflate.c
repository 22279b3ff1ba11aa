/* Bodies that came with a Content-Encoding. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/inflate.h"

#include "base/assert.h"
#define ZLIB_CONST /* what is read is const */
#include <zlib.h>
#include <zstd.h>

enum { FIRST_CAPACITY = 64 * 1024 };

/* A body while it is inflated. */
struct job {
    struct slice body; /* borrowed */
    size_t at;         /* bytes of it that were read */
    struct buf out;
    uint64_t max;
    struct account *account; /* borrowed */
};

static void job_done(struct job *job)
{
    buf_done(&job->out);
}

static bool check_size(const struct job *job, struct err *reterr)
{
    return job->out.size <= job->max ||
           err_set(reterr, ERR_BODY_TOO_LARGE, "inflated, the body has more than %llu bytes",
                   (unsigned long long)job->max);
}

/* Makes sure that there is room behind what is there, and takes it from the budget first. */
static bool make_room(struct job *job, struct err *reterr)
{
    struct buf *out = &job->out;
    if (!check_size(job, reterr))
        return false;
    if (out->size < out->capacity)
        return true;
    /* Powers of two, as struct buf has them; its cap is one byte more than the limit, so that a
     * body of just the limit is told from a longer one. */
    size_t capacity = out->capacity ? out->capacity * 2 : FIRST_CAPACITY;
    if (capacity > out->max)
        capacity = out->max;
    if (!account_take(job->account, capacity - out->capacity, reterr))
        return false;
    char *room = buf_reserve(out, capacity - out->size);
    ASSERT(room != NULL && out->capacity == capacity);
    return true;
}

static bool cut_off(struct err *reterr)
{
    return err_set(reterr, ERR_ENCODING_CORRUPT, "the compressed body ends too early");
}

static bool corrupt(const struct job *job, const char *why, struct err *reterr)
{
    return err_set(reterr, ERR_ENCODING_CORRUPT,
                   "the compressed body cannot be read at byte %zu of %zu: %s", job->at,
                   job->body.size, why);
}

/* ---- gzip ---- */

static void stream_end(z_stream *stream)
{
    (void)inflateEnd(stream);
}

/* One call of zlib on what is left of the body and of the room; returns its result. */
static int gzip_step(struct job *job, z_stream *stream)
{
    struct buf *out = &job->out;
    const size_t left = job->body.size - job->at, room = out->capacity - out->size;
    stream->next_in = (const Bytef *)job->body.data + job->at;
    stream->avail_in = left < UINT32_MAX ? (uInt)left : UINT32_MAX;
    stream->next_out = (Bytef *)out->data + out->size;
    stream->avail_out = room < UINT32_MAX ? (uInt)room : UINT32_MAX;
    int result = inflate(stream, Z_NO_FLUSH);
    job->at = (size_t)(stream->next_in - (const Bytef *)job->body.data);
    out->size = (size_t)(stream->next_out - (Bytef *)out->data);
    return result;
}

static bool inflate_gzip(struct job *job, struct err *reterr)
{
    CLEANUP(stream_end) z_stream stream = {.next_in = NULL};
    if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK)
        return err_set(reterr, ERR_OVERLOADED, "there is no memory to inflate the body");
    while (make_room(job, reterr)) {
        switch (gzip_step(job, &stream)) {
        case Z_STREAM_END: /* of a member; the next one begins right behind it */
            if (job->at == job->body.size)
                return check_size(job, reterr);
            (void)inflateReset(&stream);
            break;
        case Z_OK:
        case Z_BUF_ERROR:
            if (job->at == job->body.size && job->out.size < job->out.capacity)
                return cut_off(reterr);
            break;
        case Z_MEM_ERROR:
            return err_set(reterr, ERR_OVERLOADED, "there is no memory to inflate the body");
        default:
            return corrupt(job, stream.msg ? stream.msg : "it is no gzip", reterr);
        }
    }
    return false;
}

/* ---- zstd ---- */

static void context_free(ZSTD_DCtx **context)
{
    (void)ZSTD_freeDCtx(*context);
}

static bool inflate_zstd(struct job *job, struct err *reterr)
{
    CLEANUP(context_free) ZSTD_DCtx *context = ZSTD_createDCtx();
    if (context == NULL ||
        ZSTD_isError(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, INFLATE_ZSTD_WINDOW_LOG)))
        return err_set(reterr, ERR_OVERLOADED, "there is no memory to inflate the body");
    while (make_room(job, reterr)) {
        ZSTD_inBuffer in = {job->body.data, job->body.size, job->at};
        ZSTD_outBuffer out = {job->out.data, job->out.capacity, job->out.size};
        size_t result = ZSTD_decompressStream(context, &out, &in);
        job->at = in.pos;
        job->out.size = out.pos;
        if (ZSTD_isError(result))
            return corrupt(job, ZSTD_getErrorName(result), reterr);
        bool ended = job->at == job->body.size;
        if (ended && result == 0) /* all frames are complete */
            return check_size(job, reterr);
        if (ended && out.pos < out.size)
            return cut_off(reterr);
    }
    return false;
}

bool inflate_body(enum inflate_coding coding, struct slice body, uint64_t max,
                  struct account *account, struct buf *ret_body, struct err *reterr)
{
    CLEANUP(job_done) struct job job = {.body = body, .max = max, .account = account};
    buf_init(&job.out, max + 1);
    if (body.size > 0) {
        bool ok = coding == INFLATE_GZIP ? inflate_gzip(&job, reterr) : inflate_zstd(&job, reterr);
        if (!ok) {
            account_close(account);
            return false;
        }
    }
    *ret_body = job.out;
    buf_init(&job.out, 0);
    return true;
}
