/* The life of one request.
 *
 * Threads: everything runs on the thread of the connection, except request_resume and
 * request_unref, which any thread may call. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/request.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "server/loop.h"
#include "server/pages.h"
#include "server/produce.h"
#include "server/reply.h"
#include "server/route.h"
#include "server/server.h"
#include "server/tenants.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAGIC = 0x62787271,
    /* What is usually made of a body (measured in docs/decisions/0012-memory-in-steps.md). */
    SHARE_PER_BODY_BYTE = 1, /* its records */
    SHARE_PER_EVENT =
        1280, /* a result, what a record has beside the event, its place in the queue */
    EVENT_USUAL_LEAST = 256, /* bytes of an event in the body */
    SHARE_LEAST = 4096,
};

struct request *request_cast(void *pointer)
{
    struct request *request = pointer;
    ASSERT(request->magic == MAGIC);
    return request;
}

/* --- From birth to the end ----------------------------------------------------------------------
 */

struct request *request_new(struct server *server, struct loop *loop,
                            struct MHD_Connection *connection)
{
    struct request *request = xmalloc(sizeof(*request));
    memset(request, 0, offsetof(struct request, refusal));
    request->refusal.code = request->send_err.code = ERR_NONE;
    request->magic = MAGIC;
    request->server = server;
    request->loop = loop;
    request->connection = connection;
    request->back.connection = connection;
    request->account.limits = &server->limits;
    request->client = loop_client(connection);
    atomic_init(&request->state, REQUEST_READING);
    atomic_init(&request->refs, 1);
    server_enter(server);
    return request;
}

void request_unref(struct request *request)
{
    if (atomic_fetch_sub(&request->refs, 1) > 1)
        return;
    if (!request->counted)
        produce_settle(request);
    struct server *server = request->server;
    account_close(&request->account);
    tenants_leave(request->tenant);
    arena_done(&request->arena);
    buf_done(&request->body);
    request->magic = 0;
    free(request);
    server_leave(server);
}

void request_answered(struct request *request, size_t size)
{
    /* Nobody else refers to it: what it was made from is not needed any more. */
    if (atomic_load(&request->refs) == 1 && request->counted) {
        request->batch = (struct events_batch){0};
        arena_done(&request->arena);
        buf_done(&request->body);
        account_settle(&request->account, size);
    } else {
        account_charge(&request->account, size);
    }
}

void request_resume(struct request *request)
{
    int waiting = REQUEST_WAITING;
    if (atomic_compare_exchange_strong(&request->state, &waiting, REQUEST_ANSWERING))
        loop_resume(request->loop, &request->back);
}

void request_completed(struct request *request, bool sent)
{
    deadline_remove(&request->server->deadlines, request);
    if (!sent && !atomic_load(&request->server->stopping))
        metrics_add(METRIC_SERVER_CLIENTS_GONE, 1);
    request_unref(request);
}

/* --- The headers --------------------------------------------------------------------------------
 */

static enum MHD_Result collect(void *context, enum MHD_ValueKind kind, const char *name,
                               size_t name_size, const char *value, size_t value_size)
{
    (void)kind;
    struct request *request = context;
    block_add(&request->block, (struct slice){name, name_size}, (struct slice){value, value_size});
    headers_add(&request->headers, (struct slice){name, name_size},
                (struct slice){value, value_size});
    return MHD_YES;
}

static bool flag(struct request *request, const char *name, const char *wanted)
{
    const char *value =
        MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
    return value && strcmp(value, wanted) == 0;
}

static void read_request(struct request *request)
{
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, collect, request);
    struct slice id = request->headers.request_id;
    if (id.size > 0)
        snprintf(request->id, sizeof(request->id), "%.*s", SLICE_ARG(id));
    else
        server_make_id(request->server, request->id);
    request->options.request_id = slice_from(request->id);
    request->options.atomic = flag(request, "atomic", "true");
    request->options.results_all = flag(request, "results", "all");
}

static bool find_page(struct request *request, const struct route *route, struct err *reterr)
{
    for (size_t i = 0; i < pages_len; i++)
        if (strcmp(pages[i].path, route->path) == 0)
            request->page = &pages[i];
    ASSERT(request->page);
    return err_set(reterr, ERR_NONE, "this answers 200");
}

static bool find_route(struct request *request, const char *method, const char *path,
                       const struct route **ret_route, struct err *reterr)
{
    switch (route_find(method, path, ret_route, request->allow)) {
    case ROUTE_FOUND:
        request->options.validate = (*ret_route)->purpose == ROUTE_VALIDATE;
        request->compatible = (*ret_route)->purpose == ROUTE_COMPATIBLE;
        return (*ret_route)->purpose != ROUTE_PAGE || find_page(request, *ret_route, reterr);
    case ROUTE_OPTIONS:
        return err_set(reterr, ERR_NONE, "this answers 204");
    case ROUTE_OTHER_METHOD:
        return err_set(reterr, ERR_METHOD_NOT_ALLOWED, "this path takes %s", request->allow);
    case ROUTE_UNKNOWN_PATH:
        return err_set(reterr, ERR_ROUTE_UNKNOWN, "there is no such path");
    }
    UNREACHABLE("a match that route_find does not return");
}

static int64_t now_ns(const struct request *request)
{
    return loop_turn_us(request->loop) * 1000;
}

static void enter_tenant(struct request *request, const struct catalog_organization *organization)
{
    struct server *server = request->server;
    const struct catalog_limits defaults = limits_of_organizations(&server->limits);
    request->quota = quota_of(&organization->limits, &defaults);
    request->tenant = tenants_enter(&server->tenants, organization->id, now_ns(request));
    request->account.tenant = request->tenant;
}

/* Refuses while it is cheap what could not be taken when its events are counted. A compressed body
 * has a size that says nothing yet. */
static bool ask_quota(struct request *request, struct err *reterr)
{
    uint64_t bytes = request->coding == INFLATE_IDENTITY ? request->headers.content_length : 0;
    return quota_ask(&request->quota, &request->tenant->usage, bytes, now_ns(request),
                     &request->retry_after_s, reterr);
}

/* Finds the organization of the key. The key is never logged, nor part of a text. */
static bool authenticate(struct request *request, const struct route *route, struct err *reterr)
{
    struct slice key;
    const struct catalog_snapshot *snapshot = catalog_acquire(request->server->catalog);
    if (!snapshot)
        return err_set(reterr, ERR_NOT_READY, "the catalog is not loaded yet");
    const struct catalog_organization *organization;
    bool ok =
        headers_bearer(&request->headers, &key, reterr) &&
        catalog_authenticate(snapshot, key, route->scope, clock_wall_ms(), &organization, reterr);
    if (ok) {
        ASSERT(organization->id.size < sizeof(request->organization));
        memcpy(request->organization, organization->id.data, organization->id.size);
        enter_tenant(request, organization);
    }
    catalog_release(snapshot);
    return ok;
}

/* Hosts and reasons are for the log and /readyz: whoever asks here has shown no key yet. What is
 * only checked needs no broker. */
static bool takes_now(struct request *request, struct err *reterr)
{
    struct err err;
    if (request->options.validate || server_takes(request->server, &err))
        return true;
    return err_set(reterr, err.code, "the service cannot take events now");
}

/* How long the broker will keep it waiting: what the last one waited, or what all that is on its
 * way will take, which is known sooner. The former is a check on the latter: a pace that was low
 * because little came makes no queue. */
static int64_t broker_wait_us(struct server *server, int64_t limit_us, int64_t now_us)
{
    const int64_t last_us = delay_last(&server->acknowledged, now_us);
    return last_us < limit_us / 2 ? last_us : producer_backlog_us(server->producer);
}

/* Whether it would be answered soon enough: what waits already was there first. */
static bool has_time(struct request *request, struct err *reterr)
{
    struct server *server = request->server;
    const int64_t target_us = atomic_load(&server->limits.queue_delay_us);
    if (target_us == 0)
        return true;
    struct delay *delay = loop_delay(request->loop);
    const int64_t now_us = clock_mono_us();
    const int64_t held_us = delay_held(target_us, delay_least(&server->acknowledged));
    /* Each part of the body takes a turn like the one that it has waited for. */
    const int64_t turns = 1 + (int64_t)(request->headers.content_length / LOOP_READ_SIZE);
    int64_t wait_us = turns * loop_waited_us(request->loop, now_us);
    if (!request->options.validate)
        wait_us += broker_wait_us(server, delay_limit(delay, target_us, held_us), now_us);
    return !delay_refuses(delay, wait_us, target_us, held_us, now_us) ||
           err_set(reterr, ERR_OVERLOADED, "requests wait too long already");
}

/* Bytes for a body of this size and what is usually made of it. */
static uint64_t usual_share(const struct limits *limits, uint64_t size)
{
    const uint64_t max = atomic_load(&limits->events_max);
    const uint64_t events = size / EVENT_USUAL_LEAST < max ? size / EVENT_USUAL_LEAST : max;
    return size * (1 + SHARE_PER_BODY_BYTE) + events * SHARE_PER_EVENT + SHARE_LEAST;
}

/* The size of the body, as far as it is known, against its limit; and the budget for it and for
 * what is usually made of it, so that a body is not read in vain. */
static bool take_budget(struct request *request, struct err *reterr)
{
    struct limits *limits = &request->server->limits;
    const uint64_t max = atomic_load(&limits->request_max);
    const uint64_t size = request->headers.content_length;
    if (size > max)
        return err_set(reterr, ERR_BODY_TOO_LARGE, "the body has %llu bytes, the limit is %llu",
                       (unsigned long long)size, (unsigned long long)max);
    uint64_t share = usual_share(limits, size);
    if (share > limits->inflight_max / 2) /* however large it may be, two of them have room */
        share = size > limits->inflight_max / 2 ? size : limits->inflight_max / 2;
    if (!account_raise(&request->account, share, reterr))
        return false;
    buf_init(&request->body, max);
    if (size > 0)
        (void)buf_reserve(&request->body, size);
    return true;
}

/* That everyone on the way reads the same request, and where it ends. */
static bool check_framing(struct request *request, const char *version, struct err *reterr)
{
    const size_t size =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)
            ->header_size;
    if (!block_end(&request->block, size))
        return err_set(reterr, ERR_REQUEST_AMBIGUOUS,
                       "the line or the headers of the request are not written as in RFC 9112");
    return headers_check_framing(&request->headers, version, reterr);
}

static bool check_headers(struct request *request, const char *method, const char *path,
                          const char *version, struct err *reterr)
{
    const struct route *route = NULL;
    return check_framing(request, version, reterr) &&
           find_route(request, method, path, &route, reterr) && takes_now(request, reterr) &&
           has_time(request, reterr) && authenticate(request, route, reterr) &&
           headers_check_content(&request->headers, &request->kind, &request->coding, reterr) &&
           ask_quota(request, reterr) && take_budget(request, reterr);
}

/* Sends request->refusal; code ERR_NONE stands for a page and for the answer to OPTIONS. */
static enum MHD_Result send_refusal(struct request *request)
{
    if (request->refusal.code != ERR_NONE)
        return reply_problem(request, &request->refusal);
    return request->page ? reply_page(request) : reply_options(request);
}

/* Whether the client may be left to send the body of a refused request. */
static bool drains(const struct request *request)
{
    const struct headers *headers = &request->headers;
    return request->refusal.code != ERR_REQUEST_AMBIGUOUS && !headers->expect_continue &&
           headers->content_length <= REQUEST_DRAIN_MAX;
}

enum MHD_Result request_headers(struct request *request, const char *method, const char *path,
                                const char *version)
{
    client_enter(request->client, CLIENT_BODY);
    block_begin(&request->block, method, path, request->client->target_end, version);
    read_request(request);
    if (check_headers(request, method, path, version, &request->refusal))
        return MHD_YES;
    atomic_store(&request->state, REQUEST_REFUSED);
    /* An answer before the body was read makes the library close the connection behind it. */
    return drains(request) ? MHD_YES : send_refusal(request);
}

/* --- The body -----------------------------------------------------------------------------------
 */

/* Refuses in the middle of a body, which can only be one without Content-Length: the answer must
 * wait for its end. As much again as was read is dropped; a client that sends more is cut off. */
static enum MHD_Result refuse_body(struct request *request)
{
    atomic_store(&request->state, REQUEST_REFUSED);
    request->drain_max = request->body.size + REQUEST_DRAIN_MAX;
    buf_done(&request->body);
    account_close(&request->account);
    return MHD_YES;
}

static enum MHD_Result drain(struct request *request, size_t size)
{
    request->drained += size;
    uint64_t max = request->drain_max ? request->drain_max : REQUEST_DRAIN_MAX;
    return request->drained <= max ? MHD_YES : MHD_NO;
}

enum MHD_Result request_body(struct request *request, const char *data, size_t size)
{
    client_move(request->client, size);
    if (atomic_load(&request->state) == REQUEST_REFUSED)
        return drain(request, size);
    struct buf *body = &request->body;
    if (size > body->max - body->size) {
        err_set(&request->refusal, ERR_BODY_TOO_LARGE, "the body has more than %zu bytes",
                body->max);
        return refuse_body(request);
    }
    uint64_t capacity = body->capacity;
    if (body->size + size > capacity) /* it doubles */
        capacity = body->size + size > 2 * capacity ? body->size + size : 2 * capacity;
    if (!account_raise(&request->account, capacity, &request->refusal))
        return refuse_body(request);
    buf_append(body, data, size);
    return MHD_YES;
}

/* --- What it means ------------------------------------------------------------------------------
 */

/* Clients of OpenMeter send CloudEvents; those of Lago send JSON, and expect all or nothing. */
static void choose_form(struct request *request)
{
    if (!request->compatible)
        return;
    const bool lago = request->kind == EVENT_BODY_JSON || request->kind == EVENT_BODY_NDJSON;
    request->options.form = lago ? EVENTS_FORM_LAGO : EVENTS_FORM_OPENMETER;
    request->options.atomic |= lago;
}

static void set_rules(struct request *request)
{
    choose_form(request);
    const struct limits *limits = &request->server->limits;
    request->rules = (struct event_rules){
        .organization_id = slice_from(request->organization),
        .idempotency_key = request->headers.idempotency_key,
        .received_ms = clock_wall_ms(),
        .max_age_ms = atomic_load(&limits->max_age_ms),
        .max_future_ms = atomic_load(&limits->max_future_ms),
        .event_max = atomic_load(&limits->event_max),
        .events_max = atomic_load(&limits->events_max),
        .timestamp_optional = request->options.form == EVENTS_FORM_LAGO,
        .id_includes_source = atomic_load(&limits->id_includes_source),
        .headers = &request->headers.cloudevent,
    };
}

/* Puts what the body means in its place. */
static bool inflate(struct request *request, struct err *reterr)
{
    struct limits *limits = &request->server->limits;
    struct buf inflated;
    struct account account = {.limits = limits, .tenant = request->tenant};
    if (request->coding == INFLATE_IDENTITY)
        return true;
    if (!inflate_body(request->coding, buf_slice(&request->body),
                      atomic_load(&limits->inflated_max), &account, &inflated, reterr))
        return false;
    buf_done(&request->body);
    account_close(&request->account);
    request->body = inflated;
    request->account = account;
    return true;
}

static void release_snapshot(const struct catalog_snapshot **snapshot)
{
    catalog_release(*snapshot);
}

static size_t arena_worst(const struct request *request)
{
    const size_t events = request->body.size / 2 + 1; /* none is shorter than a digit and a comma */
    const size_t max = request->rules.events_max;
    return events_arena_max(request->body.size, &request->rules) +
           produce_arena_max(events < max ? events : max);
}

/* Memory of the arena is taken from the budget before it is there; request->refusal says why not.
 */
static bool take_memory(void *context, size_t bytes)
{
    struct request *request = context;
    return account_raise(&request->account, request->body.size + request->arena.held + bytes,
                         &request->refusal);
}

/* The metrics of now, not of when the headers came: a slow body must not keep an old snapshot. They
 * are looked up only here, so nothing of the snapshot stays behind in the batch. */
static bool accept_body(struct request *request, struct err *reterr)
{
    if (!inflate(request, reterr))
        return false;
    set_rules(request);
    CLEANUP(release_snapshot)
    const struct catalog_snapshot *snapshot = catalog_acquire(request->server->catalog);
    request->rules.metrics = catalog_event_metrics(
        snapshot ? catalog_organization_find(snapshot, request->rules.organization_id) : NULL);
    arena_init(&request->arena, arena_worst(request));
    arena_ask(&request->arena, take_memory, request);
    bool ok = events_accept(buf_slice(&request->body), request->kind, &request->rules,
                            &request->options, &request->arena, &request->batch, reterr);
    request->rules.metrics = (struct event_metrics){.find = NULL};
    if (request->refusal.code != ERR_NONE) {
        *reterr = request->refusal;
        ok = false;
    }
    if (!ok)
        request->batch = (struct events_batch){0};
    account_settle(&request->account, request->body.size + request->arena.held);
    return ok;
}

/* The request is taken whole or refused whole, by what it holds: a wrong event costs as much as a
 * good one. */
static bool take_quota(struct request *request, struct err *reterr)
{
    if (quota_take(&request->quota, &request->tenant->usage, request->batch.results_len,
                   request->body.size, now_ns(request), &request->retry_after_s, reterr))
        return true;
    request->batch = (struct events_batch){0};
    return false;
}

static enum MHD_Result send_answer(struct request *request)
{
    struct answer answer;
    events_answer(&request->batch, &request->rules, &request->options, &answer);
    return reply_send(request, &answer);
}

enum MHD_Result request_end(struct request *request)
{
    client_enter(request->client, CLIENT_SERVED);
    if (atomic_load(&request->state) == REQUEST_REFUSED)
        return send_refusal(request);
    request->gathered_us = clock_mono_us();
    struct err err;
    if (!accept_body(request, &err) || !take_quota(request, &err))
        return reply_problem(request, &err);
    if (request->options.validate) {
        request->counted = true; /* events that are only checked are not counted */
        return send_answer(request);
    }
    if (request->batch.records_len == 0) {
        produce_settle(request);
        return send_answer(request);
    }
    if (!produce_records(request, &err))
        return reply_problem(request, &err);
    return MHD_YES;
}

enum MHD_Result request_answer(struct request *request)
{
    deadline_remove(&request->server->deadlines, request);
    produce_settle(request);
    if (request->failed > 0)
        log_warning(DELIVERY_FAILED, log_str("request", request->id),
                    log_u64("events", request->failed),
                    log_i64("waited_ms", (clock_mono_us() - request->gathered_us) / 1000));
    /* The producer took none: its reason says more than that the fate is unknown. */
    if (request->sent == 0 && err_code_class(request->send_err.code) == ERR_CLASS_RETRY)
        return reply_problem(request, &request->send_err);
    return send_answer(request);
}
