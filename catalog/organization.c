/* Organizations, as the operator makes and lists them. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "catalog/organization.h"

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
                         enum organization_codes codes, char ret_id[UUID_TEXT_SIZE],
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
    const char *params[] = {made, name, codes_text(codes)};
    if (!pg_query(pg, "INSERT INTO organization (id, name, unknown_codes) VALUES ($1, $2, $3)",
                  params, ARRAY_LEN(params), NULL, &err)) {
        if (err.code == ERR_EXISTS)
            return err_set(reterr, ERR_EXISTS, "there is an organization with this %s already",
                           strstr(err.text, "organization_pkey") ? "id" : "name");
        return err_set(reterr, err.code, "%s", err.text);
    }
    memcpy(ret_id, made, sizeof(made));
    return true;
}

bool organization_update(struct pg *pg, const char *id, enum organization_codes codes,
                         struct err *reterr)
{
    const char *params[] = {id, codes == ORGANIZATION_CODES_UNCHANGED ? NULL : codes_text(codes)};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(pg,
                  "UPDATE organization SET unknown_codes = coalesce($2, unknown_codes)"
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

bool organization_list(struct pg *pg, struct pg_result **ret_rows, struct err *reterr)
{
    return pg_query(pg,
                    "SELECT o.id, o.name, count(k.id) FILTER (WHERE k.revoked_at IS NULL"
                    " AND (k.expires_at IS NULL OR k.expires_at > now())), o.unknown_codes,"
                    " to_char(o.created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
                    " FROM organization o LEFT JOIN api_key k ON k.organization_id = o.id"
                    " GROUP BY o.id ORDER BY o.name",
                    NULL, 0, ret_rows, reterr);
}
