/* The intent and its JSON. One table per object says which members there are; writing and reading
 * both go by it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/intent.h"
#include "base/assert.h"
#include "schemas/scan.h"
#include "batch/fate.h"
#include <inttypes.h>
#include <stdlib.h>

void intent_name(struct intent *intent)
{
    uint8_t id[16];
    digest_random(id, sizeof id);
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40); /* a random UUID: RFC 9562, version 4 */
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    char hex[2 * sizeof id + 1];
    digest_hex(id, sizeof id, hex);
    snprintf(intent->id, sizeof intent->id, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
             hex + 16, hex + 20);
    for (size_t i = 0; i < intent->blocks_len; i++) {
        struct intent_block *block = &intent->blocks[i];
        snprintf(block->token, sizeof block->token, "bxb-%s-%u", intent->id, block->period);
        block->attempt = 0;
    }
}

void intent_done(struct intent *intent)
{
    mem_freep(&intent->lane);
    mem_freep(&intent->system_identifier);
    mem_freep(&intent->cluster_id);
    mem_freep(&intent->topic);
    mem_freep(&intent->table);
    mem_freep(&intent->table_uuid);
    mem_freep(&intent->partition_key);
    mem_freep(&intent->ranges);
    mem_freep(&intent->blocks);
    fates_done(&intent->fates);
    *intent = (struct intent){0};
}

int64_t intent_records(const struct intent *intent)
{
    int64_t records = 0;
    for (size_t i = 0; i < intent->ranges_len; i++)
        records += intent->ranges[i].records;
    return records;
}

int64_t intent_rows(const struct intent *intent)
{
    int64_t rows = 0;
    for (size_t i = 0; i < intent->blocks_len; i++)
        rows += intent->blocks[i].rows;
    return rows;
}

int64_t intent_tokens(const struct intent *intent)
{
    int64_t tokens = 0;
    for (size_t i = 0; i < intent->blocks_len; i++)
        tokens += (int64_t)intent->blocks[i].attempt + 1;
    return tokens;
}

int64_t intent_count(const struct intent *intent, enum fate_kind kind)
{
    if (kind == FATE_STORED)
        return intent_rows(intent);
    int64_t count = 0;
    for (size_t i = 0; i < intent->fates.len; i++)
        count += intent->fates.list[i].fate.kind == kind;
    return count;
}

int64_t intent_alarming(const struct intent *intent)
{
    int64_t count = 0;
    for (size_t i = 0; i < intent->fates.len; i++)
        count += fate_reason_counts(intent->fates.list[i].fate.reason);
    return count;
}

const struct intent_range *intent_range_of(const struct intent *intent, uint32_t partition)
{
    for (size_t i = 0; i < intent->ranges_len; i++)
        if (intent->ranges[i].partition == partition)
            return &intent->ranges[i];
    return NULL;
}

/* The members */

enum kind {
    KIND_TEXT,   /* char *, owned */
    KIND_CHARS,  /* char[size], terminated */
    KIND_I64,    /* int64_t, not negative */
    KIND_U32,    /* uint32_t */
    KIND_DIGEST, /* uint8_t[DIGEST_SHA256_SIZE] */
    KIND_MODE,   /* enum records_mode, by its name */
};

struct member {
    const char *name;
    enum kind kind;
    size_t offset;
    size_t size; /* KIND_CHARS */
};

#define MEMBER(type, kind, name, field)                                                            \
    {                                                                                              \
        name, kind, offsetof(type, field), sizeof(((type *)NULL)->field)                           \
    }

static const struct member intent_members[] = {
    MEMBER(struct intent, KIND_CHARS, "id", id),
    MEMBER(struct intent, KIND_TEXT, "lane", lane),
    MEMBER(struct intent, KIND_I64, "epoch", epoch),
    MEMBER(struct intent, KIND_I64, "batch_seq", batch_seq),
    MEMBER(struct intent, KIND_TEXT, "system_identifier", system_identifier),
    MEMBER(struct intent, KIND_I64, "timeline", timeline),
    MEMBER(struct intent, KIND_TEXT, "cluster_id", cluster_id),
    MEMBER(struct intent, KIND_TEXT, "topic", topic),
    MEMBER(struct intent, KIND_U32, "incarnation", incarnation),
    MEMBER(struct intent, KIND_TEXT, "table", table),
    MEMBER(struct intent, KIND_TEXT, "table_uuid", table_uuid),
    MEMBER(struct intent, KIND_TEXT, "partition_key", partition_key),
    MEMBER(struct intent, KIND_MODE, "records_mode", records_mode),
    MEMBER(struct intent, KIND_CHARS, "dedup_key", dedup_key),
};

static const struct member range_members[] = {
    MEMBER(struct intent_range, KIND_U32, "partition", partition),
    MEMBER(struct intent_range, KIND_I64, "from", from),
    MEMBER(struct intent_range, KIND_I64, "to", to),
    MEMBER(struct intent_range, KIND_I64, "records", records),
    MEMBER(struct intent_range, KIND_DIGEST, "digest", digest),
    MEMBER(struct intent_range, KIND_DIGEST, "anchor_digest", anchor_digest),
    MEMBER(struct intent_range, KIND_I64, "anchor_timestamp", anchor_timestamp_ms),
};

static const struct member block_members[] = {
    MEMBER(struct intent_block, KIND_U32, "period", period),
    MEMBER(struct intent_block, KIND_I64, "rows", rows),
    MEMBER(struct intent_block, KIND_CHARS, "token", token),
    MEMBER(struct intent_block, KIND_U32, "attempt", attempt),
};

/* The fates of one partition, as they are written. */
struct runs {
    uint32_t partition;
    char *text; /* owned */
};

static const struct member runs_members[] = {
    MEMBER(struct runs, KIND_U32, "partition", partition),
    MEMBER(struct runs, KIND_TEXT, "runs", text),
};

/* Which version of this program made it. */
struct making {
    int64_t version;
    int64_t record_format;
};

static const struct member making_members[] = {
    MEMBER(struct making, KIND_I64, "version", version),
    MEMBER(struct making, KIND_I64, "record_format", record_format),
};

static const struct making our_making = {INTENT_VERSION, INTENT_RECORD_FORMAT};

/* Writing */

static void put_member(struct buf *out, const struct member *member, const void *object)
{
    const void *field = (const char *)object + member->offset;
    char hex[2 * DIGEST_SHA256_SIZE + 1];
    buf_printf(out, "\"%s\":", member->name);
    switch (member->kind) {
    case KIND_TEXT:
        buf_append_json(out, slice_from(*(char *const *)field));
        break;
    case KIND_CHARS:
        buf_append_json(out, slice_from(field));
        break;
    case KIND_I64:
        buf_append_i64(out, *(const int64_t *)field);
        break;
    case KIND_U32:
        buf_append_u64(out, *(const uint32_t *)field);
        break;
    case KIND_MODE:
        buf_append_json(out, slice_from(records_mode_name(*(const enum records_mode *)field)));
        break;
    case KIND_DIGEST:
        digest_hex(field, DIGEST_SHA256_SIZE, hex);
        buf_append_json(out, slice_from(hex));
        break;
    }
    buf_append_char(out, ',');
}

static void put_members(struct buf *out, const struct member members[], size_t members_len,
                        const void *object)
{
    for (size_t i = 0; i < members_len; i++)
        put_member(out, &members[i], object);
}

/* Replaces the comma behind the last member. */
static void close_with(struct buf *out, const char *end)
{
    if (out->size > 0 && out->data[out->size - 1] == ',')
        out->size--;
    buf_append_str(out, end);
}

/* Digits, commas and the codes of reasons: nothing in them is to be escaped. */
static void put_fates(struct buf *out, const struct intent *intent)
{
    const struct fates *fates = &intent->fates;
    for (size_t at = 0, len; at < fates->len; at += len) {
        len = fates_of_partition(fates, at);
        buf_printf(out, "{\"partition\":%" PRIu32 ",\"runs\":\"", fates->list[at].partition);
        fates_encode(fates, at, len, intent->incarnation, out);
        buf_append_str(out, "\"},");
    }
}

void intent_encode(const struct intent *intent, struct buf *out)
{
    buf_append_char(out, '{');
    put_members(out, making_members, ARRAY_LEN(making_members), &our_making);
    put_members(out, intent_members, ARRAY_LEN(intent_members), intent);
    buf_append_str(out, "\"ranges\":[");
    for (size_t i = 0; i < intent->ranges_len; i++) {
        buf_append_char(out, '{');
        put_members(out, range_members, ARRAY_LEN(range_members), &intent->ranges[i]);
        close_with(out, "},");
    }
    close_with(out, "],\"fates\":[");
    put_fates(out, intent);
    close_with(out, "],\"blocks\":[");
    for (size_t i = 0; i < intent->blocks_len; i++) {
        buf_append_char(out, '{');
        put_members(out, block_members, ARRAY_LEN(block_members), &intent->blocks[i]);
        close_with(out, "},");
    }
    close_with(out, "]}");
}

/* Reading: every member of the tables must be there, once; others are skipped. */

/* A non-negative integer. */
static bool read_number(struct slice raw, int64_t *ret_number)
{
    int64_t number = 0;
    for (size_t i = 0; i < raw.size; i++)
        if (raw.data[i] < '0' || raw.data[i] > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, raw.data[i] - '0', &number))
            return false;
    *ret_number = number;
    return raw.size > 0;
}

static bool set_number(const struct member *member, struct slice raw, void *field)
{
    int64_t number;
    if (!read_number(raw, &number) || (member->kind == KIND_U32 && number > UINT32_MAX))
        return false;
    if (member->kind == KIND_U32)
        *(uint32_t *)field = (uint32_t)number;
    else
        *(int64_t *)field = number;
    return true;
}

static bool set_text(const struct member *member, struct slice text, void *field)
{
    if (member->kind == KIND_DIGEST)
        return digest_from_hex(text, field, DIGEST_SHA256_SIZE);
    if (member->kind == KIND_CHARS) {
        if (text.size >= member->size)
            return false;
        memcpy(field, text.data, text.size);
        ((char *)field)[text.size] = '\0';
        return true;
    }
    CLEANUP(mem_freep) char *copy = xstrndup(text.data, text.size);
    if (member->kind == KIND_MODE) {
        enum records_mode mode = records_mode_of(copy);
        *(enum records_mode *)field = mode;
        return mode < RECORDS_MODES;
    }
    mem_freep(field);
    *(char **)field = TAKE(copy);
    return true;
}

static bool set_member(struct scan *scan, const struct member *member, void *object)
{
    void *field = (char *)object + member->offset;
    struct scan_value value;
    struct slice text;
    if (!scan_read(scan, &value))
        return false;
    if (member->kind == KIND_I64 || member->kind == KIND_U32)
        return value.kind == SCAN_NUMBER && set_number(member, value.raw, field);
    return value.kind == SCAN_STRING && scan_text(scan, &value, &text) &&
           set_text(member, text, field);
}

/* Reads the member `name` if it is in the table; *seen gets its bit. */
static bool take_member(struct scan *scan, struct slice name, const struct member members[],
                        size_t members_len, void *object, unsigned *seen, bool *ret_taken)
{
    for (size_t i = 0; i < members_len; i++)
        if (slice_equal(name, slice_from(members[i].name))) {
            *seen |= 1u << i;
            *ret_taken = true;
            return set_member(scan, &members[i], object);
        }
    *ret_taken = false;
    return true;
}

static bool read_object(struct scan *scan, const struct member members[], size_t members_len,
                        void *object)
{
    unsigned seen = 0;
    struct slice name;
    enum scan_step step;
    if (!scan_open(scan, SCAN_OBJECT))
        return false;
    while ((step = scan_member(scan, &name)) == SCAN_ITEM) {
        bool taken;
        struct scan_value skipped;
        if (!take_member(scan, name, members, members_len, object, &seen, &taken) ||
            (!taken && !scan_read(scan, &skipped)))
            return false;
    }
    return step == SCAN_CLOSE && seen == (1u << members_len) - 1;
}

/* The elements of an array, read one by one into *elements (owned by the caller in any case). */
static bool read_array(struct scan *scan, const struct member members[], size_t members_len,
                       void **elements, size_t element_size, size_t *len)
{
    enum scan_kind kind;
    enum scan_step step;
    if (!scan_peek(scan, &kind) || kind != SCAN_ARRAY || !scan_open(scan, SCAN_ARRAY))
        return false;
    while ((step = scan_element(scan)) == SCAN_ITEM) {
        *elements = xrealloc(*elements, (*len + 1) * element_size);
        void *element = (char *)*elements + *len * element_size;
        memset(element, 0, element_size);
        ++*len;
        if (!scan_peek(scan, &kind) || kind != SCAN_OBJECT ||
            !read_object(scan, members, members_len, element))
            return false;
    }
    return step == SCAN_CLOSE;
}

enum list {
    LIST_RANGES = 1,
    LIST_BLOCKS = 2,
    LIST_FATES = 4,
    LIST_ALL = 7,
};

/* What is understood only when all is read. */
struct rest {
    struct making making;
    struct runs *runs; /* owned */
    size_t runs_len;
};

static void rest_done(struct rest *rest)
{
    for (size_t i = 0; i < rest->runs_len; i++)
        mem_freep(&rest->runs[i].text);
    mem_freep(&rest->runs);
}

static bool read_list(struct scan *scan, struct slice name, struct intent *intent,
                      struct rest *rest, unsigned *seen)
{
    struct scan_value skipped;
    if (slice_equal(name, SLICE("ranges"))) {
        *seen |= LIST_RANGES;
        return read_array(scan, range_members, ARRAY_LEN(range_members), (void **)&intent->ranges,
                          sizeof *intent->ranges, &intent->ranges_len);
    }
    if (slice_equal(name, SLICE("blocks"))) {
        *seen |= LIST_BLOCKS;
        return read_array(scan, block_members, ARRAY_LEN(block_members), (void **)&intent->blocks,
                          sizeof *intent->blocks, &intent->blocks_len);
    }
    if (slice_equal(name, SLICE("fates"))) {
        *seen |= LIST_FATES;
        return read_array(scan, runs_members, ARRAY_LEN(runs_members), (void **)&rest->runs,
                          sizeof *rest->runs, &rest->runs_len);
    }
    return scan_read(scan, &skipped);
}

static bool read_intent(struct scan *scan, struct intent *intent, struct rest *rest)
{
    unsigned of_intent = 0, of_making = 0, lists = 0;
    enum scan_kind kind;
    enum scan_step step;
    struct slice name;
    if (!scan_peek(scan, &kind) || kind != SCAN_OBJECT || !scan_open(scan, SCAN_OBJECT))
        return false;
    while ((step = scan_member(scan, &name)) == SCAN_ITEM) {
        bool taken;
        if (!take_member(scan, name, intent_members, ARRAY_LEN(intent_members), intent, &of_intent,
                         &taken) ||
            (!taken && !take_member(scan, name, making_members, ARRAY_LEN(making_members),
                                    &rest->making, &of_making, &taken)) ||
            (!taken && !read_list(scan, name, intent, rest, &lists)))
            return false;
    }
    return step == SCAN_CLOSE && scan_at_end(scan) && scan->err.code == ERR_NONE &&
           of_intent == (1u << ARRAY_LEN(intent_members)) - 1 &&
           of_making == (1u << ARRAY_LEN(making_members)) - 1 && lists == LIST_ALL;
}

static bool decode_fates(struct intent *intent, const struct rest *rest)
{
    for (size_t i = 0; i < rest->runs_len; i++)
        if (!fates_decode(&intent->fates, rest->runs[i].partition, intent->incarnation,
                          slice_from(rest->runs[i].text)))
            return false;
    fates_sort(&intent->fates);
    return true;
}

/* What the rest of the program rests on. */
static bool makes_sense(const struct intent *intent)
{
    for (size_t i = 0; i < intent->ranges_len; i++) {
        const struct intent_range *range = &intent->ranges[i];
        if (range->partition > UINT16_MAX || range->to < range->from || range->records == 0)
            return false;
    }
    for (size_t i = 0; i < intent->blocks_len; i++)
        if (intent->blocks[i].rows == 0)
            return false;
    for (size_t i = 0; i < intent->fates.len; i++) {
        const struct pinned_fate *pinned = &intent->fates.list[i];
        const struct intent_range *range = intent_range_of(intent, pinned->partition);
        if (!range || pinned->offset < range->from || pinned->offset > range->to)
            return false;
    }
    return intent->ranges_len > 0 && strlen(intent->id) == INTENT_ID_SIZE - 1 &&
           intent_records(intent) == intent_rows(intent) + (int64_t)intent->fates.len;
}

static bool made_by_us(const struct making *making)
{
    return making->version == our_making.version &&
           making->record_format == our_making.record_format;
}

bool intent_decode(struct slice json, struct intent *ret_intent, struct err *reterr)
{
    CLEANUP(arena_done) struct arena arena;
    CLEANUP(intent_done) struct intent intent = {0};
    CLEANUP(rest_done) struct rest rest = {.runs_len = 0};
    struct keys keys;
    struct scan scan;
    arena_init(&arena, 4 * (size_t)INTENT_MAX);
    keys_init(&keys, &arena);
    scan_init(&scan, json, &keys, &arena);
    if (!read_intent(&scan, &intent, &rest))
        return err_set(reterr, ERR_INTERNAL, "the intent is damaged near byte %zu of %zu", scan.at,
                       json.size);
    if (!made_by_us(&rest.making))
        return err_set(
            reterr, ERR_SCHEMA_MISMATCH,
            "intent %s was made by another version of bxb-writer; let that one finish it",
            intent.id);
    if (!decode_fates(&intent, &rest) || !makes_sense(&intent))
        return err_set(reterr, ERR_INTERNAL, "the intent %s contradicts itself", intent.id);
    *ret_intent = intent;
    intent = (struct intent){0};
    return true;
}
