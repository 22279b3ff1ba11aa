/* What the headers of a request say, and whether they can be believed.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_HEADERS_H
#define SERVER_HEADERS_H
#include "base/err.h"
#include "base/slice.h"
#include "schemas/cloudevents.h"
#include "schemas/event.h"
#include "server/inflate.h"
#include <stdbool.h>
#include <stdint.h>

enum { HEADERS_REQUEST_ID_MAX = 128 };

/* Filled by headers_add for each header, in any order. Slices are borrowed from whoever calls it.
 * A header that is not there has size 0. */
struct headers {
    struct slice authorization;
    struct slice content_type;
    struct slice content_encoding;
    struct slice transfer_encoding;
    struct slice idempotency_key;
    struct cloudevents_headers cloudevent; /* ce-… */
    struct slice request_id;               /* well-formed, or size 0 */
    struct slice traceparent;              /* well-formed, or size 0 */
    uint64_t content_length;               /* 0 when not given */
    bool has_content_length;
    bool expect_continue;      /* the client waits for "100 Continue" before it sends the body */
    bool length_malformed;     /* not just digits, or more than 64 bits hold */
    unsigned length_headers;   /* how many Content-Length */
    unsigned transfer_headers; /* how many Transfer-Encoding */
    unsigned host_headers;     /* how many Host */
};

void headers_add(struct headers *headers, struct slice name, struct slice value);

/* Whether the body has one length that everyone on the way understands in the same way, and the
 * request is for one host. `version` as in the request line.
 * Errors: REQUEST_AMBIGUOUS. The connection must not be used further then. */
bool headers_check_framing(const struct headers *headers, const char *version,
                           struct err *reterr) MUST_CHECK;

/* How the body is to be read. application/json, application/…+json and application/x-ndjson are
 * taken, in UTF-8, and application/cloudevents+json and -batch+json; no content type means JSON.
 * JSON with headers ce-… is a CloudEvent in binary mode.
 * Errors: MEDIA_TYPE_UNKNOWN, ENCODING_UNKNOWN. */
bool headers_check_content(const struct headers *headers, enum event_body *ret_kind,
                           enum inflate_coding *ret_coding, struct err *reterr) MUST_CHECK;

/* The key of "Authorization: Bearer KEY". Errors: UNAUTHORIZED. */
bool headers_bearer(const struct headers *headers, struct slice *ret_key,
                    struct err *reterr) MUST_CHECK;

#endif
