/* Sorting rows by a table's key. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/mem.h"
#include "batch/order.h"
#include "tests/unit/check.h"
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 3000, TEXT_SIZE = 48 };

struct fixture {
    struct row rows[ROWS];
    const struct row *sorted[ROWS];
    char texts[ROWS][4][TEXT_SIZE];
    uint64_t state;
};

static uint32_t some(struct fixture *f, uint32_t below)
{
    f->state = f->state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(f->state >> 33) % below;
}

/* A number of at least that many digits between two texts. */
struct id_form {
    const char *before;
    int digits;
    const char *behind;
};

static struct slice text_of(char *text, struct id_form form, uint32_t number)
{
    snprintf(text, TEXT_SIZE, "%s%0*u%s", form.before, form.digits, number, form.behind);
    return slice_from(text);
}

/* `customers`: how many different ones there are; `id`: how transaction_id is written, with a
 * number below `ids`. */
static struct fixture *make(uint32_t customers, struct id_form id, uint32_t ids)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    f->state = customers + ids;
    for (uint32_t i = 0; i < ROWS; i++) {
        struct row *row = &f->rows[i];
        row->period = 202600 + some(f, 3);
        row->record.organization_id =
            text_of(f->texts[i][0], (struct id_form){"org-", 1, ""}, some(f, 7));
        row->record.external_customer_id =
            text_of(f->texts[i][1], (struct id_form){"", 1, ""}, some(f, customers));
        row->record.transaction_id = text_of(f->texts[i][2], id, some(f, ids));
        row->record.timestamp_ms = INT64_C(1764000000000) + some(f, 200000000);
        row->message.partition = some(f, 4);
        row->message.offset = i;
        f->sorted[i] = row;
    }
    return f;
}

static int text_order(struct slice a, struct slice b)
{
    char left[TEXT_SIZE], right[TEXT_SIZE];
    snprintf(left, sizeof left, "%.*s", SLICE_ARG(a));
    snprintf(right, sizeof right, "%.*s", SLICE_ARG(b));
    return strcmp(left, right);
}

static int number_order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* By organization, customer, day, transaction_id. */
static const struct order by_id = {
    .parts = {{ORDER_TEXT, offsetof(struct record, organization_id), 0},
              {ORDER_TEXT, offsetof(struct record, external_customer_id), 0},
              {ORDER_TIME, offsetof(struct record, timestamp_ms), 86400000},
              {ORDER_TEXT, offsetof(struct record, transaction_id), 0}},
    .len = 4,
};

static int order_by_id(const struct row *a, const struct row *b)
{
    int order = number_order(a->period, b->period);
    if (order == 0)
        order = text_order(a->record.organization_id, b->record.organization_id);
    if (order == 0)
        order = text_order(a->record.external_customer_id, b->record.external_customer_id);
    if (order == 0)
        order = number_order(a->record.timestamp_ms / 86400000, b->record.timestamp_ms / 86400000);
    if (order == 0)
        order = text_order(a->record.transaction_id, b->record.transaction_id);
    if (order == 0)
        order = number_order(a->message.partition, b->message.partition);
    return order ? order : number_order(a->message.offset, b->message.offset);
}

/* By the time in full, the version (latest offset first), the customer. */
static const struct order by_time = {
    .parts = {{ORDER_TIME, offsetof(struct record, timestamp_ms), 1},
              {ORDER_VERSION, 0, 0},
              {ORDER_TEXT, offsetof(struct record, external_customer_id), 0}},
    .len = 3,
};

static int order_by_time(const struct row *a, const struct row *b)
{
    int order = number_order(a->period, b->period);
    if (order == 0)
        order = number_order(a->record.timestamp_ms, b->record.timestamp_ms);
    return order ? order : number_order(b->message.offset, a->message.offset);
}

/* By two times that need more than 64 bits, and what stands in the log. */
static const struct order by_two_times = {
    .parts = {{ORDER_TIME, offsetof(struct record, timestamp_ms), 1},
              {ORDER_TIME, offsetof(struct record, ingested_ms), 1},
              {ORDER_KAFKA_PARTITION, 0, 0},
              {ORDER_TEXT, offsetof(struct record, transaction_id), 0}},
    .len = 4,
};

static int order_by_two_times(const struct row *a, const struct row *b)
{
    int order = number_order(a->period, b->period);
    if (order == 0)
        order = number_order(a->record.timestamp_ms, b->record.timestamp_ms);
    if (order == 0)
        order = number_order(a->record.ingested_ms, b->record.ingested_ms);
    if (order == 0)
        order = number_order(a->message.partition, b->message.partition);
    if (order == 0)
        order = text_order(a->record.transaction_id, b->record.transaction_id);
    return order ? order : number_order(a->message.offset, b->message.offset);
}

static void check_sorted(struct fixture *f, size_t len,
                         int (*order)(const struct row *, const struct row *))
{
    CLEANUP(mem_freep) bool *found = xcalloc(ROWS, sizeof *found);
    for (size_t i = 0; i < len; i++) {
        size_t number = (size_t)(f->sorted[i] - f->rows);
        CHECK(number < len && !found[number]);
        found[number] = true;
        CHECK(i == 0 || order(f->sorted[i - 1], f->sorted[i]) < 0);
    }
}

static void check_orders(uint32_t customers, struct id_form id, uint32_t ids)
{
    static const size_t lens[] = {0, 1, 2, 100, ROWS};
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        struct fixture *f = make(customers, id, ids);
        order_sort(&by_id, f->sorted, lens[i]);
        check_sorted(f, lens[i], order_by_id);
        order_sort(&by_time, f->sorted, lens[i]);
        check_sorted(f, lens[i], order_by_time);
        free(f);
    }
}

TEST(order, few_of_everything)
{
    check_orders(1, (struct id_form){"id", 1, ""}, 1); /* only the log tells them apart */
    check_orders(3, (struct id_form){"id-", 1, ""}, 5);
}

TEST(order, texts_that_are_all_different)
{
    check_orders(1, (struct id_form){"a rather long beginning ", 10, ""}, 1000000000);
    check_orders(1, (struct id_form){"", 1, ""}, 1000000000); /* one can be how another begins */
    check_orders(1000000, (struct id_form){"", 8, "-and-an-end"}, 1000000000);
}

TEST(order, texts_that_differ_behind_what_fits_a_number)
{
    check_orders(2500, (struct id_form){"", 30, ""}, 50);
    check_orders(50, (struct id_form){"", 1, "1000000000000000"}, 2500);
    check_orders(2, (struct id_form){"0", 1, "000000000000000000000"}, 1000000000);
}

TEST(order, texts_of_few_beginnings_that_differ_far_behind)
{
    struct fixture *f = make(2, (struct id_form){"id", 1, ""}, 1);
    for (uint32_t i = 0; i < ROWS; i++) {
        snprintf(f->texts[i][2], TEXT_SIZE, "%u-some-load-%u", some(f, 3), some(f, 1000000));
        f->rows[i].record.transaction_id = slice_from(f->texts[i][2]);
    }
    order_sort(&by_id, f->sorted, ROWS);
    check_sorted(f, ROWS, order_by_id);
    free(f);
}

TEST(order, times_that_differ_behind_what_fits_a_number)
{
    struct fixture *f = make(1, (struct id_form){"id", 1, ""}, 3);
    for (uint32_t i = 0; i < ROWS; i++) {
        f->rows[i].record.timestamp_ms = INT64_C(5000000000000) * some(f, 2);
        f->rows[i].record.ingested_ms = INT64_C(5000000000000) * some(f, 2) + some(f, 9);
    }
    order_sort(&by_two_times, f->sorted, ROWS);
    check_sorted(f, ROWS, order_by_two_times);
    free(f);
}
