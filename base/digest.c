/* Hashes from libcrypto. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#define OPENSSL_SUPPRESS_DEPRECATED /* see compress */
#include "base/digest.h"
#include "base/assert.h"
#include "base/mem.h"
#include "base/thread.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdatomic.h>
#include <sys/random.h>

/* Looking up an algorithm takes locks and costs more than hashing a short text: it is done once. */
static _Atomic(EVP_MD *) sha256;

static const EVP_MD *fetched(_Atomic(EVP_MD *) *place, const char *name)
{
    EVP_MD *known = atomic_load_explicit(place, memory_order_acquire);
    if (known != NULL)
        return known;
    EVP_MD *fresh = EVP_MD_fetch(NULL, name, NULL);
    ASSERT(fresh != NULL);
    if (atomic_compare_exchange_strong(place, &known, fresh))
        return fresh;
    EVP_MD_free(fresh); /* another thread was first */
    return known;
}

/* A context that a thread has used and keeps: to make one takes as long as to hash a short text. */
static struct thread_slot spare;

static void free_spare(void *context)
{
    EVP_MD_CTX_free(context);
}

/* Before main, so before any thread. */
__attribute__((constructor)) static void init_spare(void)
{
    thread_slot_init(&spare, free_spare);
}

static EVP_MD_CTX *own_context(void)
{
    EVP_MD_CTX *context = thread_slot_get(&spare);
    if (context == NULL) {
        context = EVP_MD_CTX_new();
        ASSERT(context != NULL);
        thread_slot_set(&spare, context);
    }
    return context;
}

void digest_sha256(struct slice bytes, uint8_t ret_digest[DIGEST_SHA256_SIZE])
{
    EVP_MD_CTX *context = own_context();
    ASSERT(EVP_DigestInit_ex(context, fetched(&sha256, "SHA256"), NULL) == 1);
    ASSERT(EVP_DigestUpdate(context, bytes.data, bytes.size) == 1);
    ASSERT(EVP_DigestFinal_ex(context, ret_digest, NULL) == 1);
}

/* OpenSSL's compression function on one block. It is called as it is, although the functions on
 * struct SHA_CTX count as deprecated since 3.0: through EVP_… the two blocks of an event's id cost
 * half as much again, and there is one to be made for each event of an answer. */
static void compress(uint32_t state[DIGEST_SHA1_SIZE / 4], const char *block)
{
    SHA_CTX context = {
        .h0 = state[0], .h1 = state[1], .h2 = state[2], .h3 = state[3], .h4 = state[4]};
    SHA1_Transform(&context, (const unsigned char *)block);
    const uint32_t next[] = {context.h0, context.h1, context.h2, context.h3, context.h4};
    memcpy(state, next, sizeof next);
}

static void put_big_endian(uint8_t *to, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = (uint8_t)(number >> 8 * (size - 1 - i));
}

void digest_sha1_init(struct digest_sha1 *sha1, struct slice beginning)
{
    *sha1 = (struct digest_sha1){
        .state = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0}, /* FIPS 180-4 */
        .size = beginning.size,
    };
    for (; beginning.size >= DIGEST_SHA1_BLOCK; beginning.size -= DIGEST_SHA1_BLOCK) {
        compress(sha1->state, beginning.data);
        beginning.data += DIGEST_SHA1_BLOCK;
    }
    memcpy(sha1->rest, beginning.data, beginning.size);
}

void digest_sha1(const struct digest_sha1 *sha1, struct slice end,
                 uint8_t ret_digest[DIGEST_SHA1_SIZE])
{
    /* Behind the text comes a bit, and the number of bits ends the last block. */
    char text[DIGEST_SHA1_BLOCK + DIGEST_SHA1_END_MAX + DIGEST_SHA1_BLOCK];
    const size_t before = sha1->size % DIGEST_SHA1_BLOCK, size = before + end.size;
    const size_t padded = (size + 1 + 8 + DIGEST_SHA1_BLOCK - 1) & ~(size_t)(DIGEST_SHA1_BLOCK - 1);
    ASSERT(end.size <= DIGEST_SHA1_END_MAX);
    memcpy(text, sha1->rest, DIGEST_SHA1_BLOCK);
    if (end.size > 0)
        memcpy(text + before, end.data, end.size);
    memset(text + size, 0, padded - size);
    text[size] = (char)0x80;
    put_big_endian((uint8_t *)text + padded - 8, 8 * (uint64_t)(sha1->size + end.size), 8);

    uint32_t state[ARRAY_LEN(sha1->state)];
    memcpy(state, sha1->state, sizeof state);
    for (size_t at = 0; at < padded; at += DIGEST_SHA1_BLOCK)
        compress(state, text + at);
    for (size_t i = 0; i < ARRAY_LEN(state); i++)
        put_big_endian(ret_digest + 4 * i, state[i], 4);
}

void digest_init(struct digest *digest)
{
    digest->context = EVP_MD_CTX_new();
    ASSERT(digest->context != NULL);
    ASSERT(EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) == 1);
}

void digest_add(struct digest *digest, struct slice bytes)
{
    ASSERT(EVP_DigestUpdate(digest->context, bytes.data, bytes.size) == 1);
}

void digest_end(struct digest *digest, uint8_t ret_digest[DIGEST_SHA256_SIZE])
{
    ASSERT(EVP_DigestFinal_ex(digest->context, ret_digest, NULL) == 1);
    digest_done(digest);
}

void digest_done(struct digest *digest)
{
    EVP_MD_CTX_free(digest->context);
    digest->context = NULL;
}

void digest_hex(const uint8_t *bytes, size_t size, char *ret_text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        ret_text[2 * i] = digits[bytes[i] >> 4];
        ret_text[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret_text[2 * size] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool digest_from_hex(struct slice hex, uint8_t *ret_bytes, size_t size)
{
    if (hex.size != 2 * size)
        return false;
    for (size_t i = 0; i < hex.size; i++)
        if (hex_value(hex.data[i]) < 0)
            return false;
    for (size_t i = 0; i < size; i++)
        ret_bytes[i] = (uint8_t)(hex_value(hex.data[2 * i]) << 4 | hex_value(hex.data[2 * i + 1]));
    return true;
}

void digest_random(void *ret_bytes, size_t size)
{
    char *to = ret_bytes;
    while (size > 0) {
        ssize_t n = getrandom(to, size, 0);
        ASSERT(n > 0 || errno == EINTR);
        if (n > 0) {
            to += n;
            size -= (size_t)n;
        }
    }
}

bool digest_equal(const uint8_t *a, const uint8_t *b, size_t size)
{
    volatile uint8_t difference = 0;
    for (size_t i = 0; i < size; i++)
        difference |= a[i] ^ b[i];
    return difference == 0;
}
