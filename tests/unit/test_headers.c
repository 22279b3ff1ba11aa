/* What the headers of a request say. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/headers.h"
#include "tests/unit/check.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Names and values in turn, ended by NULL. */
static struct headers headers_of(const char *name, ...)
{
    struct headers headers = {0};
    va_list rest;
    va_start(rest, name);
    for (; name; name = va_arg(rest, const char *))
        headers_add(&headers, slice_from(name), slice_from(va_arg(rest, const char *)));
    va_end(rest);
    return headers;
}

TEST(headers, one_length_or_chunked_is_clear)
{
    struct err err;
    struct headers none = headers_of("Host", "a", NULL);
    struct headers length = headers_of("HOST", "a", "content-length", "17", NULL);
    struct headers chunked = headers_of("Host", "a", "Transfer-Encoding", "Chunked", NULL);
    CHECK(headers_check_framing(&none, "HTTP/1.1", &err));
    CHECK(headers_check_framing(&length, "HTTP/1.1", &err) && length.content_length == 17);
    CHECK(!headers_check_framing(&chunked, "HTTP/1.0", &err));
    CHECK(headers_check_framing(&chunked, "HTTP/1.1", &err) && !chunked.has_content_length);
}

TEST(headers, one_host_is_needed_but_in_http_1_0)
{
    struct err err;
    struct headers none = {0};
    CHECK(!headers_check_framing(&none, "HTTP/1.1", &err) && err.code == ERR_REQUEST_AMBIGUOUS);
    CHECK(headers_check_framing(&none, "HTTP/1.0", &err));
}

TEST(headers, two_lengths_are_ambiguous)
{
    const struct headers rows[] = {
        headers_of("Content-Length", "5", "Content-Length", "5", NULL),
        headers_of("Content-Length", "5", "content-length", "6", NULL),
        headers_of("Content-Length", "5", "Transfer-Encoding", "chunked", NULL),
        headers_of("Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked", NULL),
        headers_of("Transfer-Encoding", "gzip, chunked", NULL),
        headers_of("Transfer-Encoding", "identity", NULL),
        headers_of("Content-Length", "+5", NULL),
        headers_of("Content-Length", "5, 5", NULL),
        headers_of("Content-Length", "", NULL),
        headers_of("Content-Length", "18446744073709551616", NULL),
        headers_of("Host", "a", "Host", "a", NULL),
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err;
        CHECK(!headers_check_framing(&rows[i], "HTTP/1.0", &err));
        CHECK(err.code == ERR_REQUEST_AMBIGUOUS);
    }
}

TEST(headers, content_types_are_read_with_their_parameters)
{
    static const struct {
        const char *type;
        bool taken;
        enum event_body kind;
    } rows[] = {
        {"", true, EVENT_BODY_JSON},
        {"application/json", true, EVENT_BODY_JSON},
        {"Application/JSON ; charset=UTF-8", true, EVENT_BODY_JSON},
        {"application/json;charset=\"utf-8\"; x=y", true, EVENT_BODY_JSON},
        {"application/vnd.acme.v1+json", true, EVENT_BODY_JSON},
        {"application/x-ndjson", true, EVENT_BODY_NDJSON},
        {"application/x-ndjson; charset=utf-8", true, EVENT_BODY_NDJSON},
        {"application/json; charset=iso-8859-1", false, 0},
        {"application/jsonp", false, 0},
        {"application/cloudevents+json; charset=UTF-8", true, EVENT_BODY_CLOUDEVENTS},
        {"application/cloudevents-batch+json", true, EVENT_BODY_CLOUDEVENTS},
        {"application/cloudevents+avro", false, 0},
        {"application/cloudevents", false, 0},
        {"application/x-www-form-urlencoded", false, 0},
        {"text/plain", false, 0},
        {"multipart/form-data; boundary=+json", false, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct headers headers = headers_of("Content-Type", rows[i].type, NULL);
        struct err err;
        enum event_body kind;
        enum inflate_coding coding;
        printf("type '%s'\n", rows[i].type);
        CHECK(headers_check_content(&headers, &kind, &coding, &err) == rows[i].taken);
        CHECK(rows[i].taken ? kind == rows[i].kind : err.code == ERR_MEDIA_TYPE_UNKNOWN);
    }
}

TEST(headers, of_a_cloudevent_make_it_binary)
{
    struct err err;
    enum event_body kind;
    enum inflate_coding coding;
    struct headers binary = headers_of("CE-Id", "i", "Content-Type", "application/json", NULL);
    struct headers lines = headers_of("ce-id", "i", "Content-Type", "application/x-ndjson", NULL);
    struct headers extension = headers_of("ce-trace", "i", NULL);
    struct headers structured =
        headers_of("ce-id", "i", "Content-Type", "application/cloudevents+json", NULL);
    CHECK(headers_check_content(&binary, &kind, &coding, &err));
    CHECK(kind == EVENT_BODY_CLOUDEVENT_BINARY);
    CHECK(headers_check_content(&structured, &kind, &coding, &err));
    CHECK(kind == EVENT_BODY_CLOUDEVENTS);
    CHECK(headers_check_content(&extension, &kind, &coding, &err) && kind == EVENT_BODY_JSON);
    CHECK(!headers_check_content(&lines, &kind, &coding, &err));
    CHECK(err.code == ERR_MEDIA_TYPE_UNKNOWN);
}

TEST(headers, one_known_encoding_is_taken)
{
    static const struct {
        const char *encoding;
        enum inflate_coding coding;
    } rows[] = {
        {"", INFLATE_IDENTITY},   {"identity", INFLATE_IDENTITY}, {"gzip", INFLATE_GZIP},
        {"X-Gzip", INFLATE_GZIP}, {"Zstd", INFLATE_ZSTD},
    };
    static const char *const unknown[] = {"br", "deflate", "gzip, gzip", "gzip,zstd", "gzi"};
    struct err err;
    enum event_body kind;
    enum inflate_coding coding;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct headers headers = headers_of("Content-Encoding", rows[i].encoding, NULL);
        CHECK(headers_check_content(&headers, &kind, &coding, &err));
        CHECK(coding == rows[i].coding);
    }
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        struct headers headers = headers_of("Content-Encoding", unknown[i], NULL);
        CHECK(!headers_check_content(&headers, &kind, &coding, &err));
        CHECK(err.code == ERR_ENCODING_UNKNOWN);
    }
    struct headers twice = headers_of("Content-Encoding", "gzip", "Content-Encoding", "gzip", NULL);
    CHECK(!headers_check_content(&twice, &kind, &coding, &err));
    CHECK(err.code == ERR_ENCODING_UNKNOWN);
}

TEST(headers, the_key_is_what_follows_bearer)
{
    struct err err;
    struct slice key;
    struct headers headers = headers_of("AUTHORIZATION", "bearer   abc ", NULL);
    CHECK(headers_bearer(&headers, &key, &err) && slice_equal(key, SLICE("abc")));
    const struct headers wrong[] = {
        headers_of(NULL),
        headers_of("Authorization", "", NULL),
        headers_of("Authorization", "Bearer", NULL),
        headers_of("Authorization", "Basic abc", NULL),
        headers_of("Authorization", "abc", NULL),
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK(!headers_bearer(&wrong[i], &key, &err) && err.code == ERR_UNAUTHORIZED);
        CHECK(!strstr(err.text, "abc"));
    }
}

TEST(headers, a_traceparent_is_taken_only_when_it_is_one)
{
    static const char good[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    static const char *const bad[] = {
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    };
    CHECK(slice_equal(headers_of("Traceparent", good, NULL).traceparent, SLICE(good)));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(headers_of("traceparent", bad[i], NULL).traceparent.size == 0);
}

TEST(headers, a_request_id_is_taken_only_when_it_can_be_echoed)
{
    char longest[HEADERS_REQUEST_ID_MAX + 2];
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    struct headers good = headers_of("X-Request-Id", "Abc-1.2_3:4/5=", NULL);
    CHECK(slice_equal(good.request_id, SLICE("Abc-1.2_3:4/5=")));
    CHECK(headers_of("X-Request-Id", "a b", NULL).request_id.size == 0);
    CHECK(headers_of("X-Request-Id", "a\"b", NULL).request_id.size == 0);
    CHECK(headers_of("X-Request-Id", "\xc3\xa9", NULL).request_id.size == 0);
    CHECK(headers_of("X-Request-Id", longest, NULL).request_id.size == 0);
    CHECK(headers_of("X-Request-Id", longest + 1, NULL).request_id.size == HEADERS_REQUEST_ID_MAX);
}

TEST(headers, know_who_waits_for_100_continue)
{
    CHECK(headers_of("Expect", "100-Continue", NULL).expect_continue);
    CHECK(!headers_of("Expect", "nothing", NULL).expect_continue);
}
