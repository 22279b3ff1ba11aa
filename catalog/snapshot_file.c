/* The snapshot file: a JSON document that outlives the process, for a start without PostgreSQL. It
 * stands in a sealed file (catalog/sealed_file.h):
 *
 *     bxb-catalog 4 SHA256
 *     {"version":7,
 *      "organizations":[{"id":"…","name":"…","unknown_codes":"accept",
 *                        "events_per_second":null,"bytes_per_second":0,"burst_ms":null}],
 *      "keys":[{"organization_id":"…","sha256":"…","scopes":["events:write"],
 *               "expires_ms":null,"revoked":false}],
 *      "metrics":[{"organization_id":"…","code":"…","field_name":null,"transactional":false,
 *                  "schema":{"mode":"warn","version":1,"assert_formats":false,"text":"{…}"}}],
 *      "topic":{"cluster_id":"…","partitions":12}}
 *
 * "topic" is null while nobody has decided how many partitions events go to, "schema" is null where
 * properties are not checked; its text is a string, since numbers in it are decimals that a JSON
 * library would round. A file of another format is not read: format 3 knew no schemas, format 2 no
 * limits and no checksum, format 1 no metrics, and without them events would be taken for what they
 * are not.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/snapshot.h"
#include "base/mem.h"
#include "catalog/sealed_file.h"
#include <jansson.h>
#include <stdlib.h>

static const char kind[] = "bxb-catalog 4"; /* raised with each change of what it must hold */

static const enum catalog_scope all_scopes[] = {
    CATALOG_SCOPE_EVENTS_WRITE,
    CATALOG_SCOPE_EVENTS_READ,
    CATALOG_SCOPE_ADMIN,
};

static void json_freep(json_t **json)
{
    json_decref(*json);
}

static void buf_donep(struct buf *buf)
{
    buf_done(buf);
}

static struct slice text_of(const json_t *object, const char *member)
{
    const json_t *text = json_object_get(object, member);
    return (struct slice){json_string_value(text), json_string_length(text)};
}

static bool read_key(struct catalog_snapshot *snapshot, const json_t *item, struct err *reterr)
{
    const json_t *expires = json_object_get(item, "expires_ms");
    const json_t *revoked = json_object_get(item, "revoked");
    struct snapshot_key key = {
        .expires_ms = json_is_integer(expires) ? json_integer_value(expires) : INT64_MAX,
        .revoked = json_is_true(revoked),
    };
    size_t index;
    const json_t *name;
    json_array_foreach(json_object_get(item, "scopes"), index, name)
    {
        enum catalog_scope scope;
        if (json_is_string(name) &&
            catalog_scope_parse(slice_from(json_string_value(name)), &scope))
            key.scopes |= scope;
    }
    /* A member that is missing must not make a key valid. */
    if (!digest_from_hex(text_of(item, "sha256"), key.sha256, sizeof(key.sha256)) ||
        !json_is_boolean(revoked) || !(json_is_integer(expires) || json_is_null(expires)))
        return err_set(reterr, ERR_IO, "a key in it is incomplete");
    return snapshot_add_key(snapshot, text_of(item, "organization_id"), &key, reterr);
}

/* A limit: a number that is not negative, or null for the default. */
static bool read_limit(const json_t *item, const char *member, int64_t *ret_limit)
{
    const json_t *limit = json_object_get(item, member);
    *ret_limit = json_is_integer(limit) ? json_integer_value(limit) : CATALOG_LIMIT_DEFAULT;
    return json_is_null(limit) || (json_is_integer(limit) && *ret_limit >= 0);
}

static bool read_organization(struct catalog_snapshot *snapshot, const json_t *item,
                              struct err *reterr)
{
    struct slice unknown_codes = text_of(item, "unknown_codes");
    bool known_only = slice_equal(unknown_codes, SLICE("reject"));
    struct catalog_limits limits;
    if ((!known_only && !slice_equal(unknown_codes, SLICE("accept"))) ||
        !read_limit(item, "events_per_second", &limits.events_per_second) ||
        !read_limit(item, "bytes_per_second", &limits.bytes_per_second) ||
        !read_limit(item, "burst_ms", &limits.burst_ms))
        return err_set(reterr, ERR_IO, "an organization in it is incomplete");
    if (!snapshot_add_organization(snapshot, text_of(item, "id"), text_of(item, "name"), known_only,
                                   reterr))
        return false;
    snapshot_limit_organization(snapshot, &limits);
    return true;
}

/* The schema of the metric that was added last: null, or all of it. */
static bool read_schema(struct catalog_snapshot *snapshot, const json_t *schema, struct err *reterr)
{
    const json_t *version = json_object_get(schema, "version");
    const json_t *assert_formats = json_object_get(schema, "assert_formats");
    struct metric_schema_facts facts = {
        .text = text_of(schema, "text"),
        .assert_formats = json_is_true(assert_formats),
        .version = json_integer_value(version),
    };
    if (json_is_null(schema))
        return true;
    if (!json_is_integer(version) || !json_is_boolean(assert_formats) || facts.text.size == 0 ||
        !metric_mode_parse(text_of(schema, "mode"), &facts.mode, reterr))
        return err_set(reterr, ERR_IO, "the schema of a metric in it is incomplete");
    snapshot_schema_metric(snapshot, &facts, NULL);
    return true;
}

static bool read_metric(struct catalog_snapshot *snapshot, const json_t *item, struct err *reterr)
{
    const json_t *field_name = json_object_get(item, "field_name");
    const json_t *transactional = json_object_get(item, "transactional");
    const struct event_metric metric = {
        .field_name = text_of(item, "field_name"),
        .transactional = json_is_true(transactional),
    };
    if (!json_is_boolean(transactional) ||
        !(json_is_string(field_name) || json_is_null(field_name)))
        return err_set(reterr, ERR_IO, "a metric in it is incomplete");
    return snapshot_add_metric(snapshot, text_of(item, "organization_id"), text_of(item, "code"),
                               &metric, reterr) &&
           read_schema(snapshot, json_object_get(item, "schema"), reterr);
}

static bool read_topic(struct catalog_snapshot *snapshot, const json_t *topic, struct err *reterr)
{
    if (!topic || json_is_null(topic))
        return true;
    json_int_t partitions = json_integer_value(json_object_get(topic, "partitions"));
    struct slice cluster_id = text_of(topic, "cluster_id");
    if (partitions < 1 || partitions > UINT16_MAX + 1 || cluster_id.size == 0)
        return err_set(reterr, ERR_IO, "its topic cannot be read");
    return snapshot_set_topic(snapshot, cluster_id, (uint32_t)partitions, reterr);
}

static struct catalog_snapshot *read_document(const json_t *document, struct err *reterr)
{
    if (!json_is_integer(json_object_get(document, "version"))) {
        err_set(reterr, ERR_IO, "it has no version");
        return NULL;
    }
    const json_t *metrics = json_object_get(document, "metrics");
    if (!json_is_array(metrics)) {
        err_set(reterr, ERR_IO, "it has no metrics");
        return NULL;
    }
    int64_t version = json_integer_value(json_object_get(document, "version"));
    CLEANUP(snapshot_releasep) struct catalog_snapshot *snapshot = snapshot_new(version);
    size_t index;
    const json_t *item;
    json_array_foreach(json_object_get(document, "organizations"), index, item)
    {
        if (!read_organization(snapshot, item, reterr))
            return NULL;
    }
    json_array_foreach(json_object_get(document, "keys"), index, item)
    {
        if (!read_key(snapshot, item, reterr))
            return NULL;
    }
    json_array_foreach(metrics, index, item)
    {
        if (!read_metric(snapshot, item, reterr))
            return NULL;
    }
    if (!read_topic(snapshot, json_object_get(document, "topic"), reterr))
        return NULL;
    return snapshot_seal(snapshot, reterr) ? TAKE(snapshot) : NULL;
}

struct catalog_snapshot *snapshot_file_read(const char *path, int64_t *ret_current_wall_ms,
                                            struct err *reterr)
{
    CLEANUP(buf_donep) struct buf text = {.data = NULL};
    if (!sealed_file_read(path, kind, SNAPSHOT_SIZE_MAX, &text, ret_current_wall_ms, reterr))
        return NULL;
    json_error_t why;
    CLEANUP(json_freep)
    json_t *document = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, &why);
    if (!document) {
        err_set(reterr, ERR_IO, "%s: %s", path, why.text);
        return NULL;
    }
    struct catalog_snapshot *snapshot = read_document(document, reterr);
    if (!snapshot)
        err_prefix(reterr, "%s", path);
    return snapshot;
}

/* --- Writing: by hand, since a tree of a hundred thousand keys takes seconds and ten times the
 * memory
 */

static void put_text(struct buf *out, const char *label, struct slice text)
{
    buf_append_str(out, label);
    buf_append_json(out, text);
}

static void put_bool(struct buf *out, const char *label, bool value)
{
    buf_append_str(out, label);
    buf_append_str(out, value ? "true" : "false");
}

/* A number, or null when it is `none`. */
static void put_number(struct buf *out, const char *label, int64_t value, int64_t none)
{
    buf_append_str(out, label);
    if (value == none)
        buf_append_str(out, "null");
    else
        buf_append_i64(out, value);
}

static void put_organization(struct buf *out, const struct catalog_organization *organization)
{
    const struct catalog_limits *limits = &organization->limits;
    put_text(out, "{\"id\":", organization->id);
    put_text(out, ",\"name\":", organization->name);
    put_text(out, ",\"unknown_codes\":",
             organization->known_codes_only ? SLICE("reject") : SLICE("accept"));
    put_number(out, ",\"events_per_second\":", limits->events_per_second, CATALOG_LIMIT_DEFAULT);
    put_number(out, ",\"bytes_per_second\":", limits->bytes_per_second, CATALOG_LIMIT_DEFAULT);
    put_number(out, ",\"burst_ms\":", limits->burst_ms, CATALOG_LIMIT_DEFAULT);
}

static void put_key(struct buf *out, const struct catalog_snapshot *snapshot,
                    const struct snapshot_key *key)
{
    char hex[2 * DIGEST_SHA256_SIZE + 1];
    digest_hex(key->sha256, sizeof(key->sha256), hex);
    put_text(out, "{\"organization_id\":", snapshot->organizations[key->organization].id);
    put_text(out, ",\"sha256\":", slice_from(hex));
    buf_append_str(out, ",\"scopes\":[");
    const char *comma = "";
    for (size_t i = 0; i < ARRAY_LEN(all_scopes); i++) {
        if (!(key->scopes & all_scopes[i]))
            continue;
        put_text(out, comma, slice_from(catalog_scope_name(all_scopes[i])));
        comma = ",";
    }
    buf_append_char(out, ']');
    put_number(out, ",\"expires_ms\":", key->expires_ms, INT64_MAX);
    put_bool(out, ",\"revoked\":", key->revoked);
}

static void put_schema(struct buf *out, const struct snapshot_metric *row)
{
    const struct metric_schema *schema = row->schema;
    if (!schema) {
        buf_append_str(out, ",\"schema\":null");
        return;
    }
    put_text(out, ",\"schema\":{\"mode\":", slice_from(metric_mode_name(row->mode)));
    put_number(out, ",\"version\":", (int64_t)row->schema_version, -1);
    put_bool(out, ",\"assert_formats\":", schema->assert_formats);
    put_text(out, ",\"text\":", schema->text);
    buf_append_char(out, '}');
}

static void put_metric(struct buf *out, const struct catalog_snapshot *snapshot,
                       const struct snapshot_metric *row)
{
    put_text(out, "{\"organization_id\":", snapshot->organizations[row->organization].id);
    put_text(out, ",\"code\":", row->code);
    if (row->metric.field_name.size > 0)
        put_text(out, ",\"field_name\":", row->metric.field_name);
    else
        buf_append_str(out, ",\"field_name\":null");
    put_bool(out, ",\"transactional\":", row->metric.transactional);
    put_schema(out, row);
}

static void put_topic(struct buf *out, const struct catalog_snapshot *snapshot)
{
    if (snapshot->cluster_id.size == 0) {
        buf_append_str(out, "null");
        return;
    }
    put_text(out, "{\"cluster_id\":", snapshot->cluster_id);
    put_number(out, ",\"partitions\":", (int64_t)snapshot->partitions, -1);
    buf_append_char(out, '}');
}

static void put_snapshot(struct buf *out, const struct catalog_snapshot *snapshot)
{
    put_number(out, "{\"version\":", snapshot->version, INT64_MIN);
    buf_append_str(out, ",\"organizations\":[");
    for (size_t i = 0; i < snapshot->organizations_len; i++) {
        put_organization(out, &snapshot->organizations[i]);
        buf_append_str(out, i + 1 < snapshot->organizations_len ? "}," : "}");
    }
    buf_append_str(out, "],\"keys\":[");
    for (size_t i = 0; i < snapshot->keys_len; i++) {
        put_key(out, snapshot, &snapshot->keys[i]);
        buf_append_str(out, i + 1 < snapshot->keys_len ? "}," : "}");
    }
    buf_append_str(out, "],\"metrics\":[");
    for (size_t i = 0; i < snapshot->metrics_len; i++) {
        put_metric(out, snapshot, &snapshot->metrics[i]);
        buf_append_str(out, i + 1 < snapshot->metrics_len ? "}," : "}");
    }
    buf_append_str(out, "],\"topic\":");
    put_topic(out, snapshot);
    buf_append_char(out, '}');
}

bool snapshot_file_write(const char *path, const struct catalog_snapshot *snapshot,
                         struct err *reterr)
{
    CLEANUP(buf_donep) struct buf text;
    buf_init(&text, SNAPSHOT_SIZE_MAX);
    put_snapshot(&text, snapshot);
    if (text.overflow)
        return err_set(reterr, ERR_IO, "%s: the catalog has more than %d bytes", path,
                       SNAPSHOT_SIZE_MAX);
    return sealed_file_write(path, kind, buf_slice(&text), reterr);
}

bool snapshot_file_touch(const char *path)
{
    return sealed_file_touch(path);
}
