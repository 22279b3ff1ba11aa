/* Configurations of librdkafka. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/conf.h"

#include "base/assert.h"
#include "kafka/kafka.h"
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

struct property {
    const char *name;
    const char *value;
};

/* Ours; a `kafka.<property>` of the user replaces them. */
static const struct property common_defaults[] = {
    {"client.id", "bxb-ingest"},
    /* A record waits for its acknowledgement: Nagle's algorithm would add up to 40 ms. */
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    /* The longest pause between attempts to reach a broker that was away (10 s by default) is a
     * pause in which events are answered 503 although the broker is back. */
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "1000"},
};

static const struct property producer_defaults[] = {
    {"compression.type", "lz4"},
    {"linger.ms", "0"}, /* docs/decisions/0009 */
    /* Much longer than the deadline of a request: a record in flight is not given up while its
     * broker may still be about to append it. */
    {"message.timeout.ms", "120000"},
    /* A connection that a firewall forgot is given up after this (60 s by default), and its records
     * are sent again on a new one. The broker's own wait for its replicas must be shorter. */
    {"socket.timeout.ms", "15000"},
    {"request.timeout.ms", "10000"},
};

static const struct property consumer_defaults[] = {
    /* What is fetched ahead (docs/decisions/0026). librdkafka 2.0 and 2.1 look at a full queue
     * again after up to a second only, so it holds about what a lane stores in that time. */
    {"queued.min.messages", "400000"},
    {"queued.max.messages.kbytes", "131072"},
#if RD_KAFKA_VERSION >= 0x02020000
    {"fetch.queue.backoff.ms", "10"},
#endif
    /* One answer comes on top of that, inflated: up to 255 times of this. */
    {"fetch.max.bytes", "1048576"},
    {"fetch.message.max.bytes", "1048576"},
    {"fetch.wait.max.ms", "100"},
    {"fetch.error.backoff.ms", "100"},
    /* No group is joined, but librdkafka keeps a commit for a coordinator that is away for this
     * long, and cannot be destroyed meanwhile. The broker's own least is 6 s. */
    {"session.timeout.ms", "6000"},
};

/* What the promises rest on. Set after the user's properties, which may not name them. */
static const struct property producer_fixed[] = {
    {"acks", "all"},
    {"enable.idempotence", "true"},
};

static const struct property consumer_fixed[] = {
    {"enable.auto.commit", "false"},       {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},        {"check.crcs", "true"},
    {"isolation.level", "read_committed"}, {"enable.partition.eof", "true"},
};

/* Properties that may not be set, and why; beyond those that base/settings.c refuses. */
static const struct {
    const char *name;
    const char *reason;
} refused[] = {
    {"max.in.flight", "idempotence sets it"},
    {"max.in.flight.requests.per.connection", "idempotence sets it"},
    {"retries", "idempotence sets it; message.timeout.ms bounds the time"},
    {"message.send.max.retries", "idempotence sets it; message.timeout.ms bounds the time"},
    {"queuing.strategy", "idempotence sets it"},
    {"msg_order_cmp", "idempotence sets it"},
    {"delivery.report.only.error", "a 201 waits for the report of success"},
    {"queue.buffering.max.messages", "set server.queue_events"},
    {"queue.buffering.max.kbytes", "set server.queue_bytes"},
    {"group.instance.id", "offsets are kept in PostgreSQL"},
    {"auto.commit.enable", "offsets are kept in PostgreSQL"},
    {"enable.partition.eof", "the writer needs to know where the log ends"},
    {"statistics.interval.ms", "readiness is taken from the statistics"},
    {"test.mock.num.brokers", "it replaces the brokers by a mock"},
};

static kafka_logger_fn *logger; /* set once, before any client exists */

void kafka_set_logger(kafka_logger_fn *fn)
{
    logger = fn;
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    /* CONFWARN: one configuration serves both roles, and each names what it does not use. */
    if (!logger || strcmp(facility, "CONFWARN") == 0)
        return;
    enum kafka_log_level ours = level <= LOG_ERR       ? KAFKA_LOG_ERROR
                                : level <= LOG_WARNING ? KAFKA_LOG_WARNING
                                                       : KAFKA_LOG_DEBUG;
    logger(ours, facility, text);
}

void conf_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[256];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) != RD_KAFKA_CONF_OK)
        UNREACHABLE(name);
}

static void set_all(rd_kafka_conf_t *conf, const struct property *properties, size_t len)
{
    for (size_t i = 0; i < len; i++)
        conf_set(conf, properties[i].name, properties[i].value);
}

static bool set_user(rd_kafka_conf_t *conf, const struct settings *settings, struct err *reterr)
{
    for (size_t i = 0; i < settings->kafka_properties_len; i++) {
        const struct settings_property *property = &settings->kafka_properties[i];
        for (size_t r = 0; r < ARRAY_LEN(refused); r++)
            if (strcmp(property->name, refused[r].name) == 0)
                return err_set(reterr, ERR_SETTINGS_INVALID, "kafka.%s cannot be set: %s",
                               property->name, refused[r].reason);
        char text[256];
        if (rd_kafka_conf_set(conf, property->name, property->value, text, sizeof(text)) !=
            RD_KAFKA_CONF_OK)
            return err_set(reterr, ERR_SETTINGS_INVALID, "kafka.%s: %s", property->name, text);
    }
    return true;
}

static void conf_freep(rd_kafka_conf_t **conf)
{
    if (*conf)
        rd_kafka_conf_destroy(*conf);
}

static void set_queue(rd_kafka_conf_t *conf, const struct settings *settings)
{
    char text[32];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)settings->server_queue_events);
    conf_set(conf, "queue.buffering.max.messages", text);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)settings->server_queue_bytes / 1024);
    conf_set(conf, "queue.buffering.max.kbytes", text);
}

/* librdkafka refuses a consumer that fetches less than the user lets a message have. */
static void make_room_for_a_message(rd_kafka_conf_t *conf)
{
    char message[32] = "", fetch[32] = "";
    size_t size = sizeof message;
    (void)rd_kafka_conf_get(conf, "message.max.bytes", message, &size);
    size = sizeof fetch;
    (void)rd_kafka_conf_get(conf, "fetch.max.bytes", fetch, &size);
    if (strtoll(message, NULL, 10) > strtoll(fetch, NULL, 10))
        conf_set(conf, "fetch.max.bytes", message);
}

rd_kafka_conf_t *conf_new(const struct settings *settings, enum conf_role role, struct err *reterr)
{
    CLEANUP(conf_freep) rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, on_log);
    set_all(conf, common_defaults, ARRAY_LEN(common_defaults));
    if (role == CONF_PRODUCER)
        set_all(conf, producer_defaults, ARRAY_LEN(producer_defaults));
    if (role == CONF_CONSUMER)
        set_all(conf, consumer_defaults, ARRAY_LEN(consumer_defaults));
    if (!set_user(conf, settings, reterr))
        return NULL;
    if (role == CONF_PRODUCER) {
        set_all(conf, producer_fixed, ARRAY_LEN(producer_fixed));
        set_queue(conf, settings);
    }
    if (role == CONF_CONSUMER) {
        set_all(conf, consumer_fixed, ARRAY_LEN(consumer_fixed));
        make_room_for_a_message(conf);
    }
    char text[256];
    if (rd_kafka_conf_set(conf, "bootstrap.servers", settings->kafka, text, sizeof(text)) !=
        RD_KAFKA_CONF_OK) {
        err_set(reterr, ERR_SETTINGS_INVALID, "kafka: %s", text);
        return NULL;
    }
    return TAKE(conf);
}

bool kafka_check_settings(const struct settings *settings, struct err *reterr)
{
    CLEANUP(conf_freep) rd_kafka_conf_t *conf = conf_new(settings, CONF_PRODUCER, reterr);
    return conf != NULL;
}

enum conf_meaning conf_meaning(rd_kafka_resp_err_t code)
{
    switch ((int)code) {
#define CODE(name, meaning)                                                                        \
    case RD_KAFKA_RESP_ERR_##name:                                                                 \
        return CONF_##meaning;
#include "kafka/errors.def"
#undef CODE
    default:
        return CONF_REFUSED;
    }
}

bool conf_error_passes(rd_kafka_resp_err_t code)
{
    return conf_meaning(code) == CONF_PASSES;
}

bool conf_error(struct err *reterr, rd_kafka_resp_err_t code, const char *what, const char *text)
{
    enum err_code ours = conf_error_passes(code) ? ERR_KAFKA_UNAVAILABLE : ERR_KAFKA_REFUSED;
    const char *reason = text && *text ? text : rd_kafka_err2str(code);
    return err_set(reterr, ours, "%s: %s", what, reason);
}
