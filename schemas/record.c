/* The canonical record: writing it, and reading it back. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/record.h"
#include "schemas/decimal.h"
#include "schemas/event.h"
#include "schemas/identifier.h"
#include "schemas/put.h"
#include "schemas/scan.h"
#include "schemas/timestamp.h"

/* One line per member, in the order of the record. */
#define MEMBERS(MEMBER)                                                                            \
    MEMBER(ORGANIZATION_ID, "organization_id", true)                                               \
    MEMBER(TRANSACTION_ID, "transaction_id", true)                                                 \
    MEMBER(CUSTOMER, "external_customer_id", true)                                                 \
    MEMBER(CODE, "code", true)                                                                     \
    MEMBER(TIMESTAMP, "timestamp", true)                                                           \
    MEMBER(INGESTED_AT, "ingested_at", true)                                                       \
    MEMBER(SUBSCRIPTION, "external_subscription_id", false)                                        \
    MEMBER(VALUE, "value", false)                                                                  \
    MEMBER(TRANSACTIONAL, "transactional", false)                                                  \
    MEMBER(PROPERTIES, "properties", true)

enum member {
#define MEMBER(name, text, required) MEMBER_##name,
    MEMBERS(MEMBER)
#undef MEMBER
        MEMBER_LEN,
};

static const struct row {
    struct slice name;
    struct slice label; /* as record_encode writes it, behind a comma */
    const char *pointer;
    bool required;
} rows[MEMBER_LEN] = {
#define MEMBER(name, text, required)                                                               \
    [MEMBER_##name] = {                                                                            \
        {text, sizeof text - 1}, {",\"" text "\":", sizeof text + 3}, "/" text, required},
    MEMBERS(MEMBER)
#undef MEMBER
};

/* ---- Writing ---- */

/* What a record has at most beside its texts. */
enum {
    LABELS_SIZE = 0
#define MEMBER(name, text, required) +(int)sizeof text + 3
    MEMBERS(MEMBER)
#undef MEMBER
        ,
    FIXED_MAX = LABELS_SIZE + 2 * PUT_TIME_SIZE + (int)sizeof "true}" + PUT_SLACK,
};

size_t record_size_max(const struct record *record)
{
    return FIXED_MAX + put_text_max(record->organization_id) +
           put_text_max(record->transaction_id) + put_text_max(record->external_customer_id) +
           put_text_max(record->code) + put_text_max(record->external_subscription_id) +
           put_text_max(record->value) + record->properties.size;
}

/* The size is known to the compiler wherever the member is: no call is left of it. */
static ALWAYS_INLINE char *put_label(char *to, enum member member)
{
    switch (member) {
#define MEMBER(name, text, required)                                                               \
    case MEMBER_##name:                                                                            \
        return PUT(to, ",\"" text "\":");
        MEMBERS(MEMBER)
#undef MEMBER
    case MEMBER_LEN:
        break;
    }
    return to;
}

size_t record_write(const struct record *record, char *ret_bytes)
{
    char *to = put_label(ret_bytes, MEMBER_ORGANIZATION_ID);
    ret_bytes[0] = '{';
    to = put_text(to, record->organization_id);
    to = put_text(put_label(to, MEMBER_TRANSACTION_ID), record->transaction_id);
    to = put_text(put_label(to, MEMBER_CUSTOMER), record->external_customer_id);
    to = put_text(put_label(to, MEMBER_CODE), record->code);
    to = put_time(put_label(to, MEMBER_TIMESTAMP), record->timestamp_text, record->timestamp_ms);
    to = put_time(put_label(to, MEMBER_INGESTED_AT), record->ingested_text, record->ingested_ms);
    if (record->external_subscription_id.size > 0)
        to = put_text(put_label(to, MEMBER_SUBSCRIPTION), record->external_subscription_id);
    if (record->value.size > 0)
        to = put_text(put_label(to, MEMBER_VALUE), record->value);
    if (record->transactional)
        to = PUT(put_label(to, MEMBER_TRANSACTIONAL), "true");
    to = put_slice(put_label(to, MEMBER_PROPERTIES), record->properties);
    *to++ = '}';
    return (size_t)(to - ret_bytes);
}

void record_encode(const struct record *record, struct buf *out)
{
    char *to = buf_reserve(out, record_size_max(record));
    if (to != NULL)
        out->size += record_write(record, to);
}

/* ---- What the members mean ---- */

struct members {
    struct scan_value values[MEMBER_LEN];
    unsigned given; /* a bit per member; null counts as not given */
};

static bool given(const struct members *members, enum member member)
{
    return (members->given & 1u << member) != 0;
}

static void give(struct members *members, enum member member, const struct scan_value *value)
{
    members->values[member] = *value;
    if (value->kind != SCAN_NULL)
        members->given |= 1u << member;
}

static bool invalid(enum member member, const char *why, struct err *reterr)
{
    return err_set_at(reterr, ERR_RECORD_INVALID, rows[member].pointer, "%s %s",
                      rows[member].name.data, why);
}

/* Every flaw of a record is RECORD_INVALID to those who read it. */
static bool invalid_because(const struct err *why, struct err *reterr)
{
    return err_set_at(reterr, ERR_RECORD_INVALID, why->pointer, "%s: %s", err_code_name(why->code),
                      why->text);
}

static bool read_text(const struct members *members, enum member member, struct scan *scan,
                      struct slice *ret_text, struct err *reterr)
{
    const struct scan_value *value = &members->values[member];
    if (value->kind != SCAN_STRING)
        return invalid(member, "is not a string", reterr);
    return scan_text(scan, value, ret_text) || invalid_because(&scan->err, reterr);
}

static bool read_identifier(const struct members *members, enum member member, struct scan *scan,
                            struct slice *ret_text, struct err *reterr)
{
    struct err why;
    struct slice text;
    if (!given(members, member))
        return true; /* a missing one that is required was noticed before */
    if (!read_text(members, member, scan, &text, reterr))
        return false;
    if (!identifier_check(text, rows[member].pointer, &why))
        return invalid_because(&why, reterr);
    *ret_text = text;
    return true;
}

static bool read_time(const struct members *members, enum member member, struct scan *scan,
                      int64_t *ret_ms, struct err *reterr)
{
    struct slice text;
    int64_t ms;
    if (!read_text(members, member, scan, &text, reterr))
        return false;
    if (!timestamp_parse(text, &ms))
        return invalid(member, "is not a time", reterr);
    if (ms < TIMESTAMP_MIN_MS || ms > TIMESTAMP_MAX_MS)
        return invalid(member, "lies outside of 1970-01-01 to 2149-06-06", reterr);
    *ret_ms = ms;
    return true;
}

static bool read_value(const struct members *members, struct scan *scan, struct slice *ret_value,
                       struct err *reterr)
{
    struct slice text;
    struct decimal decimal;
    char plain[DECIMAL_TEXT_SIZE];
    if (!given(members, MEMBER_VALUE))
        return true;
    if (members->values[MEMBER_VALUE].kind == SCAN_NUMBER)
        text = members->values[MEMBER_VALUE].raw;
    else if (!read_text(members, MEMBER_VALUE, scan, &text, reterr))
        return false;
    if (decimal_is_plain(text, EVENT_WHOLE_DIGITS, EVENT_FRACTION_DIGITS)) {
        *ret_value = text;
        return true;
    }
    if (!decimal_parse(text, &decimal))
        return invalid(MEMBER_VALUE, "is not a decimal number", reterr);
    struct slice value = decimal_format(&decimal, EVENT_WHOLE_DIGITS, EVENT_FRACTION_DIGITS, plain);
    if (value.data == NULL)
        return invalid(MEMBER_VALUE, "has too many digits", reterr);
    if (!slice_equal(value, text)) {
        text = arena_copy(scan->arena, value);
        if (text.data == NULL)
            return invalid(MEMBER_VALUE, "needs more memory than a record may have", reterr);
    }
    *ret_value = text;
    return true;
}

static bool read_transactional(const struct members *members, bool *ret_flag, struct err *reterr)
{
    enum scan_kind kind = members->values[MEMBER_TRANSACTIONAL].kind;
    if (!given(members, MEMBER_TRANSACTIONAL))
        return true;
    if (kind != SCAN_TRUE && kind != SCAN_FALSE)
        return invalid(MEMBER_TRANSACTIONAL, "is neither true nor false", reterr);
    *ret_flag = kind == SCAN_TRUE;
    return true;
}

static bool read_properties(const struct members *members, struct slice *ret_properties,
                            struct err *reterr)
{
    if (members->values[MEMBER_PROPERTIES].kind != SCAN_OBJECT)
        return invalid(MEMBER_PROPERTIES, "is not an object", reterr);
    *ret_properties = members->values[MEMBER_PROPERTIES].raw;
    return true;
}

static bool make_record(const struct members *members, struct scan *scan, struct record *ret_record,
                        struct err *reterr)
{
    struct record record = {.transactional = false};
    for (int member = 0; member < MEMBER_LEN; member++)
        if (rows[member].required && !given(members, (enum member)member))
            return invalid((enum member)member, "is missing", reterr);
    if (!read_identifier(members, MEMBER_ORGANIZATION_ID, scan, &record.organization_id, reterr) ||
        !read_identifier(members, MEMBER_TRANSACTION_ID, scan, &record.transaction_id, reterr) ||
        !read_identifier(members, MEMBER_CUSTOMER, scan, &record.external_customer_id, reterr) ||
        !read_identifier(members, MEMBER_CODE, scan, &record.code, reterr) ||
        !read_time(members, MEMBER_TIMESTAMP, scan, &record.timestamp_ms, reterr) ||
        !read_time(members, MEMBER_INGESTED_AT, scan, &record.ingested_ms, reterr) ||
        !read_identifier(members, MEMBER_SUBSCRIPTION, scan, &record.external_subscription_id,
                         reterr) ||
        !read_value(members, scan, &record.value, reterr) ||
        !read_transactional(members, &record.transactional, reterr) ||
        !read_properties(members, &record.properties, reterr))
        return false;
    *ret_record = record;
    return true;
}

/* ---- Reading ---- */

/* Reads the members where record_encode puts them. False: the record is another's, or wrong. */
static bool read_by_position(struct scan *scan, struct members *members)
{
    struct scan_value value;
    if (scan->bytes.size == 0 || scan->bytes.data[0] != '{' || !scan_open(scan, SCAN_OBJECT))
        return false;
    for (int member = 0; member < MEMBER_LEN; member++) {
        struct slice label = rows[member].label;
        if (member == 0) { /* behind the brace, where the others have a comma */
            label.data++;
            label.size--;
        }
        if (!scan_expect(scan, label)) {
            if (rows[member].required)
                return false;
            continue;
        }
        if (!scan_read(scan, &value))
            return false;
        give(members, (enum member)member, &value);
    }
    return scan_expect(scan, SLICE("}")) && scan->at == scan->bytes.size &&
           scan->err.code == ERR_NONE;
}

/* Reads the members in any order; those that are not known are left out. */
static bool read_by_name(struct scan *scan, struct members *members)
{
    struct scan_value value;
    struct slice name;
    enum scan_kind kind;
    enum scan_step step;
    if (!scan_peek(scan, &kind))
        return false;
    if (kind != SCAN_OBJECT)
        return scan_break(scan, "the record is not an object");
    if (!scan_open(scan, kind))
        return false;
    while ((step = scan_member(scan, &name)) == SCAN_ITEM) {
        if (!scan_read(scan, &value))
            return false;
        for (int member = 0; member < MEMBER_LEN; member++)
            if (slice_equal(name, rows[member].name))
                give(members, (enum member)member, &value);
    }
    if (step == SCAN_CLOSE && !scan_at_end(scan))
        scan_break(scan, "the record ends before offset %zu, but there is more", scan->at);
    return scan->err.code == ERR_NONE;
}

bool record_decode(struct slice bytes, struct arena *arena, struct record *ret_record,
                   struct err *reterr)
{
    struct scan scan;
    struct keys keys;
    struct members members = {.given = 0};
    keys_init(&keys, arena);
    scan_init(&scan, bytes, &keys, arena);
    if (!read_by_position(&scan, &members)) {
        members.given = 0;
        scan_init(&scan, bytes, &keys, arena);
        if (!read_by_name(&scan, &members))
            return invalid_because(&scan.err, reterr);
    }
    return make_record(&members, &scan, ret_record, reterr);
}
