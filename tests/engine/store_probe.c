/* store_probe URL TABLE RECORDS: looks at a table as bxb-writer does, stores so many records in it,
 * and reads each block back. There is no broker and no PostgreSQL.
 *
 * Prints a line each: "refused TEXT", or "unknown EXPRESSION" of the sorting key, "risk TEXT",
 * "block PERIOD ROWS" with "landed", "none" or "wrong" behind it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "clickhouse/client.h"
#include "batch/batch.h"
#include "writer/read_back.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    WINDOW = 1000,
    TIMEOUT_MS = 20000,
    HOUR_MS = 3600000,
    RECORD_MAX = 4096,
    RISKS_MAX = 65536,
};

static const int64_t begin_ms = 1793000000000; /* 2026-10-26, so that a month ends soon */

static void fail(const char *what, const struct err *err)
{
    printf("%s %s\n", what, err->text);
    exit(0);
}

/* The records come in no order that a key could want. */
static struct slice record_of(unsigned number, struct arena *arena)
{
    static const char *const organizations[] = {"33333333-3333-4333-8333-333333333333",
                                                "11111111-1111-4111-8111-111111111111",
                                                "22222222-2222-4222-8222-222222222222"};
    static const char *const values[] = {"0", "-1.5", "99999999999.000000000000000001", "",
                                         "12.340"};
    char id[32], customer[32];
    snprintf(id, sizeof id, "t-%u", number);
    snprintf(customer, sizeof customer, "c-%u", number * 7 % 13);
    const struct record record = {
        .organization_id = slice_from(organizations[number % 3]),
        .transaction_id = slice_from(id),
        .external_customer_id = slice_from(customer),
        .code = number % 2 ? SLICE("storage") : SLICE("calls"),
        .value = slice_from(values[number % ARRAY_LEN(values)]),
        .properties = SLICE("{}"),
        .timestamp_ms = begin_ms + (int64_t)(number * 31 % 240) * HOUR_MS + number,
        .ingested_ms = begin_ms + 1000,
    };
    struct buf out;
    buf_init(&out, RECORD_MAX);
    record_encode(&record, &out);
    struct slice text = arena_copy(arena, buf_slice(&out));
    buf_done(&out);
    return text;
}

static void store(struct ch_client *client, const struct ch_table *table,
                  const struct columns *columns, const struct batch *batch, size_t index)
{
    static const char *const words[] = {[READ_BACK_NONE] = "none",
                                        [READ_BACK_LANDED] = "landed",
                                        [READ_BACK_UNKNOWN] = "unknown",
                                        [READ_BACK_WRONG] = "wrong"};
    const struct intent_block *block = &batch->intent.blocks[index];
    const struct ch_insert insert = {.table = table->name,
                                     .columns = columns->list,
                                     .token = block->token,
                                     .query_id = block->token,
                                     .block = buf_slice(&batch->blocks[index]),
                                     .timeout_ms = TIMEOUT_MS};
    struct err err;
    if (ch_insert(client, &insert, &err) != CH_LANDED)
        printf("insert %s\n", err.text);
    enum read_back result =
        read_back(client, table->name, ch_table_replaces(table), &batch->intent, index, &err);
    printf("block %u %lld %s\n", block->period, (long long)block->rows, words[result]);
}

static void print_risks(struct slice rest)
{
    while (rest.size > 0) {
        size_t size = (size_t)((const char *)memchr(rest.data, '\n', rest.size) - rest.data);
        printf("risk %.*s\n", (int)size, rest.data);
        rest = (struct slice){rest.data + size + 1, rest.size - size - 1};
    }
}

int main(int argc, char **argv)
{
    struct ch_table table;
    struct columns columns;
    struct arena arena;
    struct buf risks;
    struct batch batch;
    const struct seen_key key = {.id = 0};
    struct err err;
    size_t wanted_len;
    const struct ch_wanted *wanted = columns_wanted(&wanted_len);
    if (argc != 4)
        return 64;
    const struct ch_options options = {
        .url = argv[1], .user = "default", .password = "", .database = "default"};
    struct ch_client *client = ch_new(&options);
    if (!ch_table_read(client, "default", argv[2], &table, &err) ||
        !ch_table_check(&table, wanted, wanted_len, WINDOW, &err) ||
        !columns_plan(&table, &columns, &err))
        fail("refused", &err);
    if (columns.order.unknown[0] != '\0')
        printf("unknown %s\n", columns.order.unknown);
    buf_init(&risks, RISKS_MAX);
    ch_table_risks(&table, wanted, wanted_len, &risks);
    print_risks(buf_slice(&risks));

    arena_init(&arena, (size_t)1 << 30);
    batch_init(&batch, 1, &columns, &key);
    unsigned records = (unsigned)strtoul(argv[3], NULL, 10);
    for (unsigned i = 0; i < records; i++) {
        const struct consumer_message message = {.offset = i, .value = record_of(i, &arena)};
        batch_add(&batch, &message);
    }
    if (records > 0) {
        batch.intent.partition_key = xstrdup(table.partition_key);
        if (!batch_seal(&batch, (const int64_t[]){-1}, 0, RECORDS_NONE, &err))
            fail("sealing", &err);
        intent_name(&batch.intent);
        for (size_t i = 0; i < batch.intent.blocks_len; i++)
            store(client, &table, &columns, &batch, i);
    }
    batch_done(&batch);
    arena_done(&arena);
    buf_done(&risks);
    ch_table_done(&table);
    ch_free(client);
    return 0;
}
