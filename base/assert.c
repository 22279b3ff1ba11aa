/* The end of a process that found a bug in itself. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void assert_failed(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: bug: %s\n", file, line, what);
    abort();
}
