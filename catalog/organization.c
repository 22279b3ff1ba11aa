/* Organizations, as the operator makes and lists them. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/organization.h"

enum { NUMBER_SIZE = 24 };

const struct organization_change organization_change_none = {
    .limits = {ORGANIZATION_LIMIT_UNCHANGED, ORGANIZATION_LIMIT_UNCHANGED,
               ORGANIZATION_LIMIT_UNCHANGED},
};

/* The limits as parameters of a statement. */
struct limit_texts {
    char events[NUMBER_SIZE], bytes[NUMBER_SIZE], burst[NUMBER_SIZE];
};

static void write_limits(const struct catalog_limits *limits, struct limit_texts *ret_texts)
{
    snprintf(ret_texts->events, NUMBER_SIZE, "%lld", (long long)limits->events_per_second);
    snprintf(ret_texts->bytes, NUMBER_SIZE, "%lld", (long long)limits->bytes_per_second);
    snprintf(ret_texts->burst, NUMBER_SIZE, "%lld", (long long)limits->burst_ms);
}

bool organization_parse_codes(const char *text, enum organization_codes *ret_codes,
                              struct err *reterr)
{
    if (strcmp(text, "accept") == 0)
        *ret_codes = ORGANIZATION_CODES_ACCEPT;
    else if (strcmp(text, "reject") == 0)
        *ret_codes = ORGANIZATION_CODES_REJECT;
    else
        return err_set(reterr, ERR_USAGE, "unknown codes are accept or reject, not '%s'", text);
    return true;
}

static const char *codes_text(enum organization_codes codes)
{
    return codes == ORGANIZATION_CODES_REJECT ? "reject" : "accept";
}

bool organization_create(struct pg *pg, const char *name, const char *id,
                         const struct organization_change *change, char ret_id[UUID_TEXT_SIZE],
                         struct err *reterr)
{
    char made[UUID_TEXT_SIZE];
    if (name[0] == '\0')
        return err_set(reterr, ERR_USAGE, "the name of an organization must not be empty");
    if (!id)
        uuid_new(made);
    else if (!uuid_parse(slice_from(id), made))
        return err_set(reterr, ERR_USAGE, "'%s' is not a UUID", id);

    struct err err;
    struct limit_texts limits;
    write_limits(&change->limits, &limits);
    const char *params[] = {made,          name,         codes_text(change->codes),
                            limits.events, limits.bytes, limits.burst};
    if (!pg_query(pg,
                  "INSERT INTO organization (id, name, unknown_codes, events_per_second,"
                  " bytes_per_second, burst_ms) SELECT $1, $2, $3,"
                  " CASE WHEN e >= 0 THEN e END, CASE WHEN b >= 0 THEN b END,"
                  " CASE WHEN m >= 0 THEN m END"
                  " FROM (SELECT $4::bigint AS e, $5::bigint AS b, $6::bigint AS m) AS wanted",
                  params, ARRAY_LEN(params), NULL, &err)) {
        if (err.code == ERR_EXISTS)
            return err_set(reterr, ERR_EXISTS, "there is an organization with this %s already",
                           strstr(err.text, "organization_pkey") ? "id" : "name");
        return err_set(reterr, err.code, "%s", err.text);
    }
    memcpy(ret_id, made, sizeof(made));
    return true;
}

/* -2 leaves a limit, -1 is NULL: see ORGANIZATION_LIMIT_UNCHANGED and CATALOG_LIMIT_DEFAULT. */
bool organization_update(struct pg *pg, const char *id, const struct organization_change *change,
                         struct err *reterr)
{
    struct limit_texts limits;
    write_limits(&change->limits, &limits);
    const char *params[] = {
        id,
        change->codes == ORGANIZATION_CODES_UNCHANGED ? NULL : codes_text(change->codes),
        limits.events,
        limits.bytes,
        limits.burst,
    };
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(pg,
                  "UPDATE organization SET unknown_codes = coalesce($2, unknown_codes),"
                  " events_per_second = CASE $3::bigint WHEN -2 THEN events_per_second"
                  " ELSE nullif($3::bigint, -1) END,"
                  " bytes_per_second = CASE $4::bigint WHEN -2 THEN bytes_per_second"
                  " ELSE nullif($4::bigint, -1) END,"
                  " burst_ms = CASE $5::bigint WHEN -2 THEN burst_ms"
                  " ELSE nullif($5::bigint, -1) END"
                  " WHERE id = $1 RETURNING id",
                  params, ARRAY_LEN(params), &rows, reterr))
        return false;
    if (pg_rows(rows) == 0)
        return err_set(reterr, ERR_NOT_FOUND, "there is no organization '%s'", id);
    return true;
}

bool organization_find(struct pg *pg, const char *name_or_id, char ret_id[UUID_TEXT_SIZE],
                       struct err *reterr)
{
    char id[UUID_TEXT_SIZE];
    bool is_id = uuid_parse(slice_from(name_or_id), id);
    const char *params[] = {name_or_id, is_id ? id : NULL};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(pg,
                  "SELECT id FROM organization WHERE id = $2::uuid OR name = $1"
                  " ORDER BY id = $2::uuid DESC NULLS LAST LIMIT 1",
                  params, ARRAY_LEN(params), &rows, reterr))
        return false;
    if (pg_rows(rows) == 0)
        return err_set(reterr, ERR_NOT_FOUND, "there is no organization '%s'", name_or_id);
    memcpy(ret_id, pg_text(rows, 0, 0), UUID_TEXT_SIZE);
    return true;
}

bool organization_list(struct pg *pg, const char *id, struct pg_result **ret_rows,
                       struct err *reterr)
{
    const char *params[] = {id};
    return pg_query(pg,
                    "SELECT o.id, o.name, count(k.id) FILTER (WHERE k.revoked_at IS NULL"
                    " AND (k.expires_at IS NULL OR k.expires_at > now())), o.unknown_codes,"
                    " o.events_per_second, o.bytes_per_second, o.burst_ms,"
                    " to_char(o.created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
                    " FROM organization o LEFT JOIN api_key k ON k.organization_id = o.id"
                    " WHERE $1::uuid IS NULL OR o.id = $1::uuid GROUP BY o.id ORDER BY o.name",
                    params, ARRAY_LEN(params), ret_rows, reterr);
}
