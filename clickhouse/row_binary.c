/* Texts of RowBinary. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/row_binary.h"
#include <errno.h>
#include <stdlib.h>

enum {
    SIZE_BITS_MAX = 28, /* no answer of ours has a text of 2 GiB */
    NUMBER_SIZE = 24,
};

bool row_binary_text(struct slice *rest, struct slice *ret_text)
{
    size_t size = 0, at = 0;
    for (unsigned shift = 0;; shift += 7) {
        if (at == rest->size || shift > SIZE_BITS_MAX)
            return false;
        unsigned char byte = (unsigned char)rest->data[at++];
        size |= (size_t)(byte & 127) << shift;
        if (byte < 128)
            break;
    }
    if (size > rest->size - at)
        return false;
    *ret_text = (struct slice){rest->data + at, size};
    *rest = (struct slice){rest->data + at + size, rest->size - at - size};
    return true;
}

/* The next text, terminated. */
static bool take_digits(struct slice *rest, char ret_text[NUMBER_SIZE])
{
    struct slice text;
    if (!row_binary_text(rest, &text) || text.size == 0 || text.size >= NUMBER_SIZE)
        return false;
    memcpy(ret_text, text.data, text.size);
    ret_text[text.size] = '\0';
    return true;
}

bool row_binary_i64(struct slice *rest, int64_t *ret_number)
{
    char text[NUMBER_SIZE], *end;
    if (!take_digits(rest, text))
        return false;
    errno = 0;
    *ret_number = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0;
}

bool row_binary_u64(struct slice *rest, uint64_t *ret_number)
{
    char text[NUMBER_SIZE], *end;
    if (!take_digits(rest, text) || text[0] == '-')
        return false;
    errno = 0;
    *ret_number = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}
