/* One line per event of interest, on stderr, as logfmt or JSON, times in UTC milliseconds.
 *
 *     log_info(SERVER_READY, log_str("listen", address), log_u64("partitions", n));
 *
 * Event names come from base/log_events.def. Payloads and keys are never logged. A line that
 * repeats is held back and counted: at most LOG_BURST lines of one event in LOG_WINDOW_MS.
 * base, schemas, postgres, clickhouse, kafka, catalog and handlers do not log above debug: they
 * return a struct err, and the program logs once, where the error stops.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include "base/err.h"
#include "base/slice.h"
#include <stdint.h>

enum {
    LOG_BURST = 20,
    LOG_WINDOW_MS = 10000,
};

enum log_event {
#define LOG_EVENT(name, text) LOG_EVENT_##name,
#include "base/log_events.def"
#undef LOG_EVENT
    LOG_EVENT_COUNT
};

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_ERROR,
};

enum log_format {
    LOG_FORMAT_LOGFMT,
    LOG_FORMAT_JSON,
};

struct log_field {
    const char *key; /* NULL ends a list */
    enum log_field_kind { LOG_FIELD_TEXT, LOG_FIELD_U64, LOG_FIELD_I64, LOG_FIELD_ERR } kind;
    union {
        struct slice text;
        uint64_t u64;
        int64_t i64;
        const struct err *err; /* becomes code=… and error="…" */
    };
};

static inline struct log_field log_str(const char *key, const char *text)
{
    return (struct log_field){.key = key, .kind = LOG_FIELD_TEXT, .text = slice_from(text)};
}
static inline struct log_field log_slice(const char *key, struct slice text)
{
    return (struct log_field){.key = key, .kind = LOG_FIELD_TEXT, .text = text};
}
static inline struct log_field log_u64(const char *key, uint64_t value)
{
    return (struct log_field){.key = key, .kind = LOG_FIELD_U64, .u64 = value};
}
static inline struct log_field log_i64(const char *key, int64_t value)
{
    return (struct log_field){.key = key, .kind = LOG_FIELD_I64, .i64 = value};
}
static inline struct log_field log_error_of(const struct err *err)
{
    return (struct log_field){.key = "error", .kind = LOG_FIELD_ERR, .err = err};
}

/* Set once at start; `program` is borrowed for ever. */
void log_setup(const char *program, enum log_level lowest, enum log_format format);

void log_write(enum log_level level, enum log_event event, const struct log_field fields[]);

#define LOG_FIELDS(...)       ((const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){.key = NULL}})
#define log_debug(event, ...) log_write(LOG_LEVEL_DEBUG, LOG_EVENT_##event, LOG_FIELDS(__VA_ARGS__))
#define log_info(event, ...)  log_write(LOG_LEVEL_INFO, LOG_EVENT_##event, LOG_FIELDS(__VA_ARGS__))
#define log_warning(event, ...)                                                                    \
    log_write(LOG_LEVEL_WARNING, LOG_EVENT_##event, LOG_FIELDS(__VA_ARGS__))
#define log_error(event, ...) log_write(LOG_LEVEL_ERROR, LOG_EVENT_##event, LOG_FIELDS(__VA_ARGS__))

#endif
