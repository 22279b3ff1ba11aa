/* PostgreSQL array literals, as array_in reads them: every element is quoted, so that no content
 * (commas, braces, the word NULL, nothing at all) can be taken for syntax.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "postgres/pg.h"

void pg_array_begin(struct buf *out)
{
    buf_append_char(out, '{');
}

/* An element ends with a quote or with NULL, so a brace at the end is the beginning. */
static void separate(struct buf *out)
{
    if (out->size > 0 && out->data[out->size - 1] != '{')
        buf_append_char(out, ',');
}

void pg_array_add(struct buf *out, struct slice element)
{
    separate(out);
    buf_append_char(out, '"');
    size_t plain = 0; /* bytes from here on need no escape and are copied together */
    for (size_t i = 0; i < element.size; i++) {
        if (element.data[i] != '"' && element.data[i] != '\\')
            continue;
        buf_append(out, element.data + plain, i - plain);
        buf_append_char(out, '\\');
        plain = i;
    }
    buf_append(out, element.data + plain, element.size - plain);
    buf_append_char(out, '"');
}

void pg_array_add_null(struct buf *out)
{
    separate(out);
    buf_append_str(out, "NULL");
}

void pg_array_end(struct buf *out)
{
    buf_append_char(out, '}');
}
