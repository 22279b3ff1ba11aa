/* Organization and transaction id to 80 bits. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "dedup/seen_id.h"
#include "base/digest.h"

enum { PLACE_SHIFT = 48 };

void seen_key_init(struct seen_key *key, const uint8_t secret[SIPHASH_KEY_SIZE])
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    digest_sha256((struct slice){(const char *)secret, SIPHASH_KEY_SIZE}, digest);
    memcpy(key->secret, secret, SIPHASH_KEY_SIZE);
    key->id = 0;
    for (size_t i = 0; i < sizeof key->id; i++)
        key->id = key->id << 8 | digest[i];
}

struct seen_id seen_id_of(const struct seen_key *key, struct slice organization_id,
                          struct slice transaction_id)
{
    struct siphash hash;
    siphash_init(&hash, key->secret);
    siphash_add_u32(&hash, (uint32_t)organization_id.size);
    siphash_add(&hash, organization_id);
    siphash_add_u32(&hash, (uint32_t)transaction_id.size);
    siphash_add(&hash, transaction_id);
    struct siphash_out out = siphash_end(&hash);
    return (struct seen_id){.stored = out.low ? out.low : 1,
                            .place = (uint16_t)(out.high >> PLACE_SHIFT)};
}
