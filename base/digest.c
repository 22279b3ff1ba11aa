/* Hashes from libcrypto. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/digest.h"
#include "base/assert.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <sys/random.h>

/* Looking up an algorithm takes locks and costs more than hashing a short text: it is done once. */
static _Atomic(EVP_MD *) sha1, sha256;

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

void digest_sha256(struct slice bytes, uint8_t ret_digest[DIGEST_SHA256_SIZE])
{
    const EVP_MD *algorithm = fetched(&sha256, "SHA256");
    ASSERT(EVP_Digest(bytes.data, bytes.size, ret_digest, NULL, algorithm, NULL) == 1);
}

void digest_sha1_init(struct digest_sha1 *many, struct slice beginning)
{
    many->start = EVP_MD_CTX_new();
    many->context = EVP_MD_CTX_new();
    ASSERT(many->start != NULL && many->context != NULL);
    ASSERT(EVP_DigestInit_ex(many->start, fetched(&sha1, "SHA1"), NULL) == 1);
    ASSERT(EVP_DigestUpdate(many->start, beginning.data, beginning.size) == 1);
}

void digest_sha1_done(struct digest_sha1 *many)
{
    EVP_MD_CTX_free(many->start);
    EVP_MD_CTX_free(many->context);
    *many = (struct digest_sha1){NULL, NULL};
}

/* To copy a context costs less than to begin anew. */
void digest_sha1(struct digest_sha1 *many, struct slice rest, uint8_t ret_digest[DIGEST_SHA1_SIZE])
{
    ASSERT(EVP_MD_CTX_copy_ex(many->context, many->start) == 1);
    ASSERT(EVP_DigestUpdate(many->context, rest.data, rest.size) == 1);
    ASSERT(EVP_DigestFinal_ex(many->context, ret_digest, NULL) == 1);
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
