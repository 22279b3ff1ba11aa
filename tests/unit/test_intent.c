/* The intent and its JSON. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "writer/intent.h"
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
    intent.blocks[0] = (struct intent_block){.month = 202610, .rows = 3};
    intent.blocks[1] = (struct intent_block){.month = 202611, .rows = 12343};
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
    CHECK(strcmp(is.topic, was.topic) == 0 && is.epoch == was.epoch && is.incarnation == 65535);
    CHECK(is.ranges_len == 2 && memcmp(is.ranges, was.ranges, 2 * sizeof *is.ranges) == 0);
    CHECK(is.blocks_len == 2 && is.blocks[1].attempt == 2 && is.blocks[1].rows == 12343);
    CHECK(strcmp(is.blocks[0].token, was.blocks[0].token) == 0);
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
    char *text = changed("{\"version\":1,", "{ \"timeline\" : 3 , \"version\" : 1, ");
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
        {"\"version\":1,", "\"version\":2,", ERR_SCHEMA_MISMATCH},
        {"\"record_format\":1", "\"record_format\":9", ERR_SCHEMA_MISMATCH},
        {"\"fates\":[]", "\"fates\":[[0,1,\"duplicate\"]]", ERR_SCHEMA_MISMATCH},
        {"\"version\":1,", "", ERR_INTERNAL},
        {"\"epoch\":", "\"epok\":", ERR_INTERNAL},
        {"\"lane\":\"main\"", "\"lane\":7", ERR_INTERNAL},
        {"\"ranges\":[", "\"ranges\":7,\"x\":[", ERR_INTERNAL},
        {"\"records\":1,", "\"records\":0,", ERR_INTERNAL},
        {"\"partition\":65535", "\"partition\":65536", ERR_INTERNAL},
        {"\"digest\":\"ca", "\"digest\":\"c", ERR_INTERNAL},
        {"\"month\":202610,\"rows\":3", "\"month\":202610,\"rows\":0", ERR_INTERNAL},
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
    CHECK(intent_records(&intent) == 12346 && intent_rows(&intent) == 12346);
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
