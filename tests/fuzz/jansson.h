/* jansson as a second opinion on JSON.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_JANSSON_H
#define TESTS_FUZZ_JANSSON_H
#include "base/err.h"
#include "base/slice.h"
#include <jansson.h>
#include <stdbool.h>

/* A text as jansson reads it: strictly, members once, NUL in texts. NULL when it refuses it, with
 * the reason in *ret_error. */
json_t *jansson_read(struct slice text, json_error_t *ret_error);

/* Whether both may be right. `ours` is the first thing that our reader found, ERR_NONE when it took
 * the text; `theirs` is what jansson_read returned, with its error. False: a difference that is not
 * in the table. */
bool jansson_agrees(struct slice text, enum err_code ours, const json_t *theirs,
                    const json_error_t *error);

#endif
