/* One error type, filled from one table (base/errors.def).
 *
 * A function that can fail returns bool, takes `struct err *reterr` last, and writes it only on
 * failure:
 *
 *     if (port > 65535)
 *         return err_set(reterr, ERR_SETTINGS_INVALID, "port %u is above 65535", port);
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERR_H
#define BASE_ERR_H
#include "base/mem.h"
#include <stdbool.h>
#include <stdio.h>

enum err_code {
    ERR_NONE,
#define ERROR(name, code, status, class, title, remedy) ERR_##name,
#include "base/errors.def"
#undef ERROR
    ERR_COUNT
};

/* What whoever sees the error can do about it. */
enum err_class {
    ERR_CLASS_CALLER, /* the input is wrong: correct it */
    ERR_CLASS_RETRY,  /* it can pass: the same again, later */
    ERR_CLASS_STOP,   /* an operator must act first */
    ERR_CLASS_BUG,    /* must not happen */
};

enum {
    ERR_POINTER_SIZE = 192,
    ERR_TEXT_SIZE = 512,
};

struct err {
    enum err_code code;
    char pointer[ERR_POINTER_SIZE]; /* RFC 6901 JSON Pointer to the place in the input, or "" */
    char text[ERR_TEXT_SIZE];       /* one sentence, valid UTF-8, cut when too long */
};

/* Fills *reterr (which may be NULL) and returns false, so that it can be returned. The pointer is
 * left empty. */
bool err_set(struct err *reterr, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same with a JSON Pointer; a longer one is cut. */
bool err_set_at(struct err *reterr, enum err_code code, const char *pointer, const char *format,
                ...) PRINTF_LIKE(4, 5);

/* Puts "context: " in front of the text, for a caller that knows more. Returns false. */
bool err_prefix(struct err *reterr, const char *format, ...) PRINTF_LIKE(2, 3);

/* Puts `start` before the pointer, for a caller that knows what the input is a part of. */
void err_prefix_pointer(struct err *reterr, const char *start);

/* The facts of the table. `err_code_name` is the stable public code, as in "timestamp_too_old". */
const char *err_code_name(enum err_code code);
const char *err_code_title(enum err_code code);
const char *err_code_remedy(enum err_code code);
enum err_class err_code_class(enum err_code code);
int err_code_status(enum err_code code); /* HTTP status, or 0 when it never reaches a caller */

/* Writes docs/ERRORS.md. */
void err_print_docs(FILE *out);

#endif
