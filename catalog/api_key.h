/* API keys, as the operator makes, imports, revokes and lists them. Only the SHA-256 of a key is
 * kept, and its first characters for telling it from others.
 *
 * Threads: that of the connection. SPDX-License-Identifier: Apache-2.0 */
#ifndef CATALOG_API_KEY_H
#define CATALOG_API_KEY_H
#include "catalog/catalog.h"
#include "catalog/uuid.h"
#include "postgres/pg.h"

/* "bxb_live_" or "bxb_test_", 64 hex digits (256 random bits), and a NUL. */
enum { API_KEY_TEXT_SIZE = 9 + 64 + 1 };

struct api_key_plan {
    const char *organization_id;
    const char *name;   /* for people; may be "" */
    uint32_t scopes;    /* bits of enum catalog_scope; 0: events:write */
    int64_t expires_ms; /* Unix time; 0: never */
    bool test;          /* bxb_test_ instead of bxb_live_ */
};

/* Reads when a key ends: a duration from now on, as in 90d, or a point in time, as in 2027-03-31
 * (its midnight, UTC) or 2027-03-31T12:00:00Z. Errors: USAGE (neither, less than a second or more
 * than ten years ahead). */
bool api_key_parse_expiry(const char *text, int64_t now_ms, int64_t *ret_ms,
                          struct err *reterr) MUST_CHECK;

/* Makes a key. It is written once, into ret_key, and cannot be had again. */
bool api_key_create(struct pg *pg, const struct api_key_plan *plan, char ret_key[API_KEY_TEXT_SIZE],
                    char ret_id[UUID_TEXT_SIZE], struct err *reterr) MUST_CHECK;

/* Takes over a key that exists elsewhere, by the SHA-256 of its text in hex. Errors: USAGE (not 64
 * hex digits), EXISTS (with whoever has it), those of pg_query. */
bool api_key_import(struct pg *pg, const struct api_key_plan *plan, const char *sha256_hex,
                    char ret_id[UUID_TEXT_SIZE], struct err *reterr) MUST_CHECK;

/* Revokes the key with this id, or the only one that is in use and begins so. One that is revoked
 * stays so. Errors: NOT_FOUND, USAGE (several begin so), those of pg_query. */
bool api_key_revoke(struct pg *pg, const char *id_or_prefix, char ret_id[UUID_TEXT_SIZE],
                    struct err *reterr) MUST_CHECK;

enum api_key_column {
    API_KEY_ID,
    API_KEY_ORGANIZATION_ID,
    API_KEY_ORGANIZATION,
    API_KEY_PREFIX,
    API_KEY_NAME,
    API_KEY_SCOPES, /* separated by commas */
    API_KEY_STATE,  /* "active", "expired", "revoked" */
    API_KEY_CREATED_AT,
    API_KEY_EXPIRES_AT, /* or NULL */
    API_KEY_REVOKED_AT, /* or NULL */
};

/* Keys by organization and age, in columns as above; organization_id NULL: of all. */
bool api_key_list(struct pg *pg, const char *organization_id, struct pg_result **ret_rows,
                  struct err *reterr) MUST_CHECK;

#endif
