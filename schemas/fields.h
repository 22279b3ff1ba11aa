/* The members of an event: finding them among others, and checking each.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_FIELDS_H
#define SCHEMAS_FIELDS_H
#include "base/err.h"
#include "schemas/decimal.h"
#include "schemas/event.h"
#include "schemas/scan.h"
#include <stdbool.h>

/* One line per member that an event may have, aliases too; the usual ones first. */
#define FIELDS(FIELD)                                                                              \
    FIELD(TRANSACTION_ID, "transaction_id")                                                        \
    FIELD(CUSTOMER, "external_customer_id")                                                        \
    FIELD(CODE, "code")                                                                            \
    FIELD(TIMESTAMP, "timestamp")                                                                  \
    FIELD(PROPERTIES, "properties")                                                                \
    FIELD(VALUE, "value")                                                                          \
    FIELD(SUBSCRIPTION, "external_subscription_id")                                                \
    FIELD(EVENT_NAME, "event_name")                                                                \
    FIELD(IDEMPOTENCY_KEY, "idempotency_key")                                                      \
    FIELD(ORGANIZATION_ID, "organization_id")

enum field {
#define FIELD(name, text) FIELD_##name,
    FIELDS(FIELD)
#undef FIELD
        FIELD_LEN,
};

#define FIELDS_CONFLICT_TEXT                                                                       \
    "the object has a code of its own and holds other events; send it as an event or around "      \
    "events"

/* What stood in one object. */
struct fields {
    struct scan_value values[FIELD_LEN]; /* those that are given */
    unsigned given;                      /* a bit per field; null counts as not given */
    struct slice unknown_member;         /* the first one; size 0: none */
};

enum fields_step {
    FIELDS_DONE,   /* the object is read and left */
    FIELDS_LIST,   /* only with wrapper: the cursor stands before the array of "events" */
    FIELDS_ONE,    /* only with wrapper: the cursor stands before the object of "event" */
    FIELDS_BROKEN, /* see scan->err */
};

void fields_init(struct fields *fields);

/* Reads members of the object that is open, up to its end. With `wrapper` the object may be one
 * around events: see schemas/event.c for the rule. Called again it goes on behind the value it
 * stopped at. */
enum fields_step fields_read(struct fields *fields, struct scan *scan, bool wrapper);

static inline bool fields_given(const struct fields *fields, enum field field)
{
    return (fields->given & 1u << field) != 0;
}

/* Whether it has what makes an object an event. */
static inline bool fields_given_code(const struct fields *fields)
{
    return fields_given(fields, FIELD_CODE) || fields_given(fields, FIELD_EVENT_NAME);
}

/* Makes the event of them, or says what is wrong with the first field that is. With `header` the
 * rules' idempotency_key serves an event that has none. ret_event->transaction_id is written in any
 * case, size 0 when it cannot be read. */
bool fields_check(const struct fields *fields, const struct event_rules *rules, bool header,
                  struct scan *scan, struct event *ret_event, struct err *reterr) MUST_CHECK;

/* Checks that a time lies in the window of the rules; `pointer` names its place.
 * Errors: TIMESTAMP_TOO_OLD, TIMESTAMP_IN_FUTURE. */
bool fields_check_window(const struct event_rules *rules, int64_t ms, const char *pointer,
                         struct err *reterr) MUST_CHECK;

/* A number that decimal_parse read from `text`, as plain text: `text` itself where it is that
 * already, or a copy. Errors: VALUE_OUT_OF_RANGE at `pointer`, BODY_TOO_LARGE (memory at its cap).
 */
bool fields_plain_value(struct slice text, const struct decimal *decimal, const char *pointer,
                        struct arena *arena, struct slice *ret_value,
                        struct err *reterr) MUST_CHECK;

/* Checks that organization_id, when given, is the caller's; scan->err says when it is not. Not to
 * be called when there is something wrong already. */
void fields_check_organization(const struct fields *fields, const struct event_rules *rules,
                               struct scan *scan);

#endif
