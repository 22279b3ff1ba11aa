/* Hashes, from OpenSSL's libcrypto.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H
#include "base/slice.h"
#include <stdint.h>

enum {
    DIGEST_SHA1_SIZE = 20,
    DIGEST_SHA1_BLOCK = 64,
    DIGEST_SHA1_END_MAX = 1024,
    DIGEST_SHA256_SIZE = 32,
};

void digest_sha256(struct slice bytes, uint8_t ret_digest[DIGEST_SHA256_SIZE]);

/* The SHA-1 of many short texts that begin alike: what they share is done once, and stays as it is.
 */
struct digest_sha1 {
    uint32_t state[DIGEST_SHA1_SIZE / 4]; /* after the whole blocks of the beginning */
    char rest[DIGEST_SHA1_BLOCK]; /* of the beginning: the first `size` bytes modulo a block */
    size_t size;                  /* of the beginning */
};
void digest_sha1_init(struct digest_sha1 *sha1, struct slice beginning);

/* `end` has at most DIGEST_SHA1_END_MAX bytes. */
void digest_sha1(const struct digest_sha1 *sha1, struct slice end,
                 uint8_t ret_digest[DIGEST_SHA1_SIZE]);

/* A SHA-256 over parts: init, add…, end. */
struct digest {
    void *context; /* owned */
};
void digest_init(struct digest *digest);
void digest_add(struct digest *digest, struct slice bytes);
void digest_end(struct digest *digest, uint8_t ret_digest[DIGEST_SHA256_SIZE]); /* and frees */
void digest_done(struct digest *digest); /* frees without an end; zeroed or ended is fine */

/* Lower-case hex and a NUL: 2 * size + 1 bytes. */
void digest_hex(const uint8_t *bytes, size_t size, char *ret_text);
bool digest_from_hex(struct slice hex, uint8_t *ret_bytes, size_t size);

/* Random bytes from the kernel. */
void digest_random(void *ret_bytes, size_t size);

/* Compares without telling by its time where they differ. */
bool digest_equal(const uint8_t *a, const uint8_t *b, size_t size);

#endif
