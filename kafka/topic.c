/* The topic between server and writer, seen from outside. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/topic.h"

#include "base/assert.h"
#include "base/clock.h"
#include "kafka/conf.h"
#include "kafka/topic_check.h"
#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

enum {
    RETRY_MS = 100,
    MESSAGE_MAX_LEAST = 1048588, /* the broker's own default */
};

static const int64_t retention_ms = INT64_C(7) * 24 * 3600 * 1000;

struct topic {
    rd_kafka_t *rk;           /* owned */
    rd_kafka_topic_t *handle; /* owned */
    rd_kafka_queue_t *queue;  /* owned; results of admin requests */
    char *name;               /* owned */
    int64_t timeout_ms;
};

struct topic *topic_open(const struct settings *settings, struct err *reterr)
{
    rd_kafka_conf_t *conf = conf_new(settings, CONF_TOOL, reterr);
    if (!conf)
        return NULL;
    char text[256];
    /* A consumer, because asking about a topic as a producer can create it. */
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        err_set(reterr, ERR_SETTINGS_INVALID, "kafka: %s", text);
        return NULL;
    }
    struct topic *topic = xcalloc(1, sizeof(*topic));
    topic->rk = rk;
    topic->timeout_ms = TOPIC_TIMEOUT_MS;
    topic->name = xstrdup(settings->events_topic);
    topic->queue = rd_kafka_queue_new(rk);
    topic->handle = rd_kafka_topic_new(rk, topic->name, NULL /* conf */);
    if (!topic->handle) {
        err_set(reterr, ERR_SETTINGS_INVALID, "events.topic = %s: %s", topic->name,
                rd_kafka_err2str(rd_kafka_last_error()));
        topic_close(topic);
        return NULL;
    }
    return topic;
}

void topic_close(struct topic *topic)
{
    if (!topic)
        return;
    if (topic->handle)
        rd_kafka_topic_destroy(topic->handle);
    rd_kafka_queue_destroy(topic->queue);
    rd_kafka_destroy(topic->rk);
    free(topic->name);
    free(topic);
}

void topic_set_timeout(struct topic *topic, int64_t timeout_ms)
{
    topic->timeout_ms = timeout_ms;
}

static int left_ms(int64_t deadline)
{
    int64_t left = deadline - clock_mono_ms();
    return left > 1 ? (int)left : 1;
}

/* --- Making it ---------------------------------------------------------------------------------
 */

struct topic_plan topic_plan_from(const struct settings *settings)
{
    uint64_t record_max = topic_record_max(settings->server_event_max);
    return (struct topic_plan){
        .partitions = (uint32_t)settings->events_partitions,
        .retention_ms = retention_ms,
        .message_max = record_max > MESSAGE_MAX_LEAST ? record_max : MESSAGE_MAX_LEAST,
    };
}

static bool count_brokers(struct topic *topic, int64_t deadline, uint32_t *ret_brokers,
                          struct err *reterr)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(topic->rk, 0 /* all_topics */, NULL, &metadata, left_ms(deadline));
    if (code)
        return conf_error(reterr, code, "asking for the brokers", NULL);
    *ret_brokers = (uint32_t)metadata->broker_cnt;
    rd_kafka_metadata_destroy(metadata);
    return true;
}

static rd_kafka_AdminOptions_t *admin_options(struct topic *topic, rd_kafka_admin_op_t operation,
                                              int64_t deadline)
{
    char text[128];
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(topic->rk, operation);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, left_ms(deadline), text, sizeof(text));
    return options;
}

static rd_kafka_NewTopic_t *describe_new(const struct topic *topic, const struct topic_plan *plan,
                                         uint32_t brokers, struct err *reterr)
{
    uint32_t replicas = brokers < TOPIC_REPLICATION_MAX ? brokers : TOPIC_REPLICATION_MAX;
    char text[256];
    rd_kafka_NewTopic_t *new_topic = rd_kafka_NewTopic_new(topic->name, (int)plan->partitions,
                                                           (int)replicas, text, sizeof(text));
    if (!new_topic) {
        err_set(reterr, ERR_KAFKA_REFUSED, "topic %s: %s", topic->name, text);
        return NULL;
    }
    char retention[32], message_max[32], min_insync[32];
    snprintf(retention, sizeof(retention), "%lld", (long long)plan->retention_ms);
    snprintf(message_max, sizeof(message_max), "%llu", (unsigned long long)plan->message_max);
    snprintf(min_insync, sizeof(min_insync), "%u", replicas > 1 ? replicas - 1 : 1);
    const char *const configs[][2] = {
        {"message.timestamp.type", "LogAppendTime"},
        {"cleanup.policy", "delete"},
        {"retention.ms", retention},
        {"max.message.bytes", message_max},
        {"min.insync.replicas", min_insync},
    };
    for (size_t i = 0; i < ARRAY_LEN(configs); i++)
        rd_kafka_NewTopic_set_config(new_topic, configs[i][0], configs[i][1]);
    return new_topic;
}

/* Waits for the result of an admin request; NULL when the request as a whole failed. */
static rd_kafka_event_t *await(struct topic *topic, int64_t deadline, const char *what,
                               struct err *reterr)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(topic->queue, left_ms(deadline) + 500);
    if (!event) {
        conf_error(reterr, RD_KAFKA_RESP_ERR__TIMED_OUT, what, NULL);
        return NULL;
    }
    if (rd_kafka_event_error(event)) {
        conf_error(reterr, rd_kafka_event_error(event), what, rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
        return NULL;
    }
    return event;
}

static bool read_created(const rd_kafka_event_t *event, const char *what, bool *ret_created,
                         struct err *reterr)
{
    size_t len = 0;
    const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result((rd_kafka_event_t *)event), &len);
    if (len != 1)
        return err_set(reterr, ERR_KAFKA_REFUSED, "%s: the answer names %zu topics", what, len);
    rd_kafka_resp_err_t code = rd_kafka_topic_result_error(results[0]);
    if (code && code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return conf_error(reterr, code, what, rd_kafka_topic_result_error_string(results[0]));
    *ret_created = !code;
    return true;
}

/* The answer to CreateTopics comes before every broker's metadata know the topic. */
static bool await_leaders(struct topic *topic, int64_t deadline, struct err *reterr)
{
    for (;;) {
        struct topic_facts facts;
        bool described = topic_describe(topic, &facts, reterr);
        if (described && facts.leaderless == 0)
            return true;
        if (clock_mono_ms() >= deadline) {
            if (described)
                err_set(reterr, ERR_KAFKA_UNAVAILABLE, "topic %s: %u partitions have no leader",
                        topic->name, facts.leaderless);
            return false;
        }
        clock_sleep_ms(RETRY_MS);
    }
}

bool topic_create(struct topic *topic, const struct topic_plan *plan, bool *ret_created,
                  struct err *reterr)
{
    const int64_t deadline = clock_mono_ms() + topic->timeout_ms;
    uint32_t brokers = 0;
    if (!count_brokers(topic, deadline, &brokers, reterr))
        return false;
    rd_kafka_NewTopic_t *new_topic = describe_new(topic, plan, brokers, reterr);
    if (!new_topic)
        return false;
    rd_kafka_AdminOptions_t *options =
        admin_options(topic, RD_KAFKA_ADMIN_OP_CREATETOPICS, deadline);
    rd_kafka_CreateTopics(topic->rk, &new_topic, 1, options, topic->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(new_topic);
    rd_kafka_event_t *event = await(topic, deadline, "creating the topic", reterr);
    if (!event)
        return false;
    bool ok = read_created(event, "creating the topic", ret_created, reterr);
    rd_kafka_event_destroy(event);
    return ok && await_leaders(topic, deadline, reterr);
}

/* --- Looking at it -----------------------------------------------------------------------------
 */

static bool read_partitions(const struct rd_kafka_metadata_topic *found, struct topic_facts *facts,
                            struct err *reterr)
{
    if (found->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        found->err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        return err_set(reterr, ERR_NOT_FOUND, "there is no topic %s; `bxb migrate` makes it",
                       found->topic);
    if (found->err && found->err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
        return conf_error(reterr, found->err, "asking for the topic", NULL);
    facts->partitions = (uint32_t)found->partition_cnt;
    if (facts->partitions == 0)
        return err_set(reterr, ERR_KAFKA_UNAVAILABLE, "topic %s has no partitions yet",
                       found->topic);
    facts->replication = (uint32_t)found->partitions[0].replica_cnt;
    for (int i = 0; i < found->partition_cnt; i++) {
        if (found->partitions[i].leader < 0)
            facts->leaderless++;
        if ((uint32_t)found->partitions[i].replica_cnt < facts->replication)
            facts->replication = (uint32_t)found->partitions[i].replica_cnt;
    }
    return true;
}

static bool ask_metadata(struct topic *topic, int64_t deadline, struct topic_facts *facts,
                         struct err *reterr)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t code = rd_kafka_metadata(topic->rk, 0 /* all_topics */, topic->handle,
                                                 &metadata, left_ms(deadline));
    if (code)
        return conf_error(reterr, code, "asking for the topic", NULL);
    facts->brokers = (uint32_t)metadata->broker_cnt;
    bool ok = metadata->topic_cnt == 1
                  ? read_partitions(&metadata->topics[0], facts, reterr)
                  : err_set(reterr, ERR_NOT_FOUND, "there is no topic %s", topic->name);
    rd_kafka_metadata_destroy(metadata);
    if (!ok)
        return false;
    char *cluster_id = rd_kafka_clusterid(topic->rk, left_ms(deadline));
    if (!cluster_id)
        return err_set(reterr, ERR_KAFKA_UNAVAILABLE, "the cluster does not tell its id");
    snprintf(facts->cluster_id, sizeof(facts->cluster_id), "%s", cluster_id);
    rd_kafka_mem_free(topic->rk, cluster_id);
    return true;
}

static void read_config(const char *name, const char *value, struct topic_facts *facts)
{
    if (!value)
        return;
    if (strcmp(name, "message.timestamp.type") == 0)
        facts->log_append_time = strcmp(value, "LogAppendTime") == 0;
    else if (strcmp(name, "cleanup.policy") == 0)
        facts->compacted = strstr(value, "compact") != NULL;
    else if (strcmp(name, "retention.ms") == 0)
        facts->retention_ms = strtoll(value, NULL, 10);
    else if (strcmp(name, "max.message.bytes") == 0)
        facts->message_max = strtoull(value, NULL, 10);
    else if (strcmp(name, "min.insync.replicas") == 0)
        facts->min_insync = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(name, "unclean.leader.election.enable") == 0)
        facts->unclean_election = strcmp(value, "true") == 0;
}

static bool read_configs(const rd_kafka_event_t *event, struct topic_facts *facts,
                         struct err *reterr)
{
    size_t len = 0;
    const rd_kafka_ConfigResource_t **resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result((rd_kafka_event_t *)event), &len);
    if (len != 1)
        return err_set(reterr, ERR_KAFKA_REFUSED, "describing the topic: no answer about it");
    rd_kafka_resp_err_t code = rd_kafka_ConfigResource_error(resources[0]);
    if (code)
        return conf_error(reterr, code, "describing the topic",
                          rd_kafka_ConfigResource_error_string(resources[0]));
    size_t entries_len = 0;
    const rd_kafka_ConfigEntry_t **entries =
        rd_kafka_ConfigResource_configs(resources[0], &entries_len);
    for (size_t i = 0; i < entries_len; i++)
        read_config(rd_kafka_ConfigEntry_name(entries[i]), rd_kafka_ConfigEntry_value(entries[i]),
                    facts);
    return true;
}

static bool ask_configs(struct topic *topic, int64_t deadline, struct topic_facts *facts,
                        struct err *reterr)
{
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic->name);
    rd_kafka_AdminOptions_t *options =
        admin_options(topic, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, deadline);
    rd_kafka_DescribeConfigs(topic->rk, &resource, 1, options, topic->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_event_t *event = await(topic, deadline, "describing the topic", reterr);
    if (!event)
        return false;
    bool ok = read_configs(event, facts, reterr);
    rd_kafka_event_destroy(event);
    return ok;
}

bool topic_describe(struct topic *topic, struct topic_facts *ret_facts, struct err *reterr)
{
    const int64_t deadline = clock_mono_ms() + topic->timeout_ms;
    struct topic_facts facts = {0};
    if (!ask_metadata(topic, deadline, &facts, reterr) ||
        !ask_configs(topic, deadline, &facts, reterr))
        return false;
    *ret_facts = facts;
    return true;
}

/* A partition whose leader is just being elected is asked again. */
static rd_kafka_resp_err_t ask_range(struct topic *topic, uint32_t partition, int64_t deadline,
                                     struct topic_range *range)
{
    for (;;) {
        rd_kafka_resp_err_t code =
            rd_kafka_query_watermark_offsets(topic->rk, topic->name, (int32_t)partition,
                                             &range->low, &range->high, left_ms(deadline));
        if (!conf_error_passes(code) || clock_mono_ms() + RETRY_MS >= deadline)
            return code;
        clock_sleep_ms(RETRY_MS);
    }
}

bool topic_watermarks(struct topic *topic, struct topic_range *ret_ranges, uint32_t partitions,
                      struct err *reterr)
{
    const int64_t deadline = clock_mono_ms() + topic->timeout_ms;
    CLEANUP(mem_freep) struct topic_range *ranges = xcalloc(partitions + 1, sizeof(*ranges));
    for (uint32_t i = 0; i < partitions; i++) {
        rd_kafka_resp_err_t code = ask_range(topic, i, deadline, &ranges[i]);
        if (code)
            return conf_error(reterr, code, "asking how far the topic goes", NULL);
    }
    memcpy(ret_ranges, ranges, partitions * sizeof(*ranges));
    return true;
}

/* The first error of a partition, or none. */
static rd_kafka_resp_err_t take_answers(const rd_kafka_topic_partition_list_t *list,
                                        struct topic_moment moments[], size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const rd_kafka_topic_partition_t *answer = &list->elems[i];
        if (answer->err)
            return answer->err;
        moments[i].offset = answer->offset >= 0 ? answer->offset : -1;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* librdkafka asks the leaders that it knows, and does not look for others when they refuse. */
static void look_for_leaders(struct topic *topic, int64_t deadline)
{
    const struct rd_kafka_metadata *metadata;
    if (!rd_kafka_metadata(topic->rk, 0 /* all_topics */, topic->handle, &metadata,
                           left_ms(deadline)))
        rd_kafka_metadata_destroy(metadata);
}

bool topic_moments(struct topic *topic, struct topic_moment moments[], size_t len,
                   int64_t timeout_ms, struct err *reterr)
{
    static const char what[] = "asking where the topic was at a time";
    ASSERT(len > 0); /* librdkafka would wait for an answer of nobody */
    const int64_t deadline = clock_mono_ms() + timeout_ms;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)len);
    for (size_t i = 0; i < len; i++)
        rd_kafka_topic_partition_list_add(list, topic->name, (int32_t)moments[i].partition)
            ->offset = moments[i].timestamp_ms;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(topic->rk, list, left_ms(deadline));
    if (!code)
        code = take_answers(list, moments, len);
    rd_kafka_topic_partition_list_destroy(list);
    if (!code)
        return true;
    look_for_leaders(topic, deadline);
    /* One that is not there is being made anew, or will be missed by who reads it. */
    if (conf_meaning(code) == CONF_NO_TOPIC)
        return err_set(reterr, ERR_KAFKA_UNAVAILABLE, "%s: %s", what, rd_kafka_err2str(code));
    return conf_error(reterr, code, what, NULL);
}
