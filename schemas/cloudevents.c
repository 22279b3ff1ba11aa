/* CloudEvents 1.0 as events. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/cloudevents.h"
#include "schemas/event_metric.h"
#include "schemas/fields.h"
#include "schemas/identifier.h"
#include "schemas/timestamp.h"

#include <strings.h>

static const struct row {
    struct slice name;
    const char *pointer;
} rows[CLOUDEVENTS_LEN] = {
#define ATTRIBUTE(name, text) [CLOUDEVENTS_##name] = {{text, sizeof text - 1}, "/" text},
    CLOUDEVENTS(ATTRIBUTE)
#undef ATTRIBUTE
};

static const char *const data_pointer = "/data";

/* ---- Reading ---- */

void cloudevents_add_header(struct cloudevents_headers *headers, struct slice name,
                            struct slice value)
{
    /* What lies behind it is in the body, and Content-Type says what it is. */
    for (int i = 0; i < CLOUDEVENTS_DATACONTENTTYPE; i++)
        if (rows[i].name.size == name.size &&
            strncasecmp(rows[i].name.data, name.data, name.size) == 0) {
            headers->values[i] = value;
            headers->given |= 1u << i;
            return;
        }
    if (headers->extension.size == 0)
        headers->extension = name;
}

bool cloudevents_is_binary(const struct cloudevents_headers *headers)
{
    return (headers->given &
            (1u << CLOUDEVENTS_SPECVERSION | 1u << CLOUDEVENTS_ID | 1u << CLOUDEVENTS_TYPE)) != 0;
}

static int attribute_of(struct slice name)
{
    int attribute = 0;
    while (attribute < CLOUDEVENTS_LEN && !slice_equal(rows[attribute].name, name))
        attribute++;
    return attribute;
}

static bool keep(struct cloudevents *cloudevent, int attribute, struct scan *scan)
{
    struct scan_value value;
    if (!scan_read(scan, &value))
        return false;
    if (value.kind != SCAN_NULL) {
        cloudevent->values[attribute] = value;
        cloudevent->given |= 1u << attribute;
    }
    return true;
}

static bool read_members(struct cloudevents *cloudevent, struct scan *scan)
{
    enum scan_step step;
    struct slice name;
    while ((step = scan_member(scan, &name)) == SCAN_ITEM) {
        int attribute = attribute_of(name);
        struct scan_value ignored;
        if (attribute < CLOUDEVENTS_LEN ? !keep(cloudevent, attribute, scan)
                                        : !scan_read(scan, &ignored))
            return false;
        if (attribute == CLOUDEVENTS_LEN && cloudevent->extension.size == 0)
            cloudevent->extension = name;
    }
    return step == SCAN_CLOSE;
}

bool cloudevents_read(struct cloudevents *cloudevent, const struct cloudevents_headers *headers,
                      struct scan *scan)
{
    /* Values are written before they count as given. */
    cloudevent->headers = headers;
    cloudevent->given = headers ? headers->given : 0;
    cloudevent->extension = headers ? headers->extension : (struct slice){NULL, 0};
    if (headers == NULL)
        return read_members(cloudevent, scan);
    return scan_at_end(scan) || keep(cloudevent, CLOUDEVENTS_DATA, scan);
}

/* ---- Checking ---- */

/* What goes through all checks. */
struct check {
    const struct cloudevents *cloudevent;
    const struct event_rules *rules;
    struct scan *scan;
    struct err *err;
};

static bool is_given(const struct check *check, int attribute)
{
    return (check->cloudevent->given & 1u << attribute) != 0;
}

/* Memory at its cap, or what the cursor found before. */
static bool scan_failed(const struct check *check)
{
    *check->err = check->scan->err;
    return false;
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Undoes what the HTTP binding does to a value: quotes around it, then %XX. `to` has room for
 * `size` bytes. Returns the size, or -1 where % stands alone. */
static ssize_t decode(const char *from, size_t size, char *to)
{
    size_t used = 0;
    bool quoted = size >= 2 && from[0] == '"' && from[size - 1] == '"';
    size_t end = quoted ? size - 1 : size;
    for (size_t i = quoted; i < end; i++) {
        if (quoted && from[i] == '\\' && i + 1 < end) {
            to[used++] = from[++i];
        } else if (from[i] != '%') {
            to[used++] = from[i];
        } else {
            int high = i + 2 < end ? hex(from[i + 1]) : -1, low = high < 0 ? -1 : hex(from[i + 2]);
            if (low < 0)
                return -1;
            to[used++] = (char)(high * 16 + low);
            i += 2;
        }
    }
    return (ssize_t)used;
}

static bool header_text(const struct check *check, int attribute, struct slice *ret_text)
{
    struct slice raw = check->cloudevent->headers->values[attribute];
    if (memchr(raw.data ? raw.data : "", '%', raw.size) == NULL &&
        (raw.size == 0 || raw.data[0] != '"')) {
        *ret_text = raw;
        return true;
    }
    char *text = arena_alloc(check->scan->arena, raw.size);
    if (text == NULL)
        return err_set(check->err, ERR_BODY_TOO_LARGE,
                       "reading it needs more memory than a request may have");
    ssize_t size = decode(raw.data, raw.size, text);
    if (size < 0)
        return err_set_at(check->err, ERR_FIELD_CHARACTER, rows[attribute].pointer,
                          "the header ce-%s has a %% without two hex digits behind it",
                          rows[attribute].name.data);
    *ret_text = (struct slice){text, (size_t)size};
    return true;
}

/* The text of an attribute that is given. */
static bool read_text(const struct check *check, int attribute, struct slice *ret_text)
{
    const struct scan_value *value = &check->cloudevent->values[attribute];
    if (check->cloudevent->headers != NULL)
        return header_text(check, attribute, ret_text);
    if (value->kind != SCAN_STRING)
        return err_set_at(check->err, ERR_FIELD_TYPE, rows[attribute].pointer, "%s is not a string",
                          rows[attribute].name.data);
    if (!value->valid)
        return err_set_at(check->err, ERR_UTF8_INVALID, rows[attribute].pointer,
                          "the text is not valid Unicode");
    return scan_text(check->scan, value, ret_text) || scan_failed(check);
}

static bool read_required(const struct check *check, int attribute, struct slice *ret_text)
{
    struct slice text;
    if (!is_given(check, attribute))
        return err_set_at(check->err, ERR_FIELD_MISSING, rows[attribute].pointer, "%s is missing",
                          rows[attribute].name.data);
    if (!read_text(check, attribute, &text))
        return false;
    if (text.size == 0)
        return err_set_at(check->err, ERR_FIELD_EMPTY, rows[attribute].pointer, "%s is empty",
                          rows[attribute].name.data);
    *ret_text = text;
    return true;
}

static bool read_identifier(const struct check *check, int attribute, struct slice *ret_text)
{
    struct slice text;
    if (!read_required(check, attribute, &text) ||
        !identifier_check(text, rows[attribute].pointer, check->err))
        return false;
    *ret_text = text;
    return true;
}

/* source|id: no two pairs make the same text, since no source has a |. */
static bool join(const struct check *check, struct slice source, struct slice id,
                 struct slice *ret_text)
{
    if (memchr(source.data, '|', source.size) != NULL)
        return err_set_at(check->err, ERR_FIELD_CHARACTER, "/source",
                          "the source has a |, which no URI has");
    if (!identifier_check(source, "/source", check->err))
        return false;
    char *text = arena_alloc(check->scan->arena, source.size + 1 + id.size);
    if (text == NULL)
        return err_set(check->err, ERR_BODY_TOO_LARGE,
                       "reading it needs more memory than a request may have");
    memcpy(text, source.data, source.size);
    text[source.size] = '|';
    memcpy(text + source.size + 1, id.data, id.size);
    *ret_text = (struct slice){text, source.size + 1 + id.size};
    if (identifier_check(*ret_text, "/id", check->err))
        return true;
    return err_prefix(check->err, "source and id together");
}

static bool read_transaction_id(const struct check *check, struct slice *ret_text)
{
    struct slice id, source;
    if (!read_identifier(check, CLOUDEVENTS_ID, &id) ||
        !read_required(check, CLOUDEVENTS_SOURCE, &source))
        return false;
    if (check->rules->id_includes_source)
        return join(check, source, id, ret_text);
    *ret_text = id;
    return true;
}

static bool read_time(const struct check *check, int64_t *ret_ms)
{
    struct slice text;
    int64_t ms;
    *ret_ms = check->rules->received_ms;
    if (!is_given(check, CLOUDEVENTS_TIME))
        return true;
    if (!read_text(check, CLOUDEVENTS_TIME, &text))
        return false;
    if (!timestamp_parse(text, &ms))
        return err_set_at(check->err, ERR_TIMESTAMP_INVALID, "/time",
                          "it is not RFC 3339, or no date that exists");
    if (!fields_check_window(check->rules, ms, "/time", check->err))
        return false;
    *ret_ms = ms;
    return true;
}

/* application/json and application/…+json, with any parameters. */
static bool is_json(struct slice type)
{
    const char *end = memchr(type.data, ';', type.size);
    size_t size = end ? (size_t)(end - type.data) : type.size;
    while (size > 0 && type.data[size - 1] == ' ')
        size--;
    return (size == 16 && strncasecmp(type.data, "application/json", size) == 0) ||
           (size > 17 && strncasecmp(type.data, "application/", 12) == 0 &&
            strncasecmp(type.data + size - 5, "+json", 5) == 0);
}

/* What describes the event without becoming part of it. */
static bool check_descriptions(const struct check *check)
{
    struct slice version, text;
    if (!read_required(check, CLOUDEVENTS_SPECVERSION, &version))
        return false;
    if (!slice_equal(version, SLICE("1.0")))
        return err_set_at(check->err, ERR_ATTRIBUTE_UNKNOWN, "/specversion",
                          "the specversion must be 1.0");
    if (is_given(check, CLOUDEVENTS_DATASCHEMA) &&
        !read_required(check, CLOUDEVENTS_DATASCHEMA, &text))
        return false;
    if (!is_given(check, CLOUDEVENTS_DATACONTENTTYPE))
        return true;
    if (!read_required(check, CLOUDEVENTS_DATACONTENTTYPE, &text))
        return false;
    return is_json(text) || err_set_at(check->err, ERR_ATTRIBUTE_UNKNOWN, "/datacontenttype",
                                       "the datacontenttype must be application/json");
}

static bool read_data(const struct check *check, struct slice *ret_properties)
{
    const struct scan_value *data = &check->cloudevent->values[CLOUDEVENTS_DATA];
    if (is_given(check, CLOUDEVENTS_DATA_BASE64))
        return err_set_at(check->err, ERR_ATTRIBUTE_UNKNOWN, "/data_base64",
                          "the data must be a JSON object in the member data");
    *ret_properties = SLICE("{}");
    if (!is_given(check, CLOUDEVENTS_DATA))
        return true;
    if (data->kind != SCAN_OBJECT)
        return err_set_at(check->err, ERR_FIELD_TYPE, "/data", "the data is not an object");
    *ret_properties = data->raw;
    return true;
}

/* A CloudEvent has no value of its own: it has one only where its metric names a property. */
static bool apply_metric(const struct check *check, const struct event_metric *metric,
                         struct event *event)
{
    return (!event_metric_has_field(metric) ||
            event_metric_value(metric, check->scan, data_pointer, event, check->err)) &&
           event_metric_check(metric, check->scan, data_pointer, event, check->err);
}

bool cloudevents_check(const struct cloudevents *cloudevent, const struct event_rules *rules,
                       struct scan *scan, struct event *ret_event, struct err *reterr)
{
    struct check check = {cloudevent, rules, scan, reterr};
    struct event event = {.unknown_member = cloudevent->extension, .cloudevent = true};
    const struct event_metric *metric = NULL;
    ret_event->transaction_id = (struct slice){NULL, 0};
    bool named = read_transaction_id(&check, &event.transaction_id);
    if (named)
        ret_event->transaction_id = event.transaction_id;
    if (scan->err.code != ERR_NONE) {
        scan_failed(&check);
        if (cloudevent->headers != NULL && !scan->broken) /* the body is the data */
            err_prefix_pointer(reterr, data_pointer);
        return false;
    }
    if (!named || !check_descriptions(&check) ||
        !read_identifier(&check, CLOUDEVENTS_TYPE, &event.code) ||
        !event_metric_find(rules, rows[CLOUDEVENTS_TYPE].pointer, &event, &metric, reterr) ||
        !read_identifier(&check, CLOUDEVENTS_SUBJECT, &event.external_customer_id) ||
        !read_time(&check, &event.timestamp_ms) || !read_data(&check, &event.properties) ||
        !apply_metric(&check, metric, &event))
        return false;
    *ret_event = event;
    return true;
}
