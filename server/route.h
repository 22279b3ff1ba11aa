/* Which route a request is for; what is there, and what is not, comes from server/routes.def.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SERVER_ROUTE_H
#define SERVER_ROUTE_H
#include "catalog/catalog.h"

/* What is done with a request. */
enum route_purpose {
    ROUTE_SEND,
    ROUTE_VALIDATE,   /* checked only: nothing is produced */
    ROUTE_COMPATIBLE, /* sent, and answered as clients of Lago and OpenMeter expect */
    ROUTE_PAGE,       /* answered from server/pages.h, to anyone */
};

struct route {
    const char *method;
    const char *path;
    const char *operation; /* the operationId of openapi/openapi.yaml */
    enum catalog_scope scope;
    enum route_purpose purpose;
};

enum route_match {
    ROUTE_FOUND,
    ROUTE_UNKNOWN_PATH,
    ROUTE_OTHER_METHOD, /* the path is there, the method is not */
    ROUTE_OPTIONS,      /* OPTIONS of a path that is there, or of "*" */
};

enum { ROUTE_ALLOW_SIZE = 64 };

/* Finds the route of a request; `path` is without the query. HEAD goes where GET does. *ret_route
 * is written when found. For the other matches of a known path, ret_allow is what the header Allow
 * says. Cost: a comparison with each row. */
enum route_match route_find(const char *method, const char *path, const struct route **ret_route,
                            char ret_allow[ROUTE_ALLOW_SIZE]);

#endif
