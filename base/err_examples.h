/* One request for each error that a caller can see, from base/err_examples.def.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERR_EXAMPLES_H
#define BASE_ERR_EXAMPLES_H
#include "base/err.h"

struct err_example {
    const char *given;   /* what must be so, or NULL; without a request: why there is none */
    const char *request; /* its line and headers, an empty line, the body; NULL: there is none */
    const char *pointer; /* of the answer */
};

/* Of an error with an HTTP status; NULL when its row is missing. */
const struct err_example *err_example_of(enum err_code code);

/* Writes the examples of docs/ERRORS.md. */
void err_examples_print(FILE *out);

#endif
