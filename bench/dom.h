/* simdjson's parse of a text into its tree, and nothing else: no check of what it means, no record.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_DOM_H
#define BENCH_DOM_H
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { DOM_PADDING = 64 }; /* bytes behind a text that can be read */

struct dom;
struct dom *dom_new(void);
void dom_free(struct dom *dom);

/* Parses one text; returns how many bytes it has, 0 when it is wrong. */
size_t dom_parse(struct dom *dom, const char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif
