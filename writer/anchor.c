/* The last record before those in hand, and what a broker's answer proves about it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/anchor.h"
#include <string.h>

void anchor_set(struct anchor *anchor, int64_t offset, const uint8_t digest[DIGEST_SHA256_SIZE],
                int64_t timestamp_ms)
{
    *anchor = (struct anchor){
        .known = true, .offset = offset, .timestamp_ms = timestamp_ms, .last = -1, .newer = -1};
    memcpy(anchor->digest, digest, sizeof anchor->digest);
}

void anchor_take(struct anchor *anchor, const struct consumer_message *message)
{
    if (!anchor->known) {
        uint8_t digest[DIGEST_SHA256_SIZE];
        digest_sha256(message->value, digest);
        anchor_set(anchor, message->offset, digest, message->timestamp_ms);
    }
    anchor->last = message->offset;
    if (message->timestamp_ms < anchor->timestamp_ms)
        anchor->older = true;
    else if (message->timestamp_ms > anchor->timestamp_ms && anchor->newer < 0)
        anchor->newer = message->offset;
}

bool anchor_proven(const struct anchor *anchor, int64_t offset)
{
    if (anchor->older)
        return false;
    if (anchor->newer >= 0)
        return offset > anchor->offset && offset <= anchor->newer;
    return offset < 0 || offset > anchor->last;
}

const char *anchor_difference(const struct anchor *anchor, const struct consumer_message *message)
{
    uint8_t digest[DIGEST_SHA256_SIZE];
    digest_sha256(message->value, digest);
    if (message->offset != anchor->offset)
        return "is not there";
    if (!digest_equal(digest, anchor->digest, sizeof digest))
        return "has another value";
    if (message->timestamp_ms != anchor->timestamp_ms)
        return "was appended at another time";
    return NULL;
}
