/* Organizations, as the operator makes and lists them.
 *
 * Threads: that of the connection. SPDX-License-Identifier: Apache-2.0 */
#ifndef CATALOG_ORGANIZATION_H
#define CATALOG_ORGANIZATION_H
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

/* Makes one; `id` is a UUID, or NULL for a new random one. Errors: EXISTS (name or id), USAGE (not
 * a UUID, empty name), those of pg_query. */
bool organization_create(struct pg *pg, const char *name, const char *id,
                         enum organization_codes codes, char ret_id[UUID_TEXT_SIZE],
                         struct err *reterr) MUST_CHECK;

/* Changes one. Errors: NOT_FOUND, those of pg_query. */
bool organization_update(struct pg *pg, const char *id, enum organization_codes codes,
                         struct err *reterr) MUST_CHECK;

/* Finds one by its name, or by its id. Errors: NOT_FOUND, those of pg_query. */
bool organization_find(struct pg *pg, const char *name_or_id, char ret_id[UUID_TEXT_SIZE],
                       struct err *reterr) MUST_CHECK;

enum organization_column {
    ORGANIZATION_ID,
    ORGANIZATION_NAME,
    ORGANIZATION_KEYS,          /* that can be used now */
    ORGANIZATION_UNKNOWN_CODES, /* "accept" or "reject" */
    ORGANIZATION_CREATED_AT,
};

/* All of them by name, in columns as above. */
bool organization_list(struct pg *pg, struct pg_result **ret_rows, struct err *reterr) MUST_CHECK;

#endif
