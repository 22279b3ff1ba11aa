/* Hashes, from OpenSSL's libcrypto.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H
#include "base/slice.h"
#include <stdint.h>

enum {
    DIGEST_SHA1_SIZE = 20,
    DIGEST_SHA256_SIZE = 32,
};

void digest_sha256(struct slice bytes, uint8_t ret_digest[DIGEST_SHA256_SIZE]);

/* The SHA-1 of many short texts that begin alike: what they share is done once.
 * Threads: one at a time. */
struct digest_sha1 {
    void *start, *context; /* owned */
};
void digest_sha1_init(struct digest_sha1 *sha1, struct slice beginning);
void digest_sha1_done(struct digest_sha1 *sha1);
void digest_sha1(struct digest_sha1 *sha1, struct slice rest, uint8_t ret_digest[DIGEST_SHA1_SIZE]);

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
