/* The intent and its JSON. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/intent.h"
#include "tests/unit/check.h"

static struct intent sample(void)
{
    struct intent intent = {
        .lane = xstrdup("main"),
        .epoch = INT64_MAX,
        .batch_seq = 17,
        .system_identifier = xstrdup("7316584918263548123"),
        .timeline = 3,
        .cluster_id = xstrdup("MkU3OEVBNTcwNTJENDM2Qg"),
        .topic = xstrdup("billing \"events\" \\ \xc3\xa9"),
        .incarnation = 65535,
        .table = xstrdup("default.events_raw"),
        .table_uuid = xstrdup("6f2082f2-b897-43d2-bd1f-56546db66238"),
        .partition_key = xstrdup("toYYYYMM(timestamp)"),
        .records_mode = RECORDS_ALL,
        .dedup_key = "0123456789abcdef",
        .ranges_len = 2,
        .blocks_len = 2,
    };
    intent.ranges = xcalloc(2, sizeof *intent.ranges);
    intent.blocks = xcalloc(2, sizeof *intent.blocks);
    intent.ranges[0] = (struct intent_range){
        .partition = 0, .from = 0, .to = 0, .records = 1, .anchor_timestamp_ms = 1795406566540};
    intent.ranges[1] = (struct intent_range){
        .partition = 65535, .from = 1LL << 40, .to = (1LL << 48) - 1, .records = 12345};
    digest_sha256(SLICE("a"), intent.ranges[0].digest);
    digest_sha256(SLICE("b"), intent.ranges[1].anchor_digest);
    intent.blocks[0] = (struct intent_block){.period = 202610, .rows = 3};
    intent.blocks[1] = (struct intent_block){.period = 202611, .rows = 12338};
    const struct fate duplicate = {.kind = FATE_DUPLICATE,
                                   .first = stored_offset(65535, (1LL << 40) - 9)};
    const struct fate unknown = {.kind = FATE_DUPLICATE, .first = FATE_FIRST_UNKNOWN};
    const struct fate dead = {.kind = FATE_DEAD, .reason = FATE_RECORD_INVALID};
    fates_add(&intent.fates, 65535, (1LL << 40) + 1, &duplicate);
    fates_add(&intent.fates, 65535, (1LL << 40) + 3, &unknown);
    fates_add(&intent.fates, 65535, (1LL << 40) + 4, &unknown);
    fates_add(&intent.fates, 65535, (1LL << 40) + 5, &dead);
    fates_add(&intent.fates, 0, 0, &dead);
    fates_sort(&intent.fates);
    intent_name(&intent);
    return intent;
}

static bool decode(const char *json, struct intent *ret_intent, struct err *reterr)
{
    return intent_decode(slice_from(json), ret_intent, reterr);
}

/* The sample's JSON with the first `from` replaced; owned by the caller. */
static char *changed(const char *from, const char *to)
{
    struct intent intent = sample();
    struct buf out;
    buf_init(&out, INTENT_MAX);
    intent_encode(&intent, &out);
    char *text = xstrdup(buf_text(&out));
    const char *at = strstr(text, from);
    CHECK(at != NULL);
    char *result = xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    mem_freep(&text);
    buf_done(&out);
    intent_done(&intent);
    return result;
}

TEST(intent, comes_back_as_it_was_written)
{
    struct intent was = sample(), is;
    was.blocks[1].attempt = 2;
    struct buf first, second;
    struct err err;
    buf_init(&first, INTENT_MAX);
    buf_init(&second, INTENT_MAX);
    intent_encode(&was, &first);
    CHECK(intent_decode(buf_slice(&first), &is, &err));
    intent_encode(&is, &second);
    CHECK(slice_equal(buf_slice(&first), buf_slice(&second)));
    CHECK(strcmp(is.topic, was.topic) == 0 && is.epoch == was.epoch && is.incarnation == 65535 &&
          is.records_mode == RECORDS_ALL);
    CHECK(is.ranges_len == 2 && memcmp(is.ranges, was.ranges, 2 * sizeof *is.ranges) == 0);
    CHECK(is.blocks_len == 2 && is.blocks[1].attempt == 2 && is.blocks[1].rows == 12338);
    CHECK(strcmp(is.blocks[0].token, was.blocks[0].token) == 0);
    CHECK(is.fates.len == 5 && intent_count(&is, FATE_DUPLICATE) == 3);
    const struct fate *fate = fates_find(&is.fates, 65535, (1LL << 40) + 1);
    CHECK(fate && fate->first == stored_offset(65535, (1LL << 40) - 9));
    intent_done(&was);
    intent_done(&is);
    buf_done(&first);
    buf_done(&second);
}

TEST(intent, survives_what_jsonb_does_to_it)
{
    /* PostgreSQL gives jsonb back in another order and with blanks. */
    struct intent is;
    struct err err;
    char *text = changed("{\"version\":5,", "{ \"timeline\" : 3 , \"version\" : 5, ");
    char *twice = strstr(text, "\"timeline\":3,");
    CHECK(twice != NULL);
    memset(twice, ' ', strlen("\"timeline\":3,"));
    CHECK(decode(text, &is, &err));
    CHECK(is.timeline == 3);
    intent_done(&is);
    mem_freep(&text);
}

TEST(intent, damage_is_seen)
{
    const struct {
        const char *from, *to;
        enum err_code code;
    } rows[] = {
        {"\"version\":5,", "\"version\":1,", ERR_SCHEMA_MISMATCH},
        {"\"record_format\":1", "\"record_format\":9", ERR_SCHEMA_MISMATCH},
        {"\"records_mode\":\"all\"", "\"records_mode\":\"some\"", ERR_INTERNAL},
        {"\"fates\":[", "\"fates\":7,\"x\":[", ERR_INTERNAL},
        {"0,1,record_invalid", "0,2,record_invalid", ERR_INTERNAL}, /* more than records */
        {"0,1,record_invalid", "1,1,record_invalid", ERR_INTERNAL}, /* outside of the range */
        {"0,1,record_invalid", "0,1,no_such_reason", ERR_INTERNAL},
        {"0,1,record_invalid", "0,x,record_invalid", ERR_INTERNAL},
        {"0,1,record_invalid", "0,1", ERR_INTERNAL},
        {"0,1,record_invalid", "0,99999999999,1", ERR_INTERNAL},
        {"0,1,record_invalid", "9223372036854775807,1,1", ERR_INTERNAL},
        {"0,1,record_invalid", "", ERR_INTERNAL},
        {"\"version\":5,", "", ERR_INTERNAL},
        {"\"epoch\":", "\"epok\":", ERR_INTERNAL},
        {"\"lane\":\"main\"", "\"lane\":7", ERR_INTERNAL},
        {"\"ranges\":[", "\"ranges\":7,\"x\":[", ERR_INTERNAL},
        {"\"records\":1,", "\"records\":0,", ERR_INTERNAL},
        {"\"partition\":65535", "\"partition\":65536", ERR_INTERNAL},
        {"\"digest\":\"ca", "\"digest\":\"c", ERR_INTERNAL},
        {"\"period\":202610,\"rows\":3", "\"period\":202610,\"rows\":0", ERR_INTERNAL},
        {"{\"version\"", "[\"version\"", ERR_INTERNAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct intent is = {0};
        struct err err;
        char *text = changed(rows[i].from, rows[i].to);
        CHECK(!decode(text, &is, &err));
        CHECK(err.code == rows[i].code);
        mem_freep(&text);
    }
}

TEST(intent, fates_stand_in_runs)
{
    struct intent intent = sample();
    struct buf out;
    buf_init(&out, INTENT_MAX);
    intent_encode(&intent, &out);
    CHECK(strstr(buf_text(&out), "\"fates\":[{\"partition\":0,\"runs\":\"0,1,record_invalid\"},"
                                 "{\"partition\":65535,\"runs\":\"1099511627777,1,10;1,2,0;"
                                 "0,1,record_invalid\"}]"));
    buf_done(&out);
    intent_done(&intent);
}

TEST(intent, a_million_fates_that_make_no_runs_fit)
{
    struct intent was = sample(), is;
    struct buf out;
    struct err err;
    fates_done(&was.fates);
    for (int64_t i = 0; i < INTENT_RECORDS_MAX; i++) {
        const struct fate fate = {.kind = FATE_DUPLICATE, .first = (uint64_t)(i * i)};
        fates_add(&was.fates, 65535, was.ranges[1].from + 2 * i, &fate);
    }
    was.ranges[1].records = INTENT_RECORDS_MAX + 12340;
    buf_init(&out, INTENT_MAX);
    intent_encode(&was, &out);
    CHECK(!out.overflow);
    CHECK(intent_decode(buf_slice(&out), &is, &err));
    CHECK(is.fates.len == INTENT_RECORDS_MAX);
    CHECK(is.fates.list[999].fate.first == 999 * 999);
    buf_done(&out);
    intent_done(&was);
    intent_done(&is);
}

TEST(intent, names_are_fresh_and_tokens_follow_them)
{
    struct intent a = sample(), b = sample();
    CHECK(strlen(a.id) == INTENT_ID_SIZE - 1 && a.id[14] == '4');
    CHECK(strcmp(a.id, b.id) != 0);
    CHECK(strstr(a.blocks[0].token, a.id) && strstr(a.blocks[0].token, "-202610"));
    CHECK(strcmp(a.blocks[0].token, a.blocks[1].token) != 0);
    intent_done(&a);
    intent_done(&b);
}

TEST(intent, sums_and_ranges)
{
    struct intent intent = sample();
    CHECK(intent_records(&intent) == 12346 && intent_rows(&intent) == 12341);
    CHECK(intent_count(&intent, FATE_STORED) == 12341 && intent_count(&intent, FATE_DEAD) == 2);
    CHECK(intent_alarming(&intent) == 2);
    CHECK(intent_range_of(&intent, 65535) == &intent.ranges[1]);
    CHECK(intent_range_of(&intent, 1) == NULL);
    intent_done(&intent);
}

TEST(intent, stored_offsets_of_incarnations_do_not_meet)
{
    CHECK(stored_offset(0, 7) == 7);
    CHECK(stored_offset(1, 0) == 1ULL << 48);
    CHECK(stored_offset(0, (1LL << 48) - 1) < stored_offset(1, 0));
    CHECK(stored_offset(65535, (1LL << 48) - 1) == UINT64_MAX);
}
