/* Gathering records and sealing them into blocks. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/batch.h"
#include "tests/unit/check.h"

#define ORG_A "11111111-1111-4111-8111-111111111111"
#define ORG_B "22222222-2222-4222-8222-222222222222"

static const int64_t november_ms = 1793491200000; /* 2026-11-01T00:00:00Z */
static const int64_t no_hwm[] = {-1, -1, -1};

static const char ours[] = "organization_id, code, external_customer_id, toDate(timestamp),"
                           " timestamp, transaction_id";

/* A table with what tells rows apart, and a value of that type. */
static struct columns table_like(const char *partition_key, const char *sorting_key,
                                 const char *value_type)
{
    struct ch_column columns[] = {
        {.name = (char *)"transaction_id", .type_text = (char *)"String"},
        {.name = (char *)"kafka_offset", .type_text = (char *)"UInt64"},
        {.name = (char *)"organization_id", .type_text = (char *)"LowCardinality(String)"},
        {.name = (char *)"external_customer_id", .type_text = (char *)"String"},
        {.name = (char *)"code", .type_text = (char *)"String"},
        {.name = (char *)"timestamp", .type_text = (char *)"DateTime64(3, 'UTC')"},
        {.name = (char *)"decimal_value", .type_text = (char *)value_type},
    };
    struct ch_table table = {.partition_key = (char *)partition_key,
                             .sorting_key = (char *)sorting_key,
                             .columns = columns,
                             .columns_len = ARRAY_LEN(columns) - (value_type == NULL)};
    struct columns result;
    struct err err;
    CHECK(columns_plan(&table, &result, &err));
    return result;
}

static struct columns table_cut_by(const char *partition_key, const char *value_type)
{
    return table_like(partition_key, ours, value_type);
}

static struct columns table_with(const char *value_type)
{
    return table_cut_by("toYYYYMM(timestamp)", value_type);
}

static const struct seen_key key = {.id = 1};

static struct columns offsets_only(void)
{
    return table_with(NULL);
}

struct event {
    uint32_t partition;
    int64_t offset;
    const char *organization, *transaction, *code;
    int64_t at_ms;
};

/* The values of added records live as long as a test. */
static struct arena values;

static void add(struct batch *batch, const struct event *event)
{
    const struct record record = {.organization_id = slice_from(event->organization),
                                  .transaction_id = slice_from(event->transaction),
                                  .external_customer_id = SLICE("customer"),
                                  .code = slice_from(event->code),
                                  .value = SLICE("1.5"),
                                  .properties = SLICE("{}"),
                                  .transactional = strcmp(event->code, "credits") == 0,
                                  .timestamp_ms = event->at_ms,
                                  .ingested_ms = event->at_ms};
    struct buf out;
    buf_init(&out, 4096);
    record_encode(&record, &out);
    if (values.max == 0)
        arena_init(&values, 1 << 20);
    const struct consumer_message message = {.partition = event->partition,
                                             .offset = event->offset,
                                             .timestamp_ms = 1000 + event->offset,
                                             .value = arena_copy(&values, buf_slice(&out)),
                                             .sequence = (uint64_t)event->offset};
    buf_done(&out);
    batch_add(batch, &message);
}

static void add_all(struct batch *batch, const struct event events[], size_t len)
{
    for (size_t i = 0; i < len; i++)
        add(batch, &events[i]);
}

/* The transaction ids of a block of offsets_only(), joined: they are one letter each. */
static void letters(const struct buf *block, size_t rows, char *ret_text)
{
    /* the column's name and its type, then the texts */
    static const char head[] = "transaction_id\6String";
    const char *at = memmem(block->data, block->size, head, strlen(head));
    CHECK(at != NULL);
    for (size_t i = 0; i < rows; i++)
        ret_text[i] = at[strlen(head) + 2 * i + 1];
    ret_text[rows] = '\0';
}

TEST(batch, makes_a_sorted_block_per_month)
{
    const struct event events[] = {
        {2, 10, ORG_B, "a", "k", november_ms + 5}, {0, 70, ORG_A, "b", "k", november_ms - 1},
        {2, 11, ORG_A, "c", "k", november_ms + 9}, {0, 71, ORG_A, "d", "k", november_ms + 8},
        {2, 12, ORG_A, "e", "j", november_ms + 9}, {0, 72, ORG_A, "f", "k", november_ms - 2},
    };
    struct columns columns = offsets_only();
    struct batch batch;
    struct err err;
    char text[8];
    batch_init(&batch, 3, &columns, &key);
    add_all(&batch, events, ARRAY_LEN(events));
    const int64_t hwm[] = {59, -1, 9};
    CHECK(batch_seal(&batch, hwm, 0, RECORDS_MARKED, &err));

    const struct intent *intent = &batch.intent;
    CHECK(intent->blocks_len == 2);
    CHECK(intent->blocks[0].period == 202610 && intent->blocks[0].rows == 2);
    CHECK(intent->blocks[1].period == 202611 && intent->blocks[1].rows == 4);
    letters(&batch.blocks[0], 2, text);
    CHECK(strcmp(text, "fb") == 0); /* by time */
    letters(&batch.blocks[1], 4, text);
    CHECK(strcmp(text, "edca") == 0); /* by organization, code, time */

    /* A range begins where the ledger stands, not where the first record is. */
    CHECK(intent->ranges_len == 2);
    CHECK(intent->ranges[0].partition == 0 && intent->ranges[0].from == 60 &&
          intent->ranges[0].to == 72 && intent->ranges[0].records == 3);
    CHECK(intent->ranges[1].partition == 2 && intent->ranges[1].from == 10 &&
          intent->ranges[1].to == 12 && intent->ranges[1].records == 3);
    CHECK(intent->ranges[0].anchor_timestamp_ms == 1072);
    CHECK(batch.oldest_ms == 1010);
    CHECK(batch.usage.entries_len == 4);
    batch_done(&batch);
}

TEST(batch, blocks_follow_the_partition_key)
{
    const int64_t day_ms = 86400000;
    const struct event events[] = {
        {0, 1, ORG_B, "a", "k", november_ms + day_ms},
        {0, 2, ORG_B, "b", "k", november_ms - 1},
        {0, 3, ORG_A, "c", "k", november_ms + 2 * day_ms - 1},
        {0, 4, ORG_A, "d", "k", november_ms},
    };
    const struct {
        const char *key;
        size_t blocks;
        uint32_t first, last;
        const char *texts; /* of the last block */
    } rows[] = {
        {"toYYYYMM(timestamp)", 2, 202610, 202611, "dca"},
        {"toDate(timestamp)", 3, 20261031, 20261102, "ca"},
        {"toYYYYMMDD(timestamp)", 3, 20261031, 20261102, "ca"},
        {"", 1, 0, 0, "dcba"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct columns columns = table_cut_by(rows[i].key, NULL);
        struct batch batch;
        struct err err;
        char text[8];
        batch_init(&batch, 1, &columns, &key);
        add_all(&batch, events, ARRAY_LEN(events));
        CHECK(batch_seal(&batch, no_hwm, 0, RECORDS_MARKED, &err));
        const struct intent *intent = &batch.intent;
        CHECK(intent->blocks_len == rows[i].blocks);
        CHECK(intent->blocks[0].period == rows[i].first);
        CHECK(intent->blocks[rows[i].blocks - 1].period == rows[i].last);
        letters(&batch.blocks[rows[i].blocks - 1], strlen(rows[i].texts), text);
        CHECK(strcmp(text, rows[i].texts) == 0);
        batch_done(&batch);
    }
}

TEST(batch, rows_follow_the_sorting_key_as_far_as_it_is_known)
{
    const int64_t hour_ms = 3600000;
    const struct event events[] = {
        {0, 1, ORG_B, "a", "k", november_ms + 2 * hour_ms},
        {0, 2, ORG_A, "b", "k", november_ms + hour_ms + 7},
        {0, 3, ORG_B, "c", "j", november_ms + hour_ms + 5},
        {0, 4, ORG_A, "d", "k", november_ms + hour_ms + 6},
    };
    static const struct {
        const char *key, *unknown, *texts;
    } rows[] = {
        {ours, "", "dbca"},
        {"", "", "abcd"},
        {"transaction_id", "", "abcd"},
        {"timestamp, organization_id", "", "cdba"},
        {"toStartOfHour(timestamp), organization_id", "", "bdca"},
        {"toYYYYMM(timestamp), code", "", "cabd"},
        {"code, cityHash64(organization_id), timestamp", "cityHash64(organization_id)", "cabd"},
        {"toHour(timestamp), code", "toHour(timestamp)", "abcd"},
        {"decimal_value", "decimal_value", "abcd"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct columns columns = table_like("toYYYYMM(timestamp)", rows[i].key, NULL);
        struct batch batch;
        struct err err;
        char text[8];
        batch_init(&batch, 1, &columns, &key);
        add_all(&batch, events, ARRAY_LEN(events));
        CHECK(batch_seal(&batch, no_hwm, 0, RECORDS_MARKED, &err));
        letters(&batch.blocks[0], 4, text);
        CHECK(strcmp(text, rows[i].texts) == 0);
        CHECK(strcmp(columns.order.unknown, rows[i].unknown) == 0);
        batch_done(&batch);
    }
}

TEST(batch, same_records_make_the_same_bytes_in_any_order_of_partitions)
{
    const struct event events[] = {
        {0, 1, ORG_A, "x", "k", november_ms},
        {1, 1, ORG_A, "x", "k", november_ms},
        {0, 2, ORG_A, "y", "k", november_ms},
        {1, 2, ORG_B, "z", "k", november_ms},
    };
    const size_t orders[][4] = {{0, 1, 2, 3}, {1, 3, 0, 2}, {0, 2, 1, 3}, {1, 0, 3, 2}};
    struct columns columns = offsets_only();
    struct batch first = {0};
    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        struct batch batch;
        struct err err;
        batch_init(&batch, 2, &columns, &key);
        for (size_t j = 0; j < 4; j++)
            add(&batch, &events[orders[i][j]]);
        CHECK(batch_seal(&batch, no_hwm, 0, RECORDS_MARKED, &err));
        if (i == 0) {
            first = batch;
            continue;
        }
        CHECK(slice_equal(buf_slice(&first.blocks[0]), buf_slice(&batch.blocks[0])));
        CHECK(memcmp(first.intent.ranges, batch.intent.ranges, 2 * sizeof *batch.intent.ranges) ==
              0);
        batch_done(&batch);
    }
    batch_done(&first);
}

TEST(batch, rows_share_the_bytes_of_texts_while_it_is_gathered)
{
    const struct event events[] = {{0, 1, ORG_A, "a", "k", november_ms},
                                   {0, 2, ORG_A, "b", "k", november_ms}};
    struct columns columns = offsets_only();
    struct batch batch;
    batch_init(&batch, 1, &columns, &key);
    add(&batch, &events[0]);
    const char *first = batch.rows[0].record.organization_id.data;
    add(&batch, &events[1]);
    CHECK(batch.rows[1].record.organization_id.data == first);
    batch_reset(&batch);
    add(&batch, &events[1]);
    CHECK(batch.rows[0].record.organization_id.data != first);
    batch_done(&batch);
}

TEST(batch, digest_sees_values_offsets_and_boundaries)
{
    const struct {
        int64_t offset;
        const char *a, *b;
    } rows[] = {{5, "ab", "c"}, {5, "a", "bc"}, {6, "ab", "c"}, {5, "ab", "d"}};
    uint8_t digests[ARRAY_LEN(rows)][DIGEST_SHA256_SIZE];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct digest digest;
        digest_init(&digest);
        range_digest(&digest, rows[i].offset, slice_from(rows[i].a));
        range_digest(&digest, rows[i].offset + 1, slice_from(rows[i].b));
        digest_end(&digest, digests[i]);
        for (size_t j = 0; j < i; j++)
            CHECK(!digest_equal(digests[i], digests[j], DIGEST_SHA256_SIZE));
    }
}

TEST(batch, is_full_by_rows_and_by_bytes)
{
    struct columns columns = offsets_only();
    struct batch batch;
    batch_init(&batch, 1, &columns, &key);
    const struct event event = {0, 0, ORG_A, "x", "k", november_ms};
    CHECK(!batch_full(&batch, &(struct batch_limits){1, 1}));
    add(&batch, &event);
    CHECK(batch_full(&batch, &(struct batch_limits){1, 1 << 20}));
    CHECK(batch_full(&batch, &(struct batch_limits){10, batch.bytes}));
    CHECK(!batch_full(&batch, &(struct batch_limits){2, batch.bytes + 1}));
    batch_done(&batch);
}

TEST(batch, is_full_before_it_has_too_many_months)
{
    struct columns columns = offsets_only();
    struct batch batch;
    struct err err;
    batch_init(&batch, 1, &columns, &key);
    const struct batch_limits limits = {1 << 20, 1 << 30};
    int64_t taken = 0;
    for (; !batch_full(&batch, &limits); taken++) {
        const struct event event = {0, taken, ORG_A, "x", "k", taken * 31 * 86400000LL};
        add(&batch, &event);
    }
    CHECK(batch_seal(&batch, no_hwm, 0, RECORDS_MARKED, &err));
    CHECK(batch.intent.blocks_len == INTENT_BLOCKS_MAX && taken >= INTENT_BLOCKS_MAX);
    batch_done(&batch);
}

TEST(batch, what_cannot_be_read_is_a_dead_letter_among_the_others)
{
    const struct event events[] = {
        {1, 41, ORG_A, "x", "k", november_ms},
        {1, 43, "not-a-uuid", "x", "k", november_ms},
        {1, 44, ORG_A, "y", "k", november_ms},
        {1, 45, "AAAAAAAA-1111-4111-8111-111111111111", "x", "k", november_ms},
        {1, 46, ORG_A, "x", "k", 65536LL * 86400000},
        {1, 47, ORG_A, "x", "k", -1},
    };
    const struct consumer_message garbage = {
        .partition = 1, .offset = 42, .timestamp_ms = 7, .key = SLICE(ORG_B), .value = SLICE("{]")};
    struct columns columns = offsets_only();
    struct batch batch;
    struct err err;
    batch_init(&batch, 2, &columns, &key);
    add(&batch, &events[0]);
    batch_add(&batch, &garbage);
    add_all(&batch, events + 1, ARRAY_LEN(events) - 1);
    CHECK(batch_seal(&batch, no_hwm, 0, RECORDS_MARKED, &err));

    const struct intent *intent = &batch.intent;
    CHECK(intent->ranges_len == 1 && intent->ranges[0].records == 7 && intent->ranges[0].to == 47);
    CHECK(intent_rows(intent) == 2 && intent_count(intent, FATE_DEAD) == 5);
    CHECK(intent_alarming(intent) == 5 && intent_count(intent, FATE_DUPLICATE) == 0);
    CHECK(batch.usage.entries_len == 1 && batch.usage.entries[0].events == 2);
    CHECK(!fates_find(&intent->fates, 1, 41) && !fates_find(&intent->fates, 1, 44));

    CHECK(batch.dead.len == 5);
    const struct dead_letter *letter = &batch.dead.list[0];
    CHECK(letter->partition == 1 && letter->offset == 42 && letter->timestamp_ms == 7);
    CHECK(letter->reason == FATE_RECORD_INVALID && letter->detail.size > 0);
    CHECK(slice_equal(letter->value, SLICE("{]")) && letter->value.data != garbage.value.data);
    CHECK(slice_equal(letter->organization_id, SLICE(ORG_B))); /* by its key */
    CHECK(batch.dead.list[1].organization_id.size == 0);
    batch_done(&batch);
}

TEST(batch, a_value_that_the_table_cannot_keep_is_a_dead_letter)
{
    const struct event event = {0, 0, ORG_A, "x", "k", november_ms}; /* of value 1.5 */
    const struct {
        const char *type;
        bool stored;
    } rows[] = {
        {"Decimal(38, 18)", true},   {"Nullable(Decimal(38, 26))", true},
        {"Decimal(4, 1)", true},     {"Nullable(String)", true},
        {"Nullable(Float64)", true}, {"Decimal(9, 9)", false},
        {"Decimal(4, 0)", false},    {"UInt64", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct columns columns = table_with(rows[i].type);
        struct batch batch;
        struct err err;
        batch_init(&batch, 1, &columns, &key);
        add(&batch, &event);
        CHECK(batch_seal(&batch, no_hwm, 0, RECORDS_MARKED, &err));
        CHECK(intent_rows(&batch.intent) == rows[i].stored);
        if (!rows[i].stored) {
            CHECK(batch.dead.list[0].reason == FATE_VALUE_UNSTORABLE);
            CHECK(strstr(batch.dead.list[0].detail.data, "column decimal_value"));
            CHECK(slice_equal(batch.dead.list[0].organization_id, SLICE(ORG_A)));
        }
        batch_done(&batch);
    }
}

/* What a run before pinned: 11 and 12 are duplicates, 13 a dead letter. */
static void pin_some(struct fates *fates)
{
    const struct fate duplicate = {.kind = FATE_DUPLICATE, .first = 3};
    const struct fate dead = {.kind = FATE_DEAD, .reason = FATE_DUPLICATE_CONFLICT};
    fates_add(fates, 0, 13, &dead);
    fates_add(fates, 0, 11, &duplicate);
    fates_add(fates, 0, 12, &duplicate);
    fates_sort(fates);
}

TEST(batch, that_is_built_again_gives_each_record_its_pinned_fate)
{
    const struct event events[] = {
        {0, 10, ORG_A, "a", "k", november_ms},     {0, 11, ORG_A, "b", "k", november_ms},
        {0, 12, "no-uuid", "c", "k", november_ms}, {0, 13, ORG_A, "d", "k", november_ms},
        {0, 14, ORG_A, "e", "k", november_ms},
    };
    struct columns columns = offsets_only();
    struct fates pinned = {0};
    struct batch batch;
    struct err err;
    char text[8];
    pin_some(&pinned);
    batch_init(&batch, 1, &columns, &key);
    add_all(&batch, events, ARRAY_LEN(events));
    CHECK(batch_pin(&batch, &pinned, &err) && batch_seal(&batch, no_hwm, 0, RECORDS_MARKED, &err));
    CHECK(intent_rows(&batch.intent) == 2 && batch.intent.blocks_len == 1);
    letters(&batch.blocks[0], 2, text);
    CHECK(strcmp(text, "ae") == 0);
    CHECK(intent_count(&batch.intent, FATE_DUPLICATE) == 2);
    CHECK(batch.dead.len == 1 && batch.dead.list[0].offset == 13);
    CHECK(batch.dead.list[0].reason == FATE_DUPLICATE_CONFLICT);
    CHECK(intent_alarming(&batch.intent) == 0);
    CHECK(batch.usage.entries_len == 1 && batch.usage.entries[0].events == 2);
    batch_done(&batch);
    fates_done(&pinned);
}

TEST(batch, that_is_built_again_stops_at_what_can_no_longer_be_stored)
{
    const struct event good = {0, 10, ORG_A, "a", "k", november_ms};
    const struct event bad = {0, 11, "no-uuid", "b", "k", november_ms};
    struct columns columns = offsets_only();
    struct fates pinned = {0};
    struct batch batch;
    struct err err;
    batch_init(&batch, 1, &columns, &key);
    add(&batch, &good);
    add(&batch, &bad);
    CHECK(!batch_pin(&batch, &pinned, &err) && err.code == ERR_RECORD_INVALID);
    CHECK(strstr(err.text, "offset 11"));

    pin_some(&pinned); /* of which 12 and 13 are not among the rows */
    CHECK(!batch_pin(&batch, &pinned, &err) && err.code == ERR_LOG_CHANGED);
    batch_done(&batch);
    fates_done(&pinned);
}

TEST(batch, keeps_the_records_that_the_mode_wants)
{
    const struct event plain = {0, 1, ORG_A, "a", "k", november_ms};
    const struct event marked = {0, 2, ORG_A, "b", "credits", november_ms};
    const struct {
        enum records_mode mode;
        const char *transactions;
    } rows[] = {{RECORDS_NONE, NULL}, {RECORDS_MARKED, "{\"b\""}, {RECORDS_ALL, "{\"b\",\"a\""}};
    struct columns columns = offsets_only();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct batch batch;
        struct err err;
        batch_init(&batch, 1, &columns, &key);
        add(&batch, &plain);
        add(&batch, &marked);
        CHECK(batch_seal(&batch, no_hwm, 0, rows[i].mode, &err));
        CHECK(batch.intent.records_mode == rows[i].mode);
        CHECK(batch.records.chunks_len == (rows[i].transactions != NULL));
        CHECK(!rows[i].transactions ||
              strcmp(buf_text(&batch.records.chunks[0].arrays[1]), rows[i].transactions) == 0);
        batch_reset(&batch);
        CHECK(batch.records.chunks_len == 0);
        batch_done(&batch);
    }
}

TEST(batch, of_nothing_but_duplicates_has_no_blocks)
{
    const struct event events[] = {{0, 11, ORG_A, "b", "k", november_ms},
                                   {0, 12, ORG_A, "c", "k", november_ms},
                                   {0, 13, ORG_A, "d", "k", november_ms}};
    struct columns columns = offsets_only();
    struct fates pinned = {0};
    struct batch batch;
    struct err err;
    pin_some(&pinned);
    batch_init(&batch, 1, &columns, &key);
    add_all(&batch, events, ARRAY_LEN(events));
    CHECK(batch_pin(&batch, &pinned, &err) && batch_seal(&batch, no_hwm, 0, RECORDS_MARKED, &err));
    CHECK(batch.intent.blocks_len == 0 && batch.intent.fates.len == 3);
    CHECK(batch.intent.ranges_len == 1 && batch.intent.ranges[0].to == 13);
    CHECK(batch.usage.entries_len == 0);
    batch_done(&batch);
    fates_done(&pinned);
}

TEST(batch, is_as_new_after_a_reset)
{
    struct columns columns = offsets_only();
    struct batch batch;
    struct err err;
    batch_init(&batch, 1, &columns, &key);
    for (int64_t round = 0; round < 3; round++) {
        const struct event event = {0, round, ORG_A, "x", "k", november_ms};
        const int64_t hwm[] = {round - 1};
        add(&batch, &event);
        CHECK(batch_seal(&batch, hwm, 0, RECORDS_MARKED, &err));
        CHECK(batch.intent.ranges_len == 1 && batch.intent.ranges[0].from == round);
        CHECK(batch.intent.blocks_len == 1 && batch.intent.blocks[0].rows == 1);
        batch_reset(&batch);
        CHECK(batch.rows_len == 0 && batch.bytes == 0 && batch.oldest_ms == 0);
    }
    batch_done(&batch);
}
