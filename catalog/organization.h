/* Organizations, as the operator makes and lists them.
 *
 * Threads: that of the connection. SPDX-License-Identifier: Apache-2.0 */
#ifndef CATALOG_ORGANIZATION_H
#define CATALOG_ORGANIZATION_H
#include "catalog/catalog.h"
#include "catalog/uuid.h"
#include "postgres/pg.h"

/* What is done with an event whose code is no metric. */
enum organization_codes {
    ORGANIZATION_CODES_UNCHANGED, /* for a new one: accept */
    ORGANIZATION_CODES_ACCEPT,
    ORGANIZATION_CODES_REJECT,
};

/* Reads "accept" or "reject". Errors: USAGE. */
bool organization_parse_codes(const char *text, enum organization_codes *ret_codes,
                              struct err *reterr) MUST_CHECK;

/* A limit that stays as it is; for a new organization: CATALOG_LIMIT_DEFAULT. */
enum { ORGANIZATION_LIMIT_UNCHANGED = -2 };

/* What is wanted of an organization, beside its name. organization_change_none changes nothing. */
struct organization_change {
    enum organization_codes codes;
    struct catalog_limits limits; /* each may be ORGANIZATION_LIMIT_UNCHANGED */
};
extern const struct organization_change organization_change_none;

/* Makes one; `id` is a UUID, or NULL for a new random one. Errors: EXISTS (name or id), USAGE (not
 * a UUID, empty name), those of pg_query. */
bool organization_create(struct pg *pg, const char *name, const char *id,
                         const struct organization_change *change, char ret_id[UUID_TEXT_SIZE],
                         struct err *reterr) MUST_CHECK;

/* Changes one. Errors: NOT_FOUND, those of pg_query. */
bool organization_update(struct pg *pg, const char *id, const struct organization_change *change,
                         struct err *reterr) MUST_CHECK;

/* Finds one by its name, or by its id. Errors: NOT_FOUND, those of pg_query. */
bool organization_find(struct pg *pg, const char *name_or_id, char ret_id[UUID_TEXT_SIZE],
                       struct err *reterr) MUST_CHECK;

enum organization_column {
    ORGANIZATION_ID,
    ORGANIZATION_NAME,
    ORGANIZATION_KEYS,              /* that can be used now */
    ORGANIZATION_UNKNOWN_CODES,     /* "accept" or "reject" */
    ORGANIZATION_EVENTS_PER_SECOND, /* of these three: NULL: the servers' default, 0: no limit */
    ORGANIZATION_BYTES_PER_SECOND,
    ORGANIZATION_BURST_MS,
    ORGANIZATION_CREATED_AT,
};

/* All of them by name, or the one with this id, in columns as above. */
bool organization_list(struct pg *pg, const char *id, struct pg_result **ret_rows,
                       struct err *reterr) MUST_CHECK;

#endif
