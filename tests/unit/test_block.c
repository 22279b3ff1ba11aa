/* The bytes between what libmicrohttpd read, and how it leaves them behind. That it does is what
 * flow/test_smuggling.py shows.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/block.h"
#include "tests/unit/check.h"

/* Reads "GET /x HTTP/1.1…" as libmicrohttpd 0.9.75 does: in place, a NUL over each byte that ends
 * something. Returns what block_end says. */
static bool well_formed(const char *text, size_t size)
{
    static char memory[512];
    memset(memory, 'x', sizeof(memory));
    memcpy(memory, text, size);
    char *target = memchr(memory, ' ', size);
    *target++ = '\0';
    char *version = strstr(memory + strlen(memory) + 1, " HTTP/");
    if (!version) /* a NUL is in the way */
        version = target + strlen(target) + 1 + strcspn(target + strlen(target) + 1, " ");
    *version++ = '\0';
    const char *target_end = block_target_end(target);
    struct block block = {0};
    char *line = version, *end;
    size_t size_read = 0;
    while (size_read == 0 && (end = memchr(line, '\n', (size_t)(memory + size - line))) != NULL) {
        char *next = end + 1;
        *end = '\0';
        if (end > line && end[-1] == '\r')
            end[-1] = '\0';
        if (*line == '\0')
            size_read = (size_t)(next - memory);
        char *colon = strchr(line, ':');
        if (line == version) {
            block_begin(&block, memory, target, target_end, version);
        } else if (colon) {
            char *value = colon + 1 + strspn(colon + 1, " \t");
            *colon = '\0';
            block_add(&block, slice_from(line), slice_from(value));
        }
        line = next;
    }
    return block_end(&block, size_read);
}

TEST(block, a_request_as_it_must_be_is_well_formed)
{
    static const char *const rows[] = {
        "GET /x HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /x HTTP/1.0\r\n\r\n",
        "POST /x HTTP/1.1\r\nHost:a\r\nA: \t b \r\nEmpty:\r\nEmpty: \r\nX-!#$%&'*+-.^_`|~9: "
        "\xc3\xbc\r\n\r\n{}",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CHECK(well_formed(rows[i], strlen(rows[i])));
}

TEST(block, whatever_else_stands_between_is_wrong)
{
#define ROW(text)                                                                                  \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
    static const struct slice rows[] = {
        ROW("GET /x HTTP/1.1\nHost: a\r\n\r\n"),
        ROW("GET /x HTTP/1.1\r\nHost: a\n\r\n"),
        ROW("GET /x HTTP/1.1\r\nHost: a\nB: c\r\n\r\n"),
        ROW("GET /x HTTP/1.1\r\nHost: a\r\n\nbody"),
        ROW("GET /x HTTP/1.1\r\nHost : a\r\n\r\n"),
        ROW("GET /x HTTP/1.1\r\nHost: a\r\n continued\r\n\r\n"),
        ROW("GET /x HTTP/1.1\r\nHost: a\r\n con: tinued\r\n\r\n"),
        ROW("GET /x HTTP/1.1\r\nHost: a\rB: c\r\n\r\n"),
        ROW("GET /x HTTP/1.1\r\nHost: a\0b\r\n\r\n"),
        ROW("GET /x HTTP/1.1\r\nA: b\0\r\nHost: a\r\n\r\n"),
        ROW("GET /x HTTP/1.1\r\nHost: a\0\r\n\r\n"),
        ROW("GET /x HTTP/1.1\r\nHost: a\r\n\0\r\n\r\n"),
        ROW("GET /x HTTP/1.1\r\nHost: a\r\n\n"),
        ROW("GET /x HTTP/1.1\r\nHost: a\x01\r\n\r\n"),
        ROW("GET /x HTTP/1.1\r\nHost: a\x7f\r\n\r\n"),
        ROW("GET /x HTTP/1.1\r\n: a\r\n\r\n"),
        ROW("GET /x HTTP/1.1\r\nHo(st: a\r\n\r\n"),
        ROW("GET /x\0y HTTP/1.1\r\nHost: a\r\n\r\n"),
        ROW("GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"),
        ROW("GET /\xc3\xbc HTTP/1.1\r\nHost: a\r\n\r\n"),
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CHECK(!well_formed(rows[i].data, rows[i].size));
}
