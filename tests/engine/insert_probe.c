/* insert_probe URL USER PASSWORD TABLE COLUMNS TIMEOUT_MS QUERY_ID: one INSERT of the Native block
 * on standard input, as bxb-writer sends it. Prints the verdict and, unless it landed, the error's
 * code and text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "clickhouse/client.h"
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_MAX = 64 * 1024 * 1024 };

static void read_all(FILE *in, struct buf *out)
{
    char piece[65536];
    for (size_t n; (n = fread(piece, 1, sizeof piece, in)) > 0;)
        buf_append(out, piece, n);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {
        [CH_LANDED] = "landed",
        [CH_NOT_SENT] = "not_sent",
        [CH_UNKNOWN] = "unknown",
        [CH_REFUSED] = "refused",
    };
    if (argc != 8)
        return 64;
    struct buf block;
    buf_init(&block, BLOCK_MAX);
    read_all(stdin, &block);
    const struct ch_options options = {
        .url = argv[1], .user = argv[2], .password = argv[3], .database = "default"};
    struct ch_client *client = ch_new(&options);
    const struct ch_insert insert = {.table = argv[4],
                                     .columns = argv[5],
                                     .token = "probe-0",
                                     .query_id = argv[7],
                                     .block = buf_slice(&block),
                                     .timeout_ms = strtol(argv[6], NULL, 10)};
    struct err err;
    enum ch_verdict verdict = ch_insert(client, &insert, &err);
    printf("%s\n", names[verdict]);
    if (verdict != CH_LANDED)
        printf("%s\n%s\n", err_code_name(err.code), err.text);
    ch_free(client);
    buf_done(&block);
    return 0;
}
