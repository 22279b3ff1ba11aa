/* The engine's data directory: made when missing, held by one process at a time, and known by an
 * identity that is made once and never changes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EMBEDDED_DATA_H
#define EMBEDDED_DATA_H
#include "base/err.h"
#include <stdbool.h>

enum { DATA_ID_SIZE = 37 }; /* a UUID and a NUL */

struct data {
    int lock; /* descriptor of the lock file, or -1 */
    char id[DATA_ID_SIZE];
};

/* Errors: IO (cannot be made or read; another process holds it). */
bool data_open(struct data *data, const char *directory, struct err *reterr) MUST_CHECK;
void data_close(struct data *data); /* one that was never opened, with lock -1, is fine */

/* A random UUID, version 4. */
void data_make_uuid(char ret_id[DATA_ID_SIZE]);

#endif
