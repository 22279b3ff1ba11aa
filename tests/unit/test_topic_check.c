/* What is refused of a topic, and what is only risky. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "kafka/topic_check.h"
#include "tests/unit/check.h"
#include <string.h>

enum { EVENT_MAX = 256 * 1024, IN_USE = 12 };

/* Three brokers, as they should be. */
static struct topic_facts good(void)
{
    return (struct topic_facts){
        .brokers = 3,
        .partitions = IN_USE,
        .replication = 3,
        .min_insync = 2,
        .log_append_time = true,
        .retention_ms = INT64_C(7) * 24 * 3600 * 1000,
        .message_max = 1048588,
    };
}

static bool refused(const struct topic_facts *facts, const char *mentions)
{
    struct err err;
    return !topic_check("billing-events", facts, EVENT_MAX, &err) &&
           err.code == ERR_TOPIC_MISMATCH && strstr(err.text, "topic billing-events") &&
           strstr(err.text, mentions) && strstr(err.text, "Mend it: ");
}

TEST(topic_check, takes_a_topic_as_it_should_be)
{
    struct topic_facts facts = good();
    struct err err;
    CHECK(topic_check("billing-events", &facts, EVENT_MAX, &err));
    CHECK(topic_check_partitions("billing-events", &facts, IN_USE, &err));
    CHECK(topic_risks(&facts, IN_USE) == 0);
}

TEST(topic_check, refuses_what_breaks_a_promise_and_names_the_remedy)
{
    struct topic_facts facts = good();
    facts.log_append_time = false;
    CHECK(refused(&facts, "message.timestamp.type=LogAppendTime"));
    facts = good();
    facts.compacted = true;
    CHECK(refused(&facts, "cleanup.policy=delete"));
    facts = good();
    facts.message_max = 999999; /* a batch of librdkafka has 1,000,000 */
    CHECK(refused(&facts, "max.message.bytes=1000000"));
    facts = good();
    facts.min_insync = 4;
    CHECK(refused(&facts, "min.insync.replicas=2"));
}

TEST(topic_check, measures_the_topic_by_the_largest_event)
{
    struct topic_facts facts = good();
    struct err err;
    const uint64_t event_max = 2 << 20;
    CHECK(!topic_check("t", &facts, event_max, &err));
    facts.message_max = topic_record_max(event_max) - 1;
    CHECK(!topic_check("t", &facts, event_max, &err));
    facts.message_max = topic_record_max(event_max);
    CHECK(topic_check("t", &facts, event_max, &err));
}

TEST(topic_check, refuses_fewer_partitions_than_are_in_use)
{
    struct topic_facts facts = good();
    struct err err;
    facts.partitions = IN_USE - 1;
    CHECK(!topic_check_partitions("t", &facts, IN_USE, &err) && err.code == ERR_TOPIC_MISMATCH);
    CHECK(strstr(err.text, "--partitions 12"));
    facts.partitions = IN_USE + 1;
    CHECK(topic_check_partitions("t", &facts, IN_USE, &err));
}

static bool risks_only(const struct topic_facts *facts, enum topic_risk risk)
{
    return topic_risks(facts, IN_USE) == 1u << risk;
}

TEST(topic_check, finds_each_risk_alone)
{
    struct topic_facts facts = good();
    facts.replication = facts.min_insync = 1;
    facts.unclean_election = true; /* there is nobody to elect */
    CHECK(risks_only(&facts, TOPIC_RISK_ONE_COPY));
    facts = good();
    facts.min_insync = 1;
    CHECK(risks_only(&facts, TOPIC_RISK_ONE_CONFIRMS));
    facts.min_insync = 3;
    CHECK(risks_only(&facts, TOPIC_RISK_NO_SPARE));
    facts = good();
    facts.unclean_election = true;
    CHECK(risks_only(&facts, TOPIC_RISK_UNCLEAN));
    facts = good();
    facts.retention_ms = TOPIC_RETENTION_LEAST_MS - 1;
    CHECK(risks_only(&facts, TOPIC_RISK_SHORT_RETENTION));
    facts.retention_ms = -1; /* for ever */
    CHECK(topic_risks(&facts, IN_USE) == 0);
    facts = good();
    facts.partitions = IN_USE + 1;
    CHECK(risks_only(&facts, TOPIC_RISK_MORE_PARTITIONS));
}

TEST(topic_check, describes_each_risk_with_its_remedy)
{
    for (unsigned i = 0; i < TOPIC_RISK_COUNT; i++) {
        struct err err;
        topic_risk_describe((enum topic_risk)i, "billing-events", &err);
        CHECK(err.code == ERR_TOPIC_RISK && strstr(err.text, "topic billing-events: "));
        CHECK(strstr(err.text, ". Mend it: "));
        CHECK(strlen(err.text) < ERR_TEXT_SIZE - 1); /* nothing was cut */
    }
}
