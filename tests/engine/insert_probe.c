/* insert_probe URL USER PASSWORD DATABASE TABLE COLUMNS TIMEOUT_MS QUERY_ID [PAUSE_MS…]: one INSERT
 * of the Native block on standard input, as bxb-writer sends it, and another one by the same client
 * after each pause. Prints the verdict of each and, unless it landed, the error's code and text.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/buf.h"
#include "clickhouse/client.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BLOCK_MAX = 64 * 1024 * 1024 };

static void read_all(FILE *in, struct buf *out)
{
    char piece[65536];
    for (size_t n; (n = fread(piece, 1, sizeof piece, in)) > 0;)
        buf_append(out, piece, n);
}

static void insert(struct ch_client *client, char **argv, const char *query_id, struct slice block)
{
    static const char *const names[] = {
        [CH_LANDED] = "landed",
        [CH_NOT_SENT] = "not_sent",
        [CH_UNKNOWN] = "unknown",
        [CH_REFUSED] = "refused",
    };
    const struct ch_insert what = {.table = argv[5],
                                   .columns = argv[6],
                                   .token = "probe-0",
                                   .query_id = query_id,
                                   .block = block,
                                   .timeout_ms = strtol(argv[7], NULL, 10)};
    struct err err;
    enum ch_verdict verdict = ch_insert(client, &what, &err);
    printf("%s\n", names[verdict]);
    if (verdict != CH_LANDED)
        printf("%s\n%s\n", err_code_name(err.code), err.text);
}

int main(int argc, char **argv)
{
    if (argc < 9)
        return 64;
    struct buf block;
    buf_init(&block, BLOCK_MAX);
    read_all(stdin, &block);
    const struct ch_options options = {
        .url = argv[1], .user = argv[2], .password = argv[3], .database = argv[4]};
    struct ch_client *client = ch_new(&options);
    insert(client, argv, argv[8], buf_slice(&block));
    for (int i = 9; i < argc; i++) {
        long pause_ms = strtol(argv[i], NULL, 10);
        const struct timespec pause = {pause_ms / 1000, pause_ms % 1000 * 1000000};
        nanosleep(&pause, NULL);
        insert(client, argv, "", buf_slice(&block));
    }
    ch_free(client);
    buf_done(&block);
    return 0;
}
