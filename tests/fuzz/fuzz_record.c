/* Records. What must hold:
 *
 *   - any bytes are read, or refused with RECORD_INVALID
 *   - decode(encode(x)) = x, for what was read and for identifiers of whatever characters
 *   - jansson reads an encoded record as one object with the same texts
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/assert.h"
#include "schemas/identifier.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/jansson.h"
#include "tests/support/same.h"

static void check_member(const json_t *object, const char *name, struct slice want)
{
    const json_t *member = json_object_get(object, name);
    ASSERT(json_is_string(member));
    ASSERT(
        slice_equal((struct slice){json_string_value(member), json_string_length(member)}, want));
}

static void check_round_trip(const struct record *record)
{
    struct arena arena;
    struct buf out;
    struct record back;
    struct err err;
    arena_init(&arena, FUZZ_ARENA_MAX);
    buf_init(&out, FUZZ_ARENA_MAX);
    record_encode(record, &out);
    ASSERT(!out.overflow);
    ASSERT(record_decode(buf_slice(&out), &arena, &back, &err));
    ASSERT(same_record(record, &back));

    json_error_t error;
    json_t *theirs = jansson_read(buf_slice(&out), &error);
    ASSERT(jansson_agrees(buf_slice(&out), ERR_NONE, theirs, &error));
    if (theirs != NULL) {
        check_member(theirs, "organization_id", record->organization_id);
        check_member(theirs, "transaction_id", record->transaction_id);
        check_member(theirs, "external_customer_id", record->external_customer_id);
        check_member(theirs, "code", record->code);
        ASSERT(json_is_object(json_object_get(theirs, "properties")));
    }
    json_decref(theirs);
    buf_done(&out);
    arena_done(&arena);
}

static void read_bytes(struct slice bytes)
{
    struct arena arena;
    struct record record;
    struct err err = {.code = ERR_NONE};
    arena_init(&arena, FUZZ_ARENA_MAX);
    if (record_decode(bytes, &arena, &record, &err))
        check_round_trip(&record);
    else
        ASSERT(err.code == ERR_RECORD_INVALID);
    arena_done(&arena);
}

/* What the input has for a text. */
static struct slice text_of(struct slice *rest)
{
    struct slice line = fuzz_take(rest, "\n");
    return identifier_check(line, "", NULL) ? line : SLICE("x");
}

static void build(struct slice rest)
{
    struct slice organization = text_of(&rest), transaction = text_of(&rest);
    struct slice customer = text_of(&rest), code = text_of(&rest);
    check_round_trip(&(struct record){
        .organization_id = organization,
        .transaction_id = transaction,
        .external_customer_id = customer,
        .code = code,
        .external_subscription_id = rest.size % 2 ? text_of(&rest) : SLICE(""),
        .value = rest.size % 3 ? SLICE("-0.000000000000000001") : SLICE(""),
        .properties = SLICE("{ \"k\":[1e400] }"),
        .timestamp_ms = (int64_t)rest.size * 86399999, /* 1970 to 2149 */
        .ingested_ms = INT64_C(1795420800000) + (int64_t)rest.size,
        .transactional = rest.size % 5 == 0,
    });
}

void fuzz_record(struct slice input)
{
    read_bytes(input);
    build(input);
}
