/* Texts that records have in common. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/mem.h"
#include "batch/shared.h"
#include "tests/unit/check.h"
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_SIZE = 48, RECORDS = 3 * SHARED_NAMES };

/* Records whose texts have bytes of their own. */
struct fixture {
    struct shared shared;
    struct record records[RECORDS];
    char texts[RECORDS][4][TEXT_SIZE];
};

static struct slice text_of(char *text, const char *before, unsigned number, const char *behind)
{
    snprintf(text, TEXT_SIZE, "%s%u%s", before, number, behind);
    return slice_from(text);
}

static struct record *take(struct fixture *f, size_t at, unsigned customer, unsigned value)
{
    struct record *record = &f->records[at];
    char(*texts)[TEXT_SIZE] = f->texts[at];
    *record = (struct record){
        .organization_id = text_of(texts[0], "1111111", 7, "-1111-4111-8111-111111111111"),
        .external_customer_id = text_of(texts[1], "customer-", customer, ""),
        .code = text_of(texts[2], "code-", 0, ""),
        .value = text_of(texts[3], "", value, ".5"),
    };
    shared_take(&f->shared, record);
    return record;
}

TEST(shared, equal_texts_get_the_bytes_of_the_first)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    const struct record *first = take(f, 0, 1, 1), *same = take(f, 1, 1, 1);
    const struct record *other = take(f, 2, 2, 2);
    CHECK(first->organization_id.data == f->texts[0][0] && first->value.data == f->texts[0][3]);
    CHECK(same->organization_id.data == f->texts[0][0]);
    CHECK(same->external_customer_id.data == f->texts[0][1]);
    CHECK(same->code.data == f->texts[0][2] && same->value.data == f->texts[0][3]);
    CHECK(other->organization_id.data == f->texts[0][0]);
    CHECK(other->external_customer_id.data == f->texts[2][1]);
    CHECK(other->value.data == f->texts[2][3]);
    free(f);
}

TEST(shared, each_text_stays_what_it_is_however_many_there_are)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    for (unsigned i = 0; i < RECORDS; i++) {
        char customer[TEXT_SIZE], value[TEXT_SIZE];
        unsigned number = i % 3 == 0 ? i : i / 5;
        const struct record *record = take(f, i, number, number);
        CHECK(
            slice_equal(record->external_customer_id, text_of(customer, "customer-", number, "")));
        CHECK(slice_equal(record->value, text_of(value, "", number, ".5")));
        CHECK(slice_equal(record->organization_id, f->records[0].organization_id));
        CHECK(slice_equal(record->code, SLICE("code-0")));
    }
    free(f);
}

/* By chance some four fifths do. */
TEST(shared, most_texts_that_differ_by_a_digit_find_a_place)
{
    enum { CUSTOMERS = SHARED_NAMES / 4 };
    struct fixture *f = xcalloc(1, sizeof *f);
    unsigned found = 0;
    for (unsigned i = 0; i < 2 * CUSTOMERS; i++)
        found += take(f, i, 100000 + i % CUSTOMERS, 1)->external_customer_id.data != f->texts[i][1];
    CHECK(found > CUSTOMERS / 2);
    free(f);
}

TEST(shared, values_do_not_drive_out_names)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    for (unsigned i = 0; i < RECORDS; i++)
        CHECK(take(f, i, 1, i)->external_customer_id.data == f->texts[0][1]);
    free(f);
}

TEST(shared, nothing_is_left_after_a_reset)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    take(f, 0, 1, 1);
    shared_reset(&f->shared);
    memset(f->texts[0], 0, sizeof f->texts[0]);
    const struct record *record = take(f, 1, 1, 1);
    CHECK(record->organization_id.data == f->texts[1][0] && record->value.data == f->texts[1][3]);
    free(f);
}

TEST(shared, what_is_not_there_stays_so)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    for (int i = 0; i < 2; i++) {
        struct record record = {.organization_id = SLICE("o"), .code = SLICE("c")};
        shared_take(&f->shared, &record);
        CHECK(record.external_customer_id.size == 0 && record.value.size == 0);
        CHECK(slice_equal(record.organization_id, SLICE("o")));
    }
    free(f);
}
