/* The members of an event. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/fields.h"
#include "base/clock.h"
#include "schemas/event_metric.h"
#include "schemas/identifier.h"
#include "schemas/plain.h"
#include "schemas/timestamp.h"

#include <inttypes.h>
#include <strings.h>

static const struct row {
    struct slice name;
    const char *pointer;
} rows[FIELD_LEN] = {
#define FIELD(name, text) [FIELD_##name] = {{text, sizeof text - 1}, "/" text},
    FIELDS(FIELD)
#undef FIELD
};

/* The sizes tell nearly all names apart; where they agree, one comparison of known length is left.
 */
static enum field field_of(struct slice name)
{
#define FIELD(field, text)                                                                         \
    if (name.size == sizeof text - 1 && memcmp(name.data, text, sizeof text - 1) == 0)             \
        return FIELD_##field;
    FIELDS(FIELD)
#undef FIELD
    return FIELD_LEN;
}

void fields_init(struct fields *fields)
{
    /* Values are written before they count as given. */
    fields->given = 0;
    fields->unknown_member = (struct slice){NULL, 0};
}

/* ---- Reading ---- */

static void keep(struct fields *fields, enum field field, struct slice name,
                 const struct scan_value *value)
{
    if (field == FIELD_LEN) {
        if (fields->unknown_member.size == 0)
            fields->unknown_member = name;
    } else if (value->kind != SCAN_NULL) {
        fields->values[field] = *value;
        fields->given |= 1u << field;
    }
}

/* Whether "events" or "event" stands here with the kind that makes the object a wrapper. */
static enum fields_step wraps(struct slice name, enum scan_kind kind)
{
    if (kind == SCAN_ARRAY && slice_equal(name, SLICE("events")))
        return FIELDS_LIST;
    if (kind == SCAN_OBJECT && slice_equal(name, SLICE("event")))
        return FIELDS_ONE;
    return FIELDS_DONE;
}

/* Notes the names of fields that were read, for careful steps to come. */
static void note_fields(struct scan *scan, unsigned seen)
{
    for (int field = 0; field < FIELD_LEN; field++)
        if ((seen & 1u << field) != 0)
            (void)keys_add(scan->keys, scan->levels[scan->depth - 1].object, rows[field].name);
}

/* Reads the members that are plain, from the first on, of the object that was just opened. A field
 * is told from the others by a bit, and its name noted only if more follows that is not plain.
 * False: broken. */
static bool read_plain(struct fields *fields, struct scan *scan, bool wrapper)
{
    struct scan_level *level = &scan->levels[scan->depth - 1];
    struct plain plain = plain_begin(scan);
    unsigned seen = 0;
    while (plain_is_inside(&plain)) {
        struct slice name;
        struct scan_value value;
        const char *at = plain_name(&plain, plain_item(&plain), &name);
        enum field field = at != NULL ? field_of(name) : FIELD_LEN;
        if (at == NULL || (field == FIELD_LEN ? wrapper : (seen & 1u << field) != 0))
            break;
        if (field == FIELD_PROPERTIES && *at == '{') {
            level->name = name;
            scan->at = (size_t)(at - scan->bytes.data);
            scan->first = false;
            seen |= 1u << field;
            if (!scan_read(scan, &value))
                return false;
            plain = plain_begin(scan);
            keep(fields, field, name, &value);
            continue;
        }
        at = plain_scalar(&plain, at, &value);
        if (at == NULL ||
            (field == FIELD_LEN && keys_add(scan->keys, level->object, name) != KEYS_NEW))
            break;
        level->name = name;
        seen |= field == FIELD_LEN ? 0 : 1u << field;
        keep(fields, field, name, &value);
        plain.at = at;
        plain.first = false;
    }
    plain_end(scan, &plain);
    if (scan->at >= scan->bytes.size || scan->bytes.data[scan->at] != '}')
        note_fields(scan, seen);
    return true;
}

enum fields_step fields_read(struct fields *fields, struct scan *scan, bool wrapper)
{
    enum scan_step step;
    struct slice name;
    if (scan->first && !read_plain(fields, scan, wrapper))
        return FIELDS_BROKEN;
    while ((step = scan_member(scan, &name)) == SCAN_ITEM) {
        enum field field = field_of(name);
        struct scan_value value;
        enum scan_kind kind;
        if (wrapper && field == FIELD_LEN) {
            if (!scan_peek(scan, &kind))
                return FIELDS_BROKEN;
            enum fields_step found = wraps(name, kind);
            if (found != FIELDS_DONE && !fields_given_code(fields))
                return found;
            if (found != FIELDS_DONE)
                scan_flaw(scan, ERR_FIELD_CONFLICT, FIELDS_CONFLICT_TEXT);
        }
        if (!scan_read(scan, &value))
            return FIELDS_BROKEN;
        keep(fields, field, name, &value);
    }
    return step == SCAN_CLOSE ? FIELDS_DONE : FIELDS_BROKEN;
}

/* ---- Checking ---- */

/* What goes through all checks. */
struct check {
    const struct fields *fields;
    const struct event_rules *rules;
    struct scan *scan;
    struct err *err;
};

static bool wrong_type(const struct check *check, enum field field, const char *wanted)
{
    static const char *const kinds[] = {
        [SCAN_OBJECT] = "an object", [SCAN_ARRAY] = "an array", [SCAN_STRING] = "a string",
        [SCAN_NUMBER] = "a number",  [SCAN_TRUE] = "true",      [SCAN_FALSE] = "false",
        [SCAN_NULL] = "null",
    };
    return err_set_at(check->err, ERR_FIELD_TYPE, rows[field].pointer, "%s is %s; send %s",
                      rows[field].name.data, kinds[check->fields->values[field].kind], wanted);
}

/* Memory at its cap: the break is handed on as it is. */
static bool scan_failed(const struct check *check)
{
    *check->err = check->scan->err;
    return false;
}

static RARE bool read_odd_identifier(const struct check *check, enum field field,
                                     struct slice *ret_text)
{
    const struct scan_value *value = &check->fields->values[field];
    struct slice text;
    if (value->kind != SCAN_STRING)
        return wrong_type(check, field, "a string");
    if (!value->valid)
        return err_set_at(check->err, ERR_UTF8_INVALID, rows[field].pointer,
                          "the text is not valid Unicode");
    /* Too long even if every character is a pair of escapes: not worth a copy. */
    if (value->raw.size > 12 * IDENTIFIER_LEN_MAX)
        return err_set_at(check->err, ERR_FIELD_TOO_LONG, rows[field].pointer,
                          "the text has more than %d characters", IDENTIFIER_LEN_MAX);
    if (!scan_text(check->scan, value, &text))
        return scan_failed(check);
    if (!identifier_check(text, rows[field].pointer, check->err))
        return false;
    *ret_text = text;
    return true;
}

static inline bool read_identifier(const struct check *check, enum field field,
                                   struct slice *ret_text)
{
    const struct scan_value *value = &check->fields->values[field];
    if (value->printable
            ? value->raw.size > 0 && value->raw.size <= IDENTIFIER_LEN_MAX
            : value->kind == SCAN_STRING && !value->escaped && identifier_is_plain(value->raw)) {
        *ret_text = value->raw;
        return true;
    }
    return read_odd_identifier(check, field, ret_text);
}

/* A field that has two names; both may be given when they say the same. */
static bool read_either(const struct check *check, enum field field, enum field alias,
                        struct slice *ret_text)
{
    bool first = fields_given(check->fields, field), second = fields_given(check->fields, alias);
    struct slice text, other;
    if (!first && !second)
        return err_set_at(check->err, ERR_FIELD_MISSING, rows[field].pointer, "%s is missing",
                          rows[field].name.data);
    if (!read_identifier(check, first ? field : alias, &text))
        return false;
    if (first && second) {
        if (!read_identifier(check, alias, &other))
            return false;
        if (!slice_equal(text, other))
            return err_set_at(check->err, ERR_FIELD_CONFLICT, rows[alias].pointer,
                              "%s and %s are two names of one field and differ",
                              rows[field].name.data, rows[alias].name.data);
    }
    *ret_text = text;
    return true;
}

static bool read_transaction_id(const struct check *check, bool header, struct slice *ret_text)
{
    struct slice key = check->rules->idempotency_key;
    if (!header || key.size == 0 || fields_given(check->fields, FIELD_TRANSACTION_ID) ||
        fields_given(check->fields, FIELD_IDEMPOTENCY_KEY))
        return read_either(check, FIELD_TRANSACTION_ID, FIELD_IDEMPOTENCY_KEY, ret_text);
    if (!identifier_check(key, rows[FIELD_TRANSACTION_ID].pointer, check->err))
        return err_prefix(check->err, "the header Idempotency-Key");
    *ret_text = key;
    return true;
}

static bool read_customer(const struct check *check, struct event *event)
{
    bool customer = fields_given(check->fields, FIELD_CUSTOMER);
    bool subscription = fields_given(check->fields, FIELD_SUBSCRIPTION);
    if (!customer && !subscription)
        return err_set_at(check->err, ERR_FIELD_MISSING, rows[FIELD_CUSTOMER].pointer,
                          "external_customer_id and external_subscription_id are both missing; "
                          "send one of them");
    if (customer && !read_identifier(check, FIELD_CUSTOMER, &event->external_customer_id))
        return false;
    if (subscription &&
        !read_identifier(check, FIELD_SUBSCRIPTION, &event->external_subscription_id))
        return false;
    if (!customer)
        event->external_customer_id = event->external_subscription_id;
    return true;
}

/* The text of a field that may be a number or a string with a number in it. */
static bool read_numeric(const struct check *check, enum field field, struct slice *ret_text)
{
    const struct scan_value *value = &check->fields->values[field];
    bool plain = value->kind == SCAN_STRING && value->valid && !value->escaped;
    if (plain || value->kind == SCAN_NUMBER) {
        *ret_text = value->raw;
        return true;
    }
    if (value->kind != SCAN_STRING)
        return wrong_type(check, field, "a string or a number");
    return scan_text(check->scan, value, ret_text) || scan_failed(check);
}

enum { TIME_TEXT_SIZE = 40 };

static const char *time_text(int64_t ms, char text[TIME_TEXT_SIZE])
{
    const int64_t year_0 = INT64_C(-62167219200000), year_10000 = INT64_C(253402300800000);
    if (ms >= year_0 && ms < year_10000)
        clock_format(ms, text);
    else
        snprintf(text, TIME_TEXT_SIZE, "millisecond %" PRId64, ms);
    return text;
}

bool fields_check_window(const struct event_rules *rules, int64_t ms, const char *pointer,
                         struct err *reterr)
{
    char sent[TIME_TEXT_SIZE], limit[TIME_TEXT_SIZE];
    int64_t oldest = TIMESTAMP_MIN_MS, newest = TIMESTAMP_MAX_MS;
    if (rules->max_age_ms < rules->received_ms - oldest)
        oldest = rules->received_ms - rules->max_age_ms;
    if (rules->max_future_ms < newest - rules->received_ms)
        newest = rules->received_ms + rules->max_future_ms;
    if (ms < oldest)
        return err_set_at(reterr, ERR_TIMESTAMP_TOO_OLD, pointer,
                          "%s is before %s, the oldest that is taken now", time_text(ms, sent),
                          time_text(oldest, limit));
    if (ms > newest)
        return err_set_at(reterr, ERR_TIMESTAMP_IN_FUTURE, pointer,
                          "%s is after %s, the latest that is taken now (numbers are seconds, from "
                          "10^11 on milliseconds)",
                          time_text(ms, sent), time_text(newest, limit));
    return true;
}

static bool read_timestamp(const struct check *check, struct event *event)
{
    struct slice text;
    if (!fields_given(check->fields, FIELD_TIMESTAMP) && check->rules->timestamp_optional) {
        event->timestamp_ms = check->rules->received_ms;
        return true;
    }
    if (!fields_given(check->fields, FIELD_TIMESTAMP))
        return err_set_at(check->err, ERR_FIELD_MISSING, "/timestamp", "timestamp is missing");
    if (!read_numeric(check, FIELD_TIMESTAMP, &text))
        return false;
    if (timestamp_parse_canonical(text, &event->timestamp_ms))
        event->timestamp_text = text;
    else if (!timestamp_parse(text, &event->timestamp_ms))
        return err_set_at(check->err, ERR_TIMESTAMP_INVALID, "/timestamp",
                          "it is neither RFC 3339 nor a Unix time, or no date that exists");
    return fields_check_window(check->rules, event->timestamp_ms, "/timestamp", check->err);
}

bool fields_plain_value(struct slice text, const struct decimal *decimal, const char *pointer,
                        struct arena *arena, struct slice *ret_value, struct err *reterr)
{
    char plain[DECIMAL_TEXT_SIZE];
    struct slice value = decimal_format(decimal, EVENT_WHOLE_DIGITS, EVENT_FRACTION_DIGITS, plain);
    if (value.data == NULL)
        return err_set_at(reterr, ERR_VALUE_OUT_OF_RANGE, pointer,
                          "it has more than %d digits before or %d behind the point",
                          EVENT_WHOLE_DIGITS, EVENT_FRACTION_DIGITS);
    if (!slice_equal(value, text)) {
        text = arena_copy(arena, value);
        if (text.data == NULL)
            return err_set(reterr, ERR_BODY_TOO_LARGE,
                           "reading it needs more memory than a request may have");
    }
    *ret_value = text;
    return true;
}

/* The value that the event gives itself. */
static bool read_own_value(const struct check *check, struct slice *ret_value)
{
    struct slice text;
    struct decimal decimal;
    if (!fields_given(check->fields, FIELD_VALUE))
        return true;
    if (!read_numeric(check, FIELD_VALUE, &text))
        return false;
    if (decimal_is_plain(text, EVENT_WHOLE_DIGITS, EVENT_FRACTION_DIGITS)) {
        *ret_value = text;
        return true;
    }
    if (!decimal_parse(text, &decimal))
        return err_set_at(check->err, ERR_VALUE_INVALID, "/value",
                          "the text is not a decimal number as in -12.50");
    return fields_plain_value(text, &decimal, "/value", check->scan->arena, ret_value, check->err);
}

static const char properties_pointer[] = "/properties";

/* The value is read late: which one counts depends on the metric and the properties. */
static bool read_value(const struct check *check, const struct event_metric *metric,
                       struct event *event)
{
    if (!event_metric_has_field(metric))
        return read_own_value(check, &event->value);
    event->value_ignored = fields_given(check->fields, FIELD_VALUE);
    return event_metric_value(metric, check->scan, properties_pointer, event, check->err);
}

/* The code, and what is known about it: NULL when nothing is. */
static bool read_code(const struct check *check, struct event *event,
                      const struct event_metric **ret_metric)
{
    enum field given = fields_given(check->fields, FIELD_CODE) ? FIELD_CODE : FIELD_EVENT_NAME;
    return read_either(check, FIELD_CODE, FIELD_EVENT_NAME, &event->code) &&
           event_metric_find(check->rules, rows[given].pointer, event, ret_metric, check->err);
}

static bool read_properties(const struct check *check, struct slice *ret_properties)
{
    *ret_properties = SLICE("{}");
    if (!fields_given(check->fields, FIELD_PROPERTIES))
        return true;
    if (check->fields->values[FIELD_PROPERTIES].kind != SCAN_OBJECT)
        return wrong_type(check, FIELD_PROPERTIES, "an object");
    *ret_properties = check->fields->values[FIELD_PROPERTIES].raw;
    return true;
}

/* UUIDs are the same in both cases. */
static bool same_organization(struct slice a, struct slice b)
{
    return a.size == b.size && strncasecmp(a.data, b.data, a.size) == 0;
}

static bool check_organization(const struct check *check)
{
    const struct scan_value *value = &check->fields->values[FIELD_ORGANIZATION_ID];
    struct slice text;
    if (!fields_given(check->fields, FIELD_ORGANIZATION_ID))
        return true;
    if (value->kind != SCAN_STRING)
        return wrong_type(check, FIELD_ORGANIZATION_ID, "a string, or leave it out");
    if (!scan_text(check->scan, value, &text))
        return scan_failed(check);
    if (same_organization(text, check->rules->organization_id))
        return true;
    return err_set_at(check->err, ERR_ORGANIZATION_MISMATCH, rows[FIELD_ORGANIZATION_ID].pointer,
                      "organization_id is not the organization of the API key");
}

void fields_check_organization(const struct fields *fields, const struct event_rules *rules,
                               struct scan *scan)
{
    struct err err;
    if (!check_organization(&(struct check){fields, rules, scan, &err}))
        scan->err = err;
}

bool fields_check(const struct fields *fields, const struct event_rules *rules, bool header,
                  struct scan *scan, struct event *ret_event, struct err *reterr)
{
    struct check check = {fields, rules, scan, reterr};
    struct event event = {.unknown_member = fields->unknown_member};
    const struct event_metric *metric = NULL;
    ret_event->transaction_id = (struct slice){NULL, 0};
    bool named = read_transaction_id(&check, header, &event.transaction_id);
    if (named)
        ret_event->transaction_id = event.transaction_id;
    if (scan->err.code != ERR_NONE)
        return scan_failed(&check);
    if (!named || !check_organization(&check) || !read_code(&check, &event, &metric) ||
        !read_customer(&check, &event) || !read_timestamp(&check, &event) ||
        !read_properties(&check, &event.properties) || !read_value(&check, metric, &event) ||
        !event_metric_check(metric, scan, properties_pointer, &event, reterr))
        return false;
    *ret_event = event;
    return true;
}
