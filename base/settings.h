/* Settings: one table (base/settings.def) makes the struct, the parser, the range checks,
 * --print-settings and docs/SETTINGS.md.
 *
 * Order of precedence: default < file < BXB_… environment < --set. `events.max_age = 35d` in the
 * file is BXB_EVENTS_MAX_AGE=35d in the environment. A secret has a `<key>_file` twin that names a
 * file to read it from. `kafka.<property>` goes to librdkafka as it is, except what the promises
 * rest on. An unknown key in the file or in --set is an error, an unknown BXB_… a warning.
 *
 * Durations: 250ms, 30s, 5m, 12h, 35d. Sizes: bytes, or 64KiB, 16MiB, 1GiB.
 *
 * Threads: filled at start, then read-only. SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct settings_property {
    char *name; /* as librdkafka spells it, without "kafka." */
    char *value;
};

struct settings {
#define SETTING_TYPE_TEXT                                     char *
#define SETTING_TYPE_CHOICE                                   char *
#define SETTING_TYPE_NUMBER                                   uint64_t
#define SETTING_TYPE_BOOL                                     bool
#define SETTING_TYPE_DURATION                                 int64_t
#define SETTING_TYPE_SIZE                                     uint64_t
#define SETTING(type, field, key, def, min, max, flags, help) SETTING_TYPE_##type field;
#include "base/settings.def"
#undef SETTING
    struct settings_property *kafka_properties; /* owned; in the order given, last one wins */
    size_t kafka_properties_len;
    char *file; /* where they were read from, or NULL */
};

void settings_init(struct settings *settings); /* every default */
void settings_done(struct settings *settings);

/* Sets one key from its text. Errors: SETTINGS_UNKNOWN, SETTINGS_INVALID, IO (a `_file` twin). */
bool settings_set(struct settings *settings, const char *key, const char *value,
                  struct err *reterr) MUST_CHECK;

/* Whether the key's text is a secret and nothing else: a password, a key. */
bool settings_is_secret(const char *key);

/* Reads `key = value` lines; # starts a comment line. The text names file and line. */
bool settings_read_file(struct settings *settings, const char *path, struct err *reterr) MUST_CHECK;

/* Reads BXB_… of the environment; unknown names go to `warn` (called with a name). */
bool settings_read_environment(struct settings *settings, void (*warn)(const char *name),
                               struct err *reterr) MUST_CHECK;

/* The rules that span settings. */
bool settings_check(const struct settings *settings, struct err *reterr) MUST_CHECK;

/* Takes over the reloadable settings of `fresh`, which loses them. */
void settings_reload(struct settings *settings, struct settings *fresh);

/* `key = value` lines with help as comments; secrets as "(set)" or "(not set)". */
void settings_print(const struct settings *settings, FILE *out);

/* Writes docs/SETTINGS.md. */
void settings_print_docs(FILE *out);

#endif
