/* Errors in the form of RFC 9457, application/problem+json.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef HANDLERS_PROBLEM_H
#define HANDLERS_PROBLEM_H
#include "base/buf.h"
#include "base/err.h"

extern const char problem_content_type[];

/* The HTTP status of an error; 500 for one that is not meant for callers. */
int problem_status(const struct err *err);

/* Appends `{"type":…,"title":…,"status":…,"code":…,"detail":…,"pointer":…,"remedy":…,
 * "request_id":…` and leaves the object open: the caller adds members of its own, each behind a
 * comma, and the brace. There is no pointer where the whole is meant, and no empty request_id. */
void problem_begin(struct buf *out, const struct err *err, struct slice request_id);

/* Appends `{"code":…,"pointer":…,"detail":…,"remedy":…}`, the error of one event of several. */
void problem_append_error(struct buf *out, const struct err *err);

#endif
