/* Whether the topic is as the promises need it. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/topic_check.h"

enum {
    RECORD_OVERHEAD = 4096, /* our field names, ids and times, and Kafka's framing */
    BATCH_BYTES = 1000000,  /* librdkafka's batch.size: a batch counts as one message */
};

uint64_t topic_record_max(uint64_t event_max)
{
    return event_max + RECORD_OVERHEAD;
}

static bool check_size(const char *name, const struct topic_facts *facts, uint64_t event_max,
                       struct err *reterr)
{
    uint64_t needed = topic_record_max(event_max);
    needed = needed > BATCH_BYTES ? needed : BATCH_BYTES;
    if (facts->message_max >= needed)
        return true;
    return err_set(reterr, ERR_TOPIC_MISMATCH,
                   "topic %s takes records of %llu bytes, %llu are needed. Mend it: "
                   "kafka-configs.sh --alter --topic %s --add-config max.message.bytes=%llu",
                   name, (unsigned long long)facts->message_max, (unsigned long long)needed, name,
                   (unsigned long long)needed);
}

bool topic_check(const char *name, const struct topic_facts *facts, uint64_t event_max,
                 struct err *reterr)
{
    if (!facts->log_append_time)
        return err_set(reterr, ERR_TOPIC_MISMATCH,
                       "topic %s has message.timestamp.type=CreateTime: neither retention nor "
                       "deduplication may depend on a sender's clock. Mend it: kafka-configs.sh "
                       "--alter --topic %s --add-config message.timestamp.type=LogAppendTime",
                       name, name);
    if (facts->compacted)
        return err_set(reterr, ERR_TOPIC_MISMATCH,
                       "topic %s is compacted, which removes events. Mend it: kafka-configs.sh "
                       "--alter --topic %s --add-config cleanup.policy=delete",
                       name, name);
    if (facts->min_insync > facts->replication)
        return err_set(reterr, ERR_TOPIC_MISMATCH,
                       "topic %s has min.insync.replicas=%u but %u replicas: no event can be "
                       "acknowledged. Mend it: more replicas, or kafka-configs.sh --alter --topic "
                       "%s --add-config min.insync.replicas=%u",
                       name, facts->min_insync, facts->replication, name,
                       facts->replication > 2 ? facts->replication - 1 : facts->replication);
    return check_size(name, facts, event_max, reterr);
}

bool topic_check_partitions(const char *name, const struct topic_facts *facts, uint32_t in_use,
                            struct err *reterr)
{
    return facts->partitions >= in_use ||
           err_set(reterr, ERR_TOPIC_MISMATCH,
                   "topic %s has %u partitions, events go to %u: it was made anew. Mend it: "
                   "kafka-topics.sh --alter --topic %s --partitions %u; what it held is gone, see "
                   "docs/OPERATIONS.md",
                   name, facts->partitions, in_use, name, in_use);
}

uint32_t topic_risks(const struct topic_facts *facts, uint32_t in_use)
{
    uint32_t risks = 0;
#define RISK(name, condition, risk, remedy) risks |= (condition) ? 1u << TOPIC_RISK_##name : 0u;
#include "kafka/topic_risks.def"
    return risks;
}

void topic_risk_describe(enum topic_risk risk, const char *name, struct err *ret_err)
{
    static const struct {
        const char *risk, *remedy;
    } rows[TOPIC_RISK_COUNT] = {
#define RISK(name, condition, risk, remedy) {risk, remedy},
#include "kafka/topic_risks.def"
    };
    err_set(ret_err, ERR_TOPIC_RISK, "topic %s: %s. Mend it: %s", name, rows[risk].risk,
            rows[risk].remedy);
}
