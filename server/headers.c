/* What the headers of a request say. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/headers.h"

#include <ctype.h>
#include <strings.h>

static bool same(struct slice a, const char *b)
{
    return a.size == strlen(b) && strncasecmp(a.data, b, a.size) == 0;
}

static bool starts(struct slice a, const char *b)
{
    return a.size >= strlen(b) && strncasecmp(a.data, b, strlen(b)) == 0;
}

static bool ends(struct slice a, const char *b)
{
    size_t size = strlen(b);
    return a.size >= size && strncasecmp(a.data + a.size - size, b, size) == 0;
}

static struct slice trim(struct slice text)
{
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t'))
        text.size--;
    return text;
}

/* Takes the part up to `separator` off the front of *rest. */
static struct slice next_part(struct slice *rest, char separator)
{
    if (rest->size == 0)
        return *rest;
    const char *at = memchr(rest->data, separator, rest->size);
    size_t size = at ? (size_t)(at - rest->data) : rest->size;
    struct slice part = {rest->data, size};
    size_t taken = at ? size + 1 : size;
    *rest = (struct slice){rest->data + taken, rest->size - taken};
    return trim(part);
}

/* What may be echoed and logged: no spaces, no quotes, no control characters. */
static bool request_id_well_formed(struct slice text)
{
    if (text.size == 0 || text.size > HEADERS_REQUEST_ID_MAX)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (!isalnum((unsigned char)text.data[i]) &&
            (text.data[i] == '\0' || !strchr("-_.~:/+=@", text.data[i])))
            return false;
    return true;
}

/* As W3C's Trace Context has it: version-trace-parent-flags in lower-case hexadecimal digits. What
 * is not is dropped rather than passed on. */
static bool traceparent_well_formed(struct slice text)
{
    static const char shape[] = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
    if (text.size != strlen(shape))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (shape[i] == '-' ? c != '-' : !(isdigit((unsigned char)c) || (c >= 'a' && c <= 'f')))
            return false;
    }
    return memcmp(text.data, "ff", 2) != 0;
}

static void add_content_length(struct headers *headers, struct slice value)
{
    headers->length_headers++;
    headers->has_content_length = true;
    headers->content_length = 0;
    headers->length_malformed = headers->length_malformed || value.size == 0;
    for (size_t i = 0; i < value.size; i++)
        if (!isdigit((unsigned char)value.data[i]) ||
            __builtin_mul_overflow(headers->content_length, 10, &headers->content_length) ||
            __builtin_add_overflow(headers->content_length, (uint64_t)(value.data[i] - '0'),
                                   &headers->content_length))
            headers->length_malformed = true;
}

void headers_add(struct headers *headers, struct slice name, struct slice value)
{
    value = trim(value);
    if (same(name, "Authorization")) {
        headers->authorization = value;
    } else if (same(name, "Content-Type")) {
        headers->content_type = value;
    } else if (same(name, "Content-Encoding")) {
        /* Two of them: none that is known. */
        headers->content_encoding = headers->content_encoding.size > 0 ? SLICE("several") : value;
    } else if (same(name, "Content-Length")) {
        add_content_length(headers, value);
    } else if (same(name, "Transfer-Encoding")) {
        headers->transfer_encoding = value;
        headers->transfer_headers++;
    } else if (same(name, "Host")) {
        headers->host_headers++;
    } else if (same(name, "Idempotency-Key")) {
        headers->idempotency_key = value;
    } else if (starts(name, "ce-")) {
        cloudevents_add_header(&headers->cloudevent, (struct slice){name.data + 3, name.size - 3},
                               value);
    } else if (same(name, "X-Request-Id")) {
        if (request_id_well_formed(value))
            headers->request_id = value;
    } else if (same(name, "traceparent")) {
        if (traceparent_well_formed(value))
            headers->traceparent = value;
    } else if (same(name, "Expect")) {
        headers->expect_continue = starts(value, "100-continue");
    }
}

bool headers_check_framing(const struct headers *headers, const char *version, struct err *reterr)
{
    const bool old = strcmp(version, "HTTP/1.0") == 0;
    if (headers->host_headers > 1 || (headers->host_headers == 0 && !old))
        return err_set(reterr, ERR_REQUEST_AMBIGUOUS, "there are %u Host headers",
                       headers->host_headers);
    if (headers->length_headers > 1)
        return err_set(reterr, ERR_REQUEST_AMBIGUOUS, "there are %u Content-Length headers",
                       headers->length_headers);
    if (headers->length_headers > 0 && headers->transfer_headers > 0)
        return err_set(reterr, ERR_REQUEST_AMBIGUOUS,
                       "there are both Content-Length and Transfer-Encoding");
    if (headers->length_malformed)
        return err_set(reterr, ERR_REQUEST_AMBIGUOUS, "the Content-Length is not a number");
    if (headers->transfer_headers > 0 && old)
        return err_set(reterr, ERR_REQUEST_AMBIGUOUS, "HTTP/1.0 has no Transfer-Encoding");
    if (headers->transfer_headers > 1 ||
        (headers->transfer_headers == 1 && !same(headers->transfer_encoding, "chunked")))
        return err_set(reterr, ERR_REQUEST_AMBIGUOUS,
                       "the only Transfer-Encoding that is taken is chunked");
    return true;
}

/* `charset`, when it is named, must be UTF-8 or its subset. */
static bool check_charset(struct slice parameters, struct err *reterr)
{
    while (parameters.size > 0) {
        struct slice value = next_part(&parameters, ';');
        struct slice name = next_part(&value, '=');
        value = trim(value);
        if (value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"')
            value = (struct slice){value.data + 1, value.size - 2};
        if (same(name, "charset") && !same(value, "utf-8") && !same(value, "utf8") &&
            !same(value, "us-ascii"))
            return err_set(reterr, ERR_MEDIA_TYPE_UNKNOWN, "the charset must be utf-8");
    }
    return true;
}

static bool is_json(struct slice type)
{
    return type.size == 0 || same(type, "application/json") ||
           (starts(type, "application/") && ends(type, "+json"));
}

static bool check_coding(struct slice coding, enum inflate_coding *ret_coding, struct err *reterr)
{
    if (coding.size == 0 || same(coding, "identity"))
        *ret_coding = INFLATE_IDENTITY;
    else if (same(coding, "gzip") || same(coding, "x-gzip"))
        *ret_coding = INFLATE_GZIP;
    else if (same(coding, "zstd"))
        *ret_coding = INFLATE_ZSTD;
    else
        return err_set(reterr, ERR_ENCODING_UNKNOWN,
                       "the Content-Encoding must be one of identity, gzip and zstd");
    return true;
}

bool headers_check_content(const struct headers *headers, enum event_body *ret_kind,
                           enum inflate_coding *ret_coding, struct err *reterr)
{
    if (!check_coding(headers->content_encoding, ret_coding, reterr))
        return false;
    struct slice parameters = headers->content_type;
    struct slice type = next_part(&parameters, ';');
    if (!check_charset(parameters, reterr))
        return false;
    const bool binary = cloudevents_is_binary(&headers->cloudevent);
    if (same(type, "application/cloudevents+json") ||
        same(type, "application/cloudevents-batch+json")) {
        *ret_kind = EVENT_BODY_CLOUDEVENTS;
        return true;
    }
    if (starts(type, "application/cloudevents"))
        return err_set(reterr, ERR_MEDIA_TYPE_UNKNOWN,
                       "CloudEvents are taken in their JSON format, or in binary mode");
    if (binary && !is_json(type))
        return err_set(reterr, ERR_MEDIA_TYPE_UNKNOWN,
                       "the data of a CloudEvent must be application/json");
    if (same(type, "application/x-ndjson") || same(type, "application/ndjson")) {
        *ret_kind = EVENT_BODY_NDJSON;
        return true;
    }
    if (is_json(type)) {
        *ret_kind = binary ? EVENT_BODY_CLOUDEVENT_BINARY : EVENT_BODY_JSON;
        return true;
    }
    return err_set(reterr, ERR_MEDIA_TYPE_UNKNOWN,
                   "the Content-Type must be application/json, application/x-ndjson or "
                   "application/cloudevents+json");
}

bool headers_bearer(const struct headers *headers, struct slice *ret_key, struct err *reterr)
{
    struct slice rest = headers->authorization;
    if (rest.size == 0)
        return err_set(reterr, ERR_UNAUTHORIZED, "there is no Authorization header");
    struct slice scheme = next_part(&rest, ' ');
    struct slice key = trim(rest);
    if (!same(scheme, "Bearer") || key.size == 0)
        return err_set(reterr, ERR_UNAUTHORIZED, "the Authorization header is not `Bearer KEY`");
    *ret_key = key;
    return true;
}
