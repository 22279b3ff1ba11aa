/* A text in a file that is either whole and ours, or refused.
 *
 * The first line names the kind of the text and its SHA-256; the text follows. The file is replaced
 * as a whole, also when the machine loses its power meanwhile, is readable by its owner only, and
 * is refused when others could have written it, when a byte of it differs, or when it is of another
 * kind. The checksum finds damage, not forgery: whoever can write the file can compute it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CATALOG_SEALED_FILE_H
#define CATALOG_SEALED_FILE_H
#include "base/buf.h"
#include "base/err.h"
#include <stdint.h>

/* Reads a file of this kind (one word or several, without a line feed) and at most `size_max` bytes
 * into a new buffer. *ret_modified_ms is the file's modification time, Unix milliseconds.
 * Errors: NOT_FOUND (no file), IO. */
bool sealed_file_read(const char *path, const char *kind, size_t size_max, struct buf *ret_text,
                      int64_t *ret_modified_ms, struct err *reterr) MUST_CHECK;

/* Errors: IO; the file is then as it was before. */
bool sealed_file_write(const char *path, const char *kind, struct slice text,
                       struct err *reterr) MUST_CHECK;

/* Sets the modification time to now; false when that is not possible, as when the file is gone. */
bool sealed_file_touch(const char *path) MUST_CHECK;

#endif
