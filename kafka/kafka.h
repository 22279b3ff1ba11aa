/* What all clients of Kafka in this room share.
 *
 * librdkafka would write its own lines to stderr; here they go to a function that the program sets,
 * because this room does not log.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_KAFKA_H
#define KAFKA_KAFKA_H
#include "base/err.h"
#include "base/settings.h"
#include <stdbool.h>

enum kafka_log_level {
    KAFKA_LOG_DEBUG,
    KAFKA_LOG_WARNING,
    KAFKA_LOG_ERROR,
};

/* One line of librdkafka: `facility` is its short name of the matter ("FAIL", "FATAL", …).
 * Called on threads of librdkafka; must not block. */
typedef void kafka_logger_fn(enum kafka_log_level level, const char *facility, const char *text);

/* Set once, before anything of this room is started; NULL (the default) drops all lines. */
void kafka_set_logger(kafka_logger_fn *logger);

/* Whether the `kafka.<property>` settings can be used: they exist, have a legal value, and none is
 * one that the promises rest on. Errors: SETTINGS_INVALID, with the reason. */
bool kafka_check_settings(const struct settings *settings, struct err *reterr) MUST_CHECK;

#endif
