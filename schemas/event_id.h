/* The public id of an event: the same for the same event, however often it is sent.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_EVENT_ID_H
#define SCHEMAS_EVENT_ID_H
#include "base/digest.h"
#include "base/slice.h"

enum { EVENT_ID_TEXT_SIZE = 37 };

/* Makes the ids of one organization. */
struct event_ids {
    struct digest_sha1 sha1;
};

/* organization_id has at most IDENTIFIER_SIZE_MAX bytes. */
void event_ids_init(struct event_ids *ids, struct slice organization_id);

/* Writes a UUID of version 5 (RFC 9562) and a NUL. Its name is the pair of both texts, each behind
 * its length as four bytes, big-endian, so that no two pairs run together. The transaction_id has
 * at most IDENTIFIER_SIZE_MAX bytes. */
void event_ids_format(const struct event_ids *ids, struct slice transaction_id,
                      char ret_text[EVENT_ID_TEXT_SIZE]);

#endif
