/* Whether the topic is as the promises need it: what is refused, and what is only risky.
 *
 * Refused is what breaks a promise for certain; a risk needs a second fault before anything is
 * lost, and the operator is told of it. Pure: judges what topic_describe found.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_TOPIC_CHECK_H
#define KAFKA_TOPIC_CHECK_H
#include "base/err.h"
#include "kafka/topic.h"
#include <stdbool.h>
#include <stdint.h>

enum { TOPIC_RETENTION_LEAST_MS = 24 * 3600 * 1000 };

/* The rows of kafka/topic_risks.def, as bits. */
enum topic_risk {
#define RISK(name, condition, risk, remedy) TOPIC_RISK_##name,
#include "kafka/topic_risks.def"
    TOPIC_RISK_COUNT
};

/* The bytes of one record at most, for events of `event_max` bytes: what the server adds to an
 * event and what Kafka adds to a record are included. */
uint64_t topic_record_max(uint64_t event_max);

/* Whether the topic can be used: LogAppendTime, not compacted, records of
 * topic_record_max(event_max) fit, and no more in-sync replicas are asked for than there are.
 * `name` is the topic's. Errors: TOPIC_MISMATCH, with the command that mends it. */
bool topic_check(const char *name, const struct topic_facts *facts, uint64_t event_max,
                 struct err *reterr) MUST_CHECK;

/* Whether `in_use` partitions, those that events go to, are there.
 * Errors: TOPIC_MISMATCH. */
bool topic_check_partitions(const char *name, const struct topic_facts *facts, uint32_t in_use,
                            struct err *reterr) MUST_CHECK;

/* The risks, as bits 1 << enum topic_risk. */
uint32_t topic_risks(const struct topic_facts *facts, uint32_t in_use);

/* What an operator is told of one: code TOPIC_RISK. */
void topic_risk_describe(enum topic_risk risk, const char *name, struct err *ret_err);

#endif
