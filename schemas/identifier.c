/* Names that callers choose. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/identifier.h"
#include "schemas/utf8.h"

static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point < 0xA0);
}

bool identifier_check(struct slice text, const char *pointer, struct err *reterr)
{
    if (identifier_is_plain(text))
        return true;
    size_t len = 0, size;
    uint32_t point;
    if (text.size == 0)
        return err_set_at(reterr, ERR_FIELD_EMPTY, pointer, "the text is empty");
    for (size_t at = 0; at < text.size; at += size) {
        size = utf8_decode(text.data + at, text.size - at, &point);
        if (size == 0)
            return err_set_at(reterr, ERR_UTF8_INVALID, pointer,
                              "byte %zu of the text does not belong to valid UTF-8", at);
        if (is_control(point))
            return err_set_at(reterr, ERR_FIELD_CHARACTER, pointer,
                              "character %zu of the text is the control character U+%04X", len,
                              (unsigned)point);
        if (++len > IDENTIFIER_LEN_MAX)
            return err_set_at(reterr, ERR_FIELD_TOO_LONG, pointer,
                              "the text has more than %d characters", IDENTIFIER_LEN_MAX);
    }
    return true;
}
