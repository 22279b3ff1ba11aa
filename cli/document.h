/* A document that a command is given: a file, or standard input as "-".
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_DOCUMENT_H
#define CLI_DOCUMENT_H
#include "base/buf.h"
#include "base/err.h"

/* Reads all of it, at most `size_max` bytes. *ret_text is the caller's, to be ended by buf_done.
 * Errors: IO, USAGE (more than that). */
bool document_read(const char *path, size_t size_max, struct buf *ret_text,
                   struct err *reterr) MUST_CHECK;

#endif
