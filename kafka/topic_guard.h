/* Looks at the topic when the server starts and again and again while it runs, so that a topic that
 * was altered, made anew or removed stops the server instead of losing events.
 *
 * Threads: one of its own; the functions may be called from any.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_TOPIC_GUARD_H
#define KAFKA_TOPIC_GUARD_H
#include "base/err.h"
#include "base/settings.h"
#include <stdbool.h>
#include <stdint.h>

struct topic_guard;

/* How many partitions events go to in this cluster: *ret_partitions is 0 when nobody has decided it
 * yet, and the topic's own number becomes it. False with *reterr when it cannot be told now. */
typedef bool topic_in_use_fn(void *context, const char *cluster_id, uint32_t *ret_partitions,
                             struct err *reterr);

/* `settings` is borrowed until topic_guard_stop; `in_use` may be NULL. Looks every
 * events.topic_check, and while the topic does not pass soon again, then once a second. Does not
 * wait. */
struct topic_guard *topic_guard_start(const struct settings *settings, topic_in_use_fn *in_use,
                                      void *context);

/* Waits at most three seconds for a broker that does not answer. NULL is fine. */
void topic_guard_stop(struct topic_guard *guard);

/* Whether the topic was as it must be when it was last seen. A broker that is away changes nothing:
 * others notice it. Errors: NOT_READY, with the reason and the remedy. Cheap enough for every
 * request. */
bool topic_guard_passes(struct topic_guard *guard, struct err *reterr) MUST_CHECK;

/* The partitions that events go to; 0 before the topic first passed. It does not change while the
 * process lives, so that equal keys meet in one partition. */
uint32_t topic_guard_partitions(const struct topic_guard *guard);

/* The risks of the topic, bits of kafka/topic_check.h; 0 before it was seen. */
uint32_t topic_guard_risks(const struct topic_guard *guard);

#endif
