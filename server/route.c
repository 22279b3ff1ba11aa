/* Which route a request is for. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/route.h"

#include "base/mem.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct route routes[] = {
#define ROUTE(method_, path_, operation_, scope_, purpose_)                                        \
    {.method = #method_,                                                                           \
     .path = path_,                                                                                \
     .operation = operation_,                                                                      \
     .scope = CATALOG_SCOPE_##scope_,                                                              \
     .purpose = ROUTE_##purpose_},
#include "server/routes.def"
#undef ROUTE
};

/* Compares without one trailing slash. */
static bool same_path(const char *route_path, const char *path, size_t size)
{
    if (size > 1 && path[size - 1] == '/')
        size--;
    return strlen(route_path) == size && memcmp(route_path, path, size) == 0;
}

enum route_match route_find(const char *method, const char *path, const struct route **ret_route,
                            char ret_allow[ROUTE_ALLOW_SIZE])
{
    const size_t size = strlen(path);
    const bool everything = strcmp(path, "*") == 0;
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    size_t known = 0, used = 0;
    ret_allow[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!everything && !same_path(routes[i].path, path, size))
            continue;
        if (strcmp(routes[i].method, wanted) == 0 && !everything) {
            *ret_route = &routes[i];
            ret_allow[0] = '\0';
            return ROUTE_FOUND;
        }
        /* "*" names each method once. */
        bool named = false;
        for (size_t k = 0; everything && k < i; k++)
            named = named || strcmp(routes[k].method, routes[i].method) == 0;
        if (!named && used < ROUTE_ALLOW_SIZE)
            used += (size_t)snprintf(ret_allow + used, ROUTE_ALLOW_SIZE - used, "%s, ",
                                     strcmp(routes[i].method, "GET") == 0 ? "GET, HEAD"
                                                                          : routes[i].method);
        known++;
    }
    if (known == 0 || (everything && strcmp(method, "OPTIONS") != 0))
        return ROUTE_UNKNOWN_PATH;
    if (used < ROUTE_ALLOW_SIZE)
        snprintf(ret_allow + used, ROUTE_ALLOW_SIZE - used, "OPTIONS");
    return strcmp(method, "OPTIONS") == 0 ? ROUTE_OPTIONS : ROUTE_OTHER_METHOD;
}
