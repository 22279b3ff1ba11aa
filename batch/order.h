/* The order of a block's rows: that of the table's own sorting key, so that ClickHouse need not
 * sort them. Rows that the key does not tell apart stand as in the log: the same records always
 * make the same block.
 *
 * Threads: read-only after order_plan. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_ORDER_H
#define BATCH_ORDER_H
#include "clickhouse/table.h"
#include "batch/row.h"

enum {
    ORDER_PARTS_MAX = 16,
    ORDER_TEXT_SIZE = 80,
};

struct order_part {
    enum order_kind {
        ORDER_TEXT,
        ORDER_TIME,
        ORDER_KAFKA_PARTITION,
        ORDER_KAFKA_OFFSET,
        ORDER_VERSION,
    } kind;
    size_t at;       /* of texts and times: where they are in struct record */
    int64_t unit_ms; /* of times: in steps of this; CH_KEY_MONTHS */
};

struct order {
    struct order_part parts[ORDER_PARTS_MAX];
    size_t len;
    /* The first expression of the key that we do not know; "": we know all. From there on the rows
     * are not sorted by the key, and ClickHouse sorts the block itself. */
    char unknown[ORDER_TEXT_SIZE];
};

void order_plan(const struct ch_table *table, struct order *ret_order);

/* Sorts by ClickHouse's partition, the key, and the log. */
void order_sort(const struct order *order, const struct row *rows[], size_t rows_len);

#endif
