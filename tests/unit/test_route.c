/* Routes. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/route.h"
#include "tests/unit/check.h"
#include <string.h>

static enum route_match find(const char *method, const char *path, const char **ret_operation,
                             char *ret_allow)
{
    const struct route *route = NULL;
    enum route_match match = route_find(method, path, &route, ret_allow);
    *ret_operation = route ? route->operation : "";
    return match;
}

TEST(route, is_found_with_and_without_a_trailing_slash)
{
    static const struct {
        const char *path, *operation;
    } rows[] = {
        {"/v1/events", "sendEvents"},
        {"/v1/events/", "sendEvents"},
        {"/v1/events/batch", "sendEventsBatch"},
        {"/v1/events/batch/", "sendEventsBatch"},
        {"/v1/events/validate", "validateEvents"},
        {"/api/v1/events", "sendEventsCompatible"},
        {"/api/v1/events/batch", "sendEventsBatchCompatible"},
        {"/events", "sendEventsUnversioned"},
        {"/events/", "sendEventsUnversioned"},
        {"/events/batch", "sendEventsBatchUnversioned"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *operation;
        char allow[ROUTE_ALLOW_SIZE];
        CHECK(find("POST", rows[i].path, &operation, allow) == ROUTE_FOUND);
        CHECK(strcmp(operation, rows[i].operation) == 0);
        CHECK(allow[0] == '\0');
    }
}

TEST(route, of_a_page_takes_get_and_head)
{
    const char *operation;
    char allow[ROUTE_ALLOW_SIZE];
    CHECK(find("GET", "/docs", &operation, allow) == ROUTE_FOUND);
    CHECK(find("HEAD", "/openapi.yaml", &operation, allow) == ROUTE_FOUND);
    CHECK(strcmp(operation, "readContract") == 0);
    CHECK(find("POST", "/docs", &operation, allow) == ROUTE_OTHER_METHOD);
    CHECK(strcmp(allow, "GET, HEAD, OPTIONS") == 0);
    CHECK(find("HEAD", "/v1/events", &operation, allow) == ROUTE_OTHER_METHOD);
    CHECK(strcmp(allow, "POST, OPTIONS") == 0);
}

TEST(route, asks_for_the_scope_to_write_events)
{
    const struct route *route;
    char allow[ROUTE_ALLOW_SIZE];
    CHECK(route_find("POST", "/v1/events", &route, allow) == ROUTE_FOUND);
    CHECK(route->scope == CATALOG_SCOPE_EVENTS_WRITE);
}

TEST(route, of_an_unknown_path_is_none)
{
    static const char *const paths[] = {"/",         "",           "/v1",         "/v1/events//",
                                        "/v1/event", "/V1/events", "/v1/eventsx", "//v1/events",
                                        "*"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const char *operation;
        char allow[ROUTE_ALLOW_SIZE];
        CHECK(find("POST", paths[i], &operation, allow) == ROUTE_UNKNOWN_PATH);
    }
}

TEST(route, of_another_method_says_which_are_allowed)
{
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "post", "TRACE"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        const char *operation;
        char allow[ROUTE_ALLOW_SIZE];
        CHECK(find(methods[i], "/v1/events/", &operation, allow) == ROUTE_OTHER_METHOD);
        CHECK(strcmp(allow, "POST, OPTIONS") == 0);
    }
}

TEST(route, options_are_told_for_a_path_and_for_the_server)
{
    const char *operation;
    char allow[ROUTE_ALLOW_SIZE];
    CHECK(find("OPTIONS", "/v1/events", &operation, allow) == ROUTE_OPTIONS);
    CHECK(strcmp(allow, "POST, OPTIONS") == 0);
    CHECK(find("OPTIONS", "*", &operation, allow) == ROUTE_OPTIONS);
    CHECK(strcmp(allow, "POST, GET, HEAD, OPTIONS") == 0);
    CHECK(find("OPTIONS", "/nowhere", &operation, allow) == ROUTE_UNKNOWN_PATH);
}
