/* The topic between server and writer, seen from outside: making it, checking it, how far it goes.
 *
 *     struct topic *topic = topic_open(&settings, &err);
 *     if (topic_describe(topic, &facts, &err)) printf("%u partitions\n", facts.partitions);
 *     topic_close(topic);
 *
 * A handle is one client connection to the cluster; opening it does not wait for the broker. Each
 * call waits for the broker at most TOPIC_TIMEOUT_MS in all, unless topic_set_timeout says
 * otherwise.
 *
 * Threads: one at a time for one handle. SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_TOPIC_H
#define KAFKA_TOPIC_H
#include "base/err.h"
#include "base/settings.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct topic;

enum {
    TOPIC_TIMEOUT_MS = 10000,
    TOPIC_CLUSTER_ID_SIZE = 64, /* with its NUL; Kafka's are 22 characters */
    TOPIC_REPLICATION_MAX = 3,
};

/* What a topic must have that `bxb migrate` makes. */
struct topic_plan {
    uint32_t partitions;
    int64_t retention_ms;
    uint64_t message_max; /* bytes of one record at most: `max.message.bytes` */
};

struct topic_facts {
    char cluster_id[TOPIC_CLUSTER_ID_SIZE];
    uint32_t brokers;      /* of the cluster, alive now */
    uint32_t partitions;   /* at least 1 */
    uint32_t leaderless;   /* partitions without a leader now */
    uint32_t replication;  /* replicas of the partition that has fewest */
    uint32_t min_insync;   /* min.insync.replicas */
    bool log_append_time;  /* message.timestamp.type=LogAppendTime */
    bool unclean_election; /* unclean.leader.election.enable */
    bool compacted;        /* cleanup.policy contains compact */
    int64_t retention_ms;  /* retention.ms; negative: for ever */
    uint64_t message_max;  /* max.message.bytes */
};

/* First and next offset of a partition: it holds low … high-1 (fewer when records were removed). */
struct topic_range {
    int64_t low;
    int64_t high;
};

/* A client for the topic that `events.topic` names. Errors: SETTINGS_INVALID. */
struct topic *topic_open(const struct settings *settings, struct err *reterr) MUST_CHECK;
void topic_close(struct topic *topic); /* NULL is fine */
void topic_set_timeout(struct topic *topic, int64_t timeout_ms);

/* The plan that `settings` asks for: events.partitions, 7 days, records of server.event_max. */
struct topic_plan topic_plan_from(const struct settings *settings);

/* Makes the topic: LogAppendTime, cleanup by deletion, replicas as many as there are brokers but
 * at most TOPIC_REPLICATION_MAX, min.insync.replicas one less (at least 1). A topic that exists is
 * left as it is: *ret_created is false then, and topic_check.h tells whether it will do. Returns
 * when every partition has a leader. Errors: KAFKA_UNAVAILABLE, KAFKA_REFUSED. */
bool topic_create(struct topic *topic, const struct topic_plan *plan, bool *ret_created,
                  struct err *reterr) MUST_CHECK;

/* Errors: NOT_FOUND (no such topic), KAFKA_UNAVAILABLE, KAFKA_REFUSED. */
bool topic_describe(struct topic *topic, struct topic_facts *ret_facts,
                    struct err *reterr) MUST_CHECK;

/* Low and high of partitions 0 … partitions-1, in order, into `ret_ranges`. Asks the brokers.
 * Errors: KAFKA_UNAVAILABLE, KAFKA_REFUSED. */
bool topic_watermarks(struct topic *topic, struct topic_range *ret_ranges, uint32_t partitions,
                      struct err *reterr) MUST_CHECK;

/* Where a partition's log was at a moment. */
struct topic_moment {
    uint32_t partition;
    int64_t timestamp_ms;
    int64_t offset; /* answered: the first record that was appended then or later; -1: none was */
};

/* Asks the brokers of `len` partitions, at least one, each once for all of its partitions, and
 * waits at most `timeout_ms`. Without an answer for all of them there is none; who is to be asked
 * is looked up anew for the next time. Errors: KAFKA_UNAVAILABLE, KAFKA_REFUSED. */
bool topic_moments(struct topic *topic, struct topic_moment moments[], size_t len,
                   int64_t timeout_ms, struct err *reterr) MUST_CHECK;

#endif
