/* Headers of an answer. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "embedded/reply.h"

#include <inttypes.h>
#include <stdio.h>

void reply_summary(const struct reply *reply, char ret_text[REPLY_SUMMARY_SIZE])
{
    const struct answer *answer = &reply->answer;
    (void)snprintf(ret_text, REPLY_SUMMARY_SIZE,
                   "{\"read_rows\":\"%" PRIu64 "\",\"read_bytes\":\"%" PRIu64
                   "\",\"written_rows\":\"%" PRIu64 "\",\"written_bytes\":\"%" PRIu64
                   "\",\"total_rows_to_read\":\"0\",\"result_rows\":\"%" PRIu64
                   "\",\"result_bytes\":\"%zu\"}",
                   answer->read_rows, answer->read_bytes, answer->written_rows,
                   answer->written_bytes, answer->rows, answer->body.size);
}

void reply_format(const struct reply *reply, char ret_text[REPLY_FORMAT_SIZE])
{
    (void)snprintf(ret_text, REPLY_FORMAT_SIZE, "%.*s", SLICE_ARG(reply->format));
}

static bool begins(struct slice text, const char *prefix)
{
    return text.size >= strlen(prefix) && memcmp(text.data, prefix, strlen(prefix)) == 0;
}

const char *reply_content_type(struct slice format)
{
    if (begins(format, "JSONEachRow") || begins(format, "JSONCompactEachRow") ||
        begins(format, "JSONStringsEachRow") || begins(format, "JSONCompactStringsEachRow"))
        return "application/x-ndjson; charset=UTF-8";
    if (begins(format, "JSON"))
        return "application/json; charset=UTF-8";
    if (begins(format, "TabSeparated") || begins(format, "TSV"))
        return "text/tab-separated-values; charset=UTF-8";
    if (begins(format, "CSV"))
        return "text/csv; charset=UTF-8; header=absent";
    if (begins(format, "Native") || begins(format, "RowBinary") || begins(format, "Parquet") ||
        begins(format, "Arrow"))
        return "application/octet-stream";
    return "text/plain; charset=UTF-8";
}
