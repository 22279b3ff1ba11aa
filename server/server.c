/* bxb-server's parts, put together. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/server.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/metrics.h"
#include "kafka/kafka.h"
#include "kafka/topic_check.h"
#include "server/listener.h"
#include "server/produce.h"
#include "server/refusals.h"
#include <stdio.h>
#include <string.h>

enum {
    /* After the grace: how long the last answers may take to leave. */
    ANSWERS_MS = 2000,
    LOOK_EVERY_MS = 5,
};

/* --- What the parts ask -------------------------------------------------------------------------
 */

void server_enter(struct server *server)
{
    atomic_fetch_add(&server->requests, 1);
}

void server_leave(struct server *server)
{
    atomic_fetch_sub(&server->requests, 1);
}

void server_make_id(struct server *server, char *ret_id)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t n = atomic_fetch_add(&server->next_id, 1);
    memcpy(ret_id, server->id_prefix, SERVER_ID_PREFIX_SIZE);
    ret_id[SERVER_ID_PREFIX_SIZE] = '-';
    for (int i = SERVER_ID_SIZE - 1; i > SERVER_ID_PREFIX_SIZE; i--, n >>= 4)
        ret_id[i] = digits[n & 15];
    ret_id[SERVER_ID_SIZE] = '\0';
}

bool server_takes(struct server *server, struct err *reterr)
{
    if (atomic_load(&server->stopping))
        return err_set(reterr, ERR_SHUTTING_DOWN, "the service is shutting down");
    return catalog_ready(server->catalog, reterr) && producer_ready(server->producer, reterr);
}

static bool on_ready(void *context, struct err *reterr)
{
    return server_takes(context, reterr);
}

/* Asked by the topic's guard, on its thread. */
static bool on_partitions(void *context, const char *cluster_id, uint32_t *ret_partitions,
                          struct err *reterr)
{
    struct server *server = context;
    const struct catalog_snapshot *snapshot = catalog_acquire(server->catalog);
    if (!snapshot)
        return err_set(reterr, ERR_NOT_READY, "the catalog is not loaded yet");
    *ret_partitions = catalog_partitions(snapshot, slice_from(cluster_id));
    catalog_release(snapshot);
    return true;
}

static void on_metrics(void *context, struct buf *out)
{
    struct server *server = context;
    struct producer_status status;
    struct err err;
    producer_status(server->producer, &status);
    metrics_set(METRIC_SERVER_CONNECTIONS, listener_connections(server->listener));
    metrics_set(METRIC_SERVER_INFLIGHT_BYTES, (int64_t)atomic_load(&server->limits.inflight));
    metrics_set(METRIC_SERVER_INFLIGHT_EVENTS, (int64_t)status.outstanding);
    metrics_set(METRIC_SERVER_CATALOG_AGE, catalog_age_ms(server->catalog) / 1000);
    metrics_set(METRIC_SERVER_READY, server_takes(server, &err));
    metrics_set(METRIC_SERVER_TENANTS, (int64_t)tenants_len(&server->tenants));
    refusals_print(out);
}

static void on_kafka_line(enum kafka_log_level level, const char *facility, const char *text)
{
    switch (level) {
    case KAFKA_LOG_DEBUG:
        log_debug(BROKER, log_str("facility", facility), log_str("text", text));
        break;
    case KAFKA_LOG_WARNING:
        log_info(BROKER, log_str("facility", facility), log_str("text", text));
        break;
    case KAFKA_LOG_ERROR:
        log_warning(BROKER, log_str("facility", facility), log_str("text", text));
        break;
    }
}

/* --- Start and stop -----------------------------------------------------------------------------
 */

static void make_id_prefix(struct server *server)
{
    uint8_t bytes[SERVER_ID_PREFIX_SIZE / 2];
    digest_random(bytes, sizeof(bytes));
    digest_hex(bytes, sizeof(bytes), server->id_prefix);
}

static bool start_parts(struct server *server, const struct settings *settings, struct err *reterr)
{
    const struct admin_hooks hooks = {
        .program = "bxb-server", .ready = on_ready, .metrics = on_metrics, .context = server};
    server->catalog = catalog_start(settings);
    server->producer = producer_start(settings, produce_report, on_partitions, server, reterr);
    if (!server->producer)
        return false;
    deadline_start(&server->deadlines, &server->limits);
    server->admin = admin_start(settings->server_admin_listen, &hooks, reterr);
    if (!server->admin)
        return err_prefix(reterr, "server.admin_listen");
    server->listener = listener_start(server, settings, reterr);
    if (!server->listener)
        return err_prefix(reterr, "server.listen");
    return true;
}

static void free_parts(struct server *server)
{
    listener_stop(server->listener);
    admin_stop(server->admin);
    deadline_stop(&server->deadlines);
    producer_stop(server->producer, 0 /* grace_ms */);
    catalog_stop(server->catalog);
    tenants_done(&server->tenants);
}

bool server_start(struct server *server, const struct settings *settings, struct err *reterr)
{
    *server = (struct server){.topic = settings->events_topic};
    kafka_set_logger(on_kafka_line);
    limits_set(&server->limits, settings);
    tenants_init(&server->tenants);
    make_id_prefix(server);
    if (start_parts(server, settings, reterr))
        return true;
    free_parts(server);
    return false;
}

static void wait_for_requests(struct server *server, int64_t deadline)
{
    while (atomic_load(&server->requests) > 0 && clock_mono_ms() < deadline)
        clock_sleep_ms(LOOK_EVERY_MS);
}

void server_stop(struct server *server, int64_t grace_ms)
{
    const int64_t deadline = clock_mono_ms() + grace_ms;
    /* From here on /readyz and new requests on open connections are answered 503. */
    atomic_store(&server->stopping, true);
    listener_quiesce(server->listener);
    wait_for_requests(server, deadline);
    /* What still waits is purged, so reported, so resumed: libmicrohttpd must not be stopped with a
     * suspended connection. */
    int64_t left = deadline - clock_mono_ms();
    producer_drain(server->producer, left > 0 ? left : 0);
    wait_for_requests(server, clock_mono_ms() + ANSWERS_MS);
    free_parts(server);
}

void server_reload(struct server *server, const struct settings *settings)
{
    limits_set(&server->limits, settings);
}

/* --- What an operator should know ---------------------------------------------------------------
 */

static void watch_readiness(struct server *server)
{
    struct err err;
    bool ready = server_takes(server, &err);
    if (server->reported && ready == server->was_ready)
        return;
    server->reported = true;
    server->was_ready = ready;
    if (ready)
        log_info(READY, log_u64("partitions", producer_partitions(server->producer)));
    else
        log_warning(NOT_READY, log_error_of(&err));
}

/* Logs each risk of the topic once, and again when it comes back. */
static void watch_topic(struct server *server, const struct producer_status *status)
{
    for (unsigned i = 0; i < TOPIC_RISK_COUNT; i++) {
        struct err err;
        if (!(status->topic_risks & ~server->risks & 1u << i))
            continue;
        topic_risk_describe((enum topic_risk)i, server->topic, &err);
        log_warning(TOPIC_RISK, log_error_of(&err));
    }
    server->risks = status->topic_risks;
    metrics_set(METRIC_SERVER_TOPIC_RISKS, __builtin_popcount(status->topic_risks));
}

static void watch_producer(struct server *server)
{
    struct producer_status status;
    producer_status(server->producer, &status);
    watch_topic(server, &status);
    if (status.losses != server->losses)
        log_error(ACKNOWLEDGED_LOST, log_error_of(&status.last_loss));
    server->losses = status.losses;
    if (status.recreations == server->recreations)
        return;
    log_error(PRODUCER_FATAL, log_error_of(&status.last_fatal));
    log_info(PRODUCER_RECREATED, log_u64("times", status.recreations));
    metrics_add(METRIC_SERVER_PRODUCERS_RECREATED, status.recreations - server->recreations);
    server->recreations = status.recreations;
}

void server_watch(struct server *server)
{
    struct err problem;
    if (catalog_take_problem(server->catalog, &problem))
        log_warning(CATALOG_STALE, log_error_of(&problem));
    if (catalog_take_broken_schema(server->catalog, &problem))
        log_error(SCHEMA_BROKEN, log_error_of(&problem));
    watch_producer(server);
    watch_readiness(server);
}
