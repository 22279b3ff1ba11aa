/* Pages that are part of the program: the contract, and a page to read and try it. Made at build
 * from openapi/ by scripts/embed-pages.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_PAGES_H
#define SERVER_PAGES_H
#include <stddef.h>

struct page {
    const char *path; /* as in server/routes.def */
    const char *content_type;
    const unsigned char *data;
    size_t size;
};

extern const struct page pages[];
extern const size_t pages_len;

#endif
