/* simdjson behind an interface of C. SPDX-License-Identifier: Apache-2.0 */
#include "bench/dom.h"
#include <simdjson.h>

struct dom {
    simdjson::dom::parser parser;
};

static_assert(DOM_PADDING >= simdjson::SIMDJSON_PADDING, "a text is padded as simdjson wants it");

struct dom *dom_new()
{
    return new dom;
}

void dom_free(struct dom *dom)
{
    delete dom;
}

size_t dom_parse(struct dom *dom, const char *text, size_t size)
{
    return dom->parser.parse(text, size, false).error() ? 0 : size;
}
