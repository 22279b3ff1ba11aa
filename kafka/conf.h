/* Configurations of librdkafka: ours, then the user's, then what the promises rest on. Private to
 * this room.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_CONF_H
#define KAFKA_CONF_H
#include "base/err.h"
#include "base/settings.h"
#include <stdbool.h>
#include <librdkafka/rdkafka.h>

enum conf_role {
    CONF_PRODUCER,
    CONF_CONSUMER,
    CONF_TOOL, /* asks and administers; neither produces nor consumes */
};

/* The configuration for a client of this role, owned by the caller: rd_kafka_conf_destroy, or
 * rd_kafka_new takes it. NULL with SETTINGS_INVALID when a `kafka.<property>` cannot be used. */
rd_kafka_conf_t *conf_new(const struct settings *settings, enum conf_role role,
                          struct err *reterr) MUST_CHECK;

/* Sets one property that must be legal, as our own always are. */
void conf_set(rd_kafka_conf_t *conf, const char *name, const char *value);

/* What an error of librdkafka means here: KAFKA_UNAVAILABLE for what passes by itself, else
 * KAFKA_REFUSED. Returns false. `what` says what was being done. */
bool conf_error(struct err *reterr, rd_kafka_resp_err_t code, const char *what, const char *text);

/* What kafka/errors.def says of an error. */
enum conf_meaning {
    CONF_REFUSED,
    CONF_PASSES,
    CONF_GAP,
    CONF_DAMAGED,
    CONF_NO_TOPIC,
    CONF_END,
};

enum conf_meaning conf_meaning(rd_kafka_resp_err_t code);

/* Whether an error passes by itself: connections, time-outs, elections. */
bool conf_error_passes(rd_kafka_resp_err_t code);

#endif
