/* API keys, as the operator makes, imports, revokes and lists them.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/api_key.h"
#include "base/digest.h"
#include "base/units.h"
#include "schemas/timestamp.h"

enum {
    SECRET_SIZE = 32,
    SHOWN_DIGITS = 8, /* of 64: enough to tell keys apart, 224 bits stay secret */
    PREFIX_SIZE = 9 + SHOWN_DIGITS + 1,
    SCOPES_SIZE_MAX = 256,
    NUMBER_SIZE = 24,
};

static const int64_t expiry_max_ms = INT64_C(3650) * 24 * 3600 * 1000;

bool api_key_parse_expiry(const char *text, int64_t now_ms, int64_t *ret_ms, struct err *reterr)
{
    int64_t duration_ms, expires_ms;
    if (units_parse_duration(text, &duration_ms))
        expires_ms = duration_ms > expiry_max_ms ? INT64_MAX : now_ms + duration_ms;
    else if (strlen(text) < 10 || text[4] != '-' || /* Unix seconds, or days? neither */
             !timestamp_parse(slice_from(text), &expires_ms))
        return err_set(reterr, ERR_USAGE,
                       "a key ends after a duration, as in 90d, or at a date or time, as in "
                       "2027-03-31 or 2027-03-31T12:00:00Z, not '%s'",
                       text);
    if (expires_ms < now_ms + 1000)
        return err_set(reterr, ERR_USAGE, "'%s' has passed: a key must end in the future", text);
    if (expires_ms - now_ms > expiry_max_ms)
        return err_set(reterr, ERR_USAGE, "'%s' is more than ten years ahead: leave it out", text);
    *ret_ms = expires_ms;
    return true;
}

static bool insert(struct pg *pg, const struct api_key_plan *plan,
                   const uint8_t sha256[DIGEST_SHA256_SIZE], const char *prefix,
                   char ret_id[UUID_TEXT_SIZE], struct err *reterr)
{
    CLEANUP(buf_done) struct buf scopes;
    buf_init(&scopes, SCOPES_SIZE_MAX);
    uint32_t bits = plan->scopes ? plan->scopes : CATALOG_SCOPE_EVENTS_WRITE;
    pg_array_begin(&scopes);
    for (uint32_t bit = 1; bit != 0; bit <<= 1)
        if (bits & bit)
            pg_array_add(&scopes, slice_from(catalog_scope_name((enum catalog_scope)bit)));
    pg_array_end(&scopes);

    char id[UUID_TEXT_SIZE], hex[2 * DIGEST_SHA256_SIZE + 1], expires_ms[NUMBER_SIZE];
    uuid_new(id);
    digest_hex(sha256, DIGEST_SHA256_SIZE, hex);
    snprintf(expires_ms, sizeof(expires_ms), "%lld", (long long)plan->expires_ms);
    const char *params[] = {
        id,
        plan->organization_id,
        hex,
        prefix,
        plan->name,
        buf_text(&scopes),
        plan->expires_ms > 0 ? expires_ms : NULL,
    };
    if (!pg_query(pg,
                  "INSERT INTO api_key"
                  " (id, organization_id, sha256, prefix, name, scopes, expires_at)"
                  " VALUES ($1, $2, decode($3, 'hex'), $4, $5, $6::text[],"
                  " timestamptz 'epoch' + $7::bigint * interval '1 millisecond')",
                  params, ARRAY_LEN(params), NULL, reterr))
        return false;
    memcpy(ret_id, id, sizeof(id));
    return true;
}

bool api_key_create(struct pg *pg, const struct api_key_plan *plan, char ret_key[API_KEY_TEXT_SIZE],
                    char ret_id[UUID_TEXT_SIZE], struct err *reterr)
{
    uint8_t secret[SECRET_SIZE], sha256[DIGEST_SHA256_SIZE];
    char hex[2 * SECRET_SIZE + 1], key[API_KEY_TEXT_SIZE], prefix[PREFIX_SIZE];
    digest_random(secret, sizeof(secret));
    digest_hex(secret, sizeof(secret), hex);
    snprintf(key, sizeof(key), "bxb_%s_%s", plan->test ? "test" : "live", hex);
    snprintf(prefix, sizeof(prefix), "%.*s", PREFIX_SIZE - 1, key);
    digest_sha256(slice_from(key), sha256);
    if (!insert(pg, plan, sha256, prefix, ret_id, reterr))
        return false;
    memcpy(ret_key, key, sizeof(key));
    return true;
}

bool api_key_import(struct pg *pg, const struct api_key_plan *plan, const char *sha256_hex,
                    char ret_id[UUID_TEXT_SIZE], struct err *reterr)
{
    uint8_t sha256[DIGEST_SHA256_SIZE];
    if (!digest_from_hex(slice_from(sha256_hex), sha256, sizeof(sha256)))
        return err_set(reterr, ERR_USAGE, "a SHA-256 has 64 hex digits");
    /* The key itself is not known: its hash stands in for the first characters. */
    char prefix[PREFIX_SIZE];
    snprintf(prefix, sizeof(prefix), "sha256_%.*s", SHOWN_DIGITS, sha256_hex);
    struct err err;
    if (insert(pg, plan, sha256, prefix, ret_id, &err))
        return true;
    if (err.code == ERR_EXISTS)
        return err_set(reterr, ERR_EXISTS, "the key is in the catalog already");
    return err_set(reterr, err.code, "%s", err.text);
}

static bool revoke_by_id(struct pg *pg, const char *id, struct err *reterr)
{
    const char *params[] = {id};
    if (!pg_query(pg, "UPDATE api_key SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1",
                  params, ARRAY_LEN(params), NULL, reterr))
        return false;
    if (pg_affected(pg) == 0)
        return err_set(reterr, ERR_NOT_FOUND, "there is no key with the id %s", id);
    return true;
}

bool api_key_revoke(struct pg *pg, const char *id_or_prefix, char ret_id[UUID_TEXT_SIZE],
                    struct err *reterr)
{
    char id[UUID_TEXT_SIZE];
    if (!uuid_parse(slice_from(id_or_prefix), id)) {
        const char *params[] = {id_or_prefix};
        CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
        if (!pg_query(pg,
                      "SELECT id FROM api_key"
                      " WHERE revoked_at IS NULL AND starts_with(prefix, $1) LIMIT 2",
                      params, ARRAY_LEN(params), &rows, reterr))
            return false;
        if (pg_rows(rows) == 0)
            return err_set(reterr, ERR_NOT_FOUND, "no key in use begins with '%s'", id_or_prefix);
        if (pg_rows(rows) > 1)
            return err_set(reterr, ERR_USAGE, "several keys begin with '%s': give the id",
                           id_or_prefix);
        memcpy(id, pg_text(rows, 0, 0), sizeof(id));
    }
    if (!revoke_by_id(pg, id, reterr))
        return false;
    memcpy(ret_id, id, sizeof(id));
    return true;
}

bool api_key_list(struct pg *pg, const char *organization_id, struct pg_result **ret_rows,
                  struct err *reterr)
{
    const char *params[] = {organization_id};
    return pg_query(pg,
                    "SELECT k.id, o.id, o.name, k.prefix, k.name, array_to_string(k.scopes, ','),"
                    " CASE WHEN k.revoked_at IS NOT NULL THEN 'revoked'"
                    " WHEN k.expires_at <= now() THEN 'expired' ELSE 'active' END,"
                    " to_char(k.created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
                    " to_char(k.expires_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
                    " to_char(k.revoked_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
                    " FROM api_key k JOIN organization o ON o.id = k.organization_id"
                    " WHERE $1::uuid IS NULL OR o.id = $1::uuid"
                    " ORDER BY o.name, k.created_at, k.id",
                    params, ARRAY_LEN(params), ret_rows, reterr);
}
