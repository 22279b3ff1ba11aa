/* The public id of an event. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/event_id.h"
#include "base/assert.h"
#include "base/mem.h"
#include "schemas/identifier.h"

/* a02bc63f-beb0-424e-bd49-562f5fe80ff2: never changed, or all ids would change with it. */
static const uint8_t namespace[16] = {0xa0, 0x2b, 0xc6, 0x3f, 0xbe, 0xb0, 0x42, 0x4e,
                                      0xbd, 0x49, 0x56, 0x2f, 0x5f, 0xe8, 0x0f, 0xf2};

static size_t add_text(char *name, size_t size, struct slice text)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        name[size++] = (char)(uint8_t)(text.size >> shift);
    if (text.size > 0)
        memcpy(name + size, text.data, text.size);
    return size + text.size;
}

void event_ids_init(struct event_ids *ids, struct slice organization_id)
{
    char name[sizeof namespace + 4 + IDENTIFIER_SIZE_MAX];
    ASSERT(organization_id.size <= IDENTIFIER_SIZE_MAX);
    memcpy(name, namespace, sizeof namespace);
    size_t size = add_text(name, sizeof namespace, organization_id);
    digest_sha1_init(&ids->sha1, (struct slice){name, size});
}

void event_ids_format(const struct event_ids *ids, struct slice transaction_id,
                      char ret_text[EVENT_ID_TEXT_SIZE])
{
    ASSERT(transaction_id.size <= IDENTIFIER_SIZE_MAX);
    char name[4 + IDENTIFIER_SIZE_MAX];
    size_t size = add_text(name, 0, transaction_id);
    uint8_t uuid[DIGEST_SHA1_SIZE]; /* the first 16 bytes of it */
    digest_sha1(&ids->sha1, (struct slice){name, size}, uuid);
    uuid[6] = (uuid[6] & 0x0F) | 0x50; /* version 5 */
    uuid[8] = (uuid[8] & 0x3F) | 0x80; /* the variant of RFC 9562 */

    static const struct {
        int from, bytes;
    } groups[] = {{0, 4}, {4, 2}, {6, 2}, {8, 2}, {10, 6}};
    char *to = ret_text;
    for (size_t i = 0; i < ARRAY_LEN(groups); i++) {
        digest_hex(uuid + groups[i].from, (size_t)groups[i].bytes, to);
        to += 2 * groups[i].bytes;
        *to++ = '-';
    }
    to[-1] = '\0';
}
