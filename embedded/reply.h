/* What ClickHouse's HTTP interface puts into headers about an answer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EMBEDDED_REPLY_H
#define EMBEDDED_REPLY_H
#include "embedded/request.h"

enum {
    REPLY_SUMMARY_SIZE = 320,
    REPLY_FORMAT_SIZE = 64,
};

/* X-ClickHouse-Summary: what was read and written, as JSON. */
void reply_summary(const struct reply *reply, char ret_text[REPLY_SUMMARY_SIZE]);

/* X-ClickHouse-Format. */
void reply_format(const struct reply *reply, char ret_text[REPLY_FORMAT_SIZE]);

/* The Content-Type of a format. */
const char *reply_content_type(struct slice format);

#endif
