/* Settings from their table. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/settings.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/units.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

enum type { TYPE_TEXT, TYPE_CHOICE, TYPE_NUMBER, TYPE_BOOL, TYPE_DURATION, TYPE_SIZE };
enum { SECRET = 1, RELOAD = 2 };

static const char *const type_names[] = {"text", "choice", "number", "bool", "duration", "size"};

static const struct row {
    enum type type;
    size_t offset; /* of the field in struct settings */
    const char *key, *def, *min, *max;
    int flags;
    const char *help;
} rows[] = {
#define SETTING(type, field, key, def, min, max, flags, help)                                      \
    {TYPE_##type, offsetof(struct settings, field), key, def, min, max, flags, help},
#include "base/settings.def"
#undef SETTING
};

enum { FILE_SUFFIX_SIZE = 5, LINE_SIZE_MAX = 64 * 1024 };
static const char environment_prefix[] = "BXB_";
static const char kafka_prefix[] = "kafka.";

/* Prefixes of BXB_ variables that are not settings but belong to scripts around the programs. */
static const char *const foreign_variables[] = {"BXB_LOCAL", "BXB_TEST_", "BXB_BENCH_"};

/* What librdkafka may not be told, because the promises rest on it. */
static const struct {
    const char *name, *reason;
} refused_properties[] = {
    {"bootstrap.servers", "use the setting kafka"},
    {"metadata.broker.list", "use the setting kafka"},
    {"enable.idempotence", "it is always true: without it a retry can store an event twice"},
    {"acks", "it is always all: a 201 means that all in-sync replicas have the event"},
    {"request.required.acks", "it is always all: a 201 means that all in-sync replicas have it"},
    {"enable.gapless.guarantee",
     "events need no order, and it turns a time-out into a fatal error"},
    {"transactional.id", "transactions are not used"},
    {"enable.auto.commit", "progress is kept in PostgreSQL"},
    {"enable.auto.offset.store", "progress is kept in PostgreSQL"},
    {"auto.offset.reset", "it is always error: a gap must be seen"},
    {"check.crcs", "it is always true"},
    {"partitioner", "the partition is always computed by bxb-server"},
    {"group.id", "the writer does not join a group"},
    {"isolation.level", "it is always read_committed"},
};

static char **text_of(const struct settings *settings, const struct row *row)
{
    return (char **)(void *)((char *)settings + row->offset);
}

static uint64_t *number_of(const struct settings *settings, const struct row *row)
{
    return (uint64_t *)(void *)((char *)settings + row->offset);
}

static bool *bool_of(const struct settings *settings, const struct row *row)
{
    return (bool *)(void *)((char *)settings + row->offset);
}

static bool is_text(const struct row *row)
{
    return row->type == TYPE_TEXT || row->type == TYPE_CHOICE;
}

static bool parse_number(enum type type, const char *text, uint64_t *ret_number)
{
    int64_t ms = 0;
    switch (type) {
    case TYPE_DURATION:
        if (!units_parse_duration(text, &ms))
            return false;
        *ret_number = (uint64_t)ms;
        return true;
    case TYPE_SIZE:
        return units_parse_size(text, ret_number);
    default:
        return units_parse_number(text, ret_number);
    }
}

static bool set_number(struct settings *settings, const struct row *row, const char *value,
                       struct err *reterr)
{
    uint64_t number, min, max;
    ASSERT(parse_number(row->type, row->min, &min) && parse_number(row->type, row->max, &max));
    if (!parse_number(row->type, value, &number) || number < min || number > max)
        return err_set(reterr, ERR_SETTINGS_INVALID, "%s: '%s' is not a %s from %s to %s", row->key,
                       value, type_names[row->type], row->min, row->max);
    *number_of(settings, row) = number;
    return true;
}

static bool set_bool(struct settings *settings, const struct row *row, const char *value,
                     struct err *reterr)
{
    bool on = strcmp(value, "true") == 0 || strcmp(value, "on") == 0;
    if (!on && strcmp(value, "false") != 0 && strcmp(value, "off") != 0)
        return err_set(reterr, ERR_SETTINGS_INVALID, "%s: '%s' is neither true nor false", row->key,
                       value);
    *bool_of(settings, row) = on;
    return true;
}

static void replace_text(char **text, char *with)
{
    free(*text);
    *text = with;
}

static bool set_choice(struct settings *settings, const struct row *row, const char *value,
                       struct err *reterr)
{
    const char *at = row->def;
    for (size_t size = strlen(value); *at != '\0'; at += *at == '|') {
        size_t choice = strcspn(at, "|");
        if (size == choice && strncmp(at, value, size) == 0) {
            replace_text(text_of(settings, row), xstrdup(value));
            return true;
        }
        at += choice;
    }
    return err_set(reterr, ERR_SETTINGS_INVALID, "%s: '%s' is not one of %s", row->key, value,
                   row->def);
}

static bool set_row(struct settings *settings, const struct row *row, const char *value,
                    struct err *reterr)
{
    switch (row->type) {
    case TYPE_TEXT:
        replace_text(text_of(settings, row), xstrdup(value));
        return true;
    case TYPE_CHOICE:
        return set_choice(settings, row, value, reterr);
    case TYPE_BOOL:
        return set_bool(settings, row, value, reterr);
    default:
        return set_number(settings, row, value, reterr);
    }
}

void settings_init(struct settings *settings)
{
    *settings = (struct settings){0};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err;
        CLEANUP(mem_freep) char *first = xstrndup(rows[i].def, strcspn(rows[i].def, "|"));
        const char *def = rows[i].type == TYPE_CHOICE ? first : rows[i].def;
        if (!set_row(settings, &rows[i], def, &err))
            assert_failed(__FILE__, __LINE__, err.text);
    }
}

void settings_done(struct settings *settings)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (is_text(&rows[i]))
            replace_text(text_of(settings, &rows[i]), NULL);
    for (size_t i = 0; i < settings->kafka_properties_len; i++) {
        free(settings->kafka_properties[i].name);
        free(settings->kafka_properties[i].value);
    }
    free(settings->kafka_properties);
    free(settings->file);
    *settings = (struct settings){0};
}

static bool set_kafka_property(struct settings *settings, const char *name, const char *value,
                               struct err *reterr)
{
    for (size_t i = 0; i < ARRAY_LEN(refused_properties); i++)
        if (strcmp(name, refused_properties[i].name) == 0)
            return err_set(reterr, ERR_SETTINGS_INVALID, "kafka.%s cannot be set: %s", name,
                           refused_properties[i].reason);
    size_t len = settings->kafka_properties_len++;
    settings->kafka_properties =
        xrealloc(settings->kafka_properties, (len + 1) * sizeof *settings->kafka_properties);
    settings->kafka_properties[len] = (struct settings_property){xstrdup(name), xstrdup(value)};
    return true;
}

/* Sets a secret from the first line of a file. */
static bool set_from_file(struct settings *settings, const struct row *row, const char *path,
                          struct err *reterr)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return err_set(reterr, ERR_IO, "%s_file: cannot read %s: %s", row->key, path,
                       strerrordesc_np(errno));
    CLEANUP(mem_freep) char *line = NULL;
    size_t capacity = 0;
    ssize_t size = getline(&line, &capacity, file);
    fclose(file);
    if (size <= 0)
        return err_set(reterr, ERR_IO, "%s_file: %s is empty", row->key, path);
    line[strcspn(line, "\r\n")] = '\0';
    return set_row(settings, row, line, reterr);
}

bool settings_set(struct settings *settings, const char *key, const char *value, struct err *reterr)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t size = strlen(rows[i].key);
        if (strcmp(key, rows[i].key) == 0)
            return set_row(settings, &rows[i], value, reterr);
        if (rows[i].flags & SECRET && strncmp(key, rows[i].key, size) == 0 &&
            strcmp(key + size, "_file") == 0)
            return set_from_file(settings, &rows[i], value, reterr);
    }
    if (strncmp(key, kafka_prefix, strlen(kafka_prefix)) == 0 && key[strlen(kafka_prefix)] != '\0')
        return set_kafka_property(settings, key + strlen(kafka_prefix), value, reterr);
    return err_set(reterr, ERR_SETTINGS_UNKNOWN,
                   "%s: there is no such setting; --print-settings lists them", key);
}

/* A secret that has a default is an address, which may hold a password but need not. */
bool settings_is_secret(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (strcmp(key, rows[i].key) == 0)
            return rows[i].flags & SECRET && rows[i].def[0] == '\0';
    return false;
}

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    for (size_t size = strlen(text); size > 0 && isspace((unsigned char)text[size - 1]); size--)
        text[size - 1] = '\0';
    return text;
}

static bool read_line(struct settings *settings, char *line, struct err *reterr)
{
    char *key = trim(line);
    if (*key == '\0' || *key == '#')
        return true;
    char *equals = strchr(key, '=');
    if (equals == NULL)
        return err_set(reterr, ERR_SETTINGS_INVALID, "'%s' is not key = value", key);
    *equals = '\0';
    return settings_set(settings, trim(key), trim(equals + 1), reterr);
}

bool settings_read_file(struct settings *settings, const char *path, struct err *reterr)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return err_set(reterr, ERR_IO, "cannot read %s: %s", path, strerrordesc_np(errno));
    CLEANUP(mem_freep) char *line = NULL;
    size_t capacity = 0;
    bool good = true;
    for (unsigned number = 1; good && getline(&line, &capacity, file) > 0; number++) {
        good = read_line(settings, line, reterr);
        if (!good)
            err_prefix(reterr, "%s:%u", path, number);
    }
    fclose(file);
    if (good)
        replace_text(&settings->file, xstrdup(path));
    return good;
}

/* BXB_EVENTS_MAX_AGE is events.max_age: both spellings are compared with . and _ alike. */
static bool same_name(const char *variable, const char *key)
{
    for (; *variable != '\0' && *key != '\0'; variable++, key++)
        if (*variable != (*key == '.' ? '_' : toupper((unsigned char)*key)))
            return false;
    return *variable == '\0' && *key == '\0';
}

/* The key of a variable's name without BXB_, owned by the caller; NULL when there is none. */
static char *key_of_variable(const char *variable)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(mem_freep) char *file_key = xasprintf("%s_file", rows[i].key);
        if (same_name(variable, rows[i].key))
            return xstrdup(rows[i].key);
        if (rows[i].flags & SECRET && same_name(variable, file_key))
            return TAKE(file_key);
    }
    if (strncmp(variable, "KAFKA_", 6) != 0 || variable[6] == '\0')
        return NULL;
    char *key = xstrdup(variable);
    for (char *c = key; *c != '\0'; c++)
        *c = *c == '_' ? '.' : (char)tolower((unsigned char)*c);
    return key;
}

static bool is_foreign(const char *variable)
{
    for (size_t i = 0; i < ARRAY_LEN(foreign_variables); i++)
        if (strncmp(variable, foreign_variables[i], strlen(foreign_variables[i])) == 0)
            return true;
    return false;
}

bool settings_read_environment(struct settings *settings, void (*warn)(const char *name),
                               struct err *reterr)
{
    const size_t prefix = strlen(environment_prefix);
    for (char **variable = environ; *variable != NULL; variable++) {
        const char *equals = strchr(*variable, '=');
        if (equals == NULL || strncmp(*variable, environment_prefix, prefix) != 0)
            continue;
        CLEANUP(mem_freep) char *name = xstrndup(*variable, (size_t)(equals - *variable));
        CLEANUP(mem_freep) char *key = key_of_variable(name + prefix);
        if (key == NULL) {
            if (!is_foreign(name))
                warn(name);
            continue;
        }
        if (!settings_set(settings, key, equals + 1, reterr))
            return err_prefix(reterr, "%s", name);
    }
    return true;
}

bool settings_check(const struct settings *settings, struct err *reterr)
{
    if (settings->server_event_max > settings->server_request_max)
        return err_set(reterr, ERR_SETTINGS_INVALID,
                       "server.event_max is larger than server.request_max");
    if (settings->server_request_max > settings->server_inflight_max)
        return err_set(reterr, ERR_SETTINGS_INVALID,
                       "server.request_max is larger than server.inflight_max");
    return true;
}

void settings_reload(struct settings *settings, struct settings *fresh)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!(rows[i].flags & RELOAD))
            continue;
        if (is_text(&rows[i]))
            replace_text(text_of(settings, &rows[i]), TAKE(*text_of(fresh, &rows[i])));
        else if (rows[i].type == TYPE_BOOL)
            *bool_of(settings, &rows[i]) = *bool_of(fresh, &rows[i]);
        else /* a thread may be reading it */
            __atomic_store_n(number_of(settings, &rows[i]), *number_of(fresh, &rows[i]),
                             __ATOMIC_RELAXED);
    }
}

static void format_value(const struct settings *settings, const struct row *row, struct buf *out)
{
    char text[UNITS_TEXT_SIZE];
    switch (row->type) {
    case TYPE_TEXT:
    case TYPE_CHOICE:
        if (row->flags & SECRET)
            buf_append_str(out, **text_of(settings, row) ? "(set)" : "(not set)");
        else
            buf_append_str(out, *text_of(settings, row));
        break;
    case TYPE_BOOL:
        buf_append_str(out, *bool_of(settings, row) ? "true" : "false");
        break;
    case TYPE_NUMBER:
        buf_append_u64(out, *number_of(settings, row));
        break;
    case TYPE_DURATION:
        units_format_duration((int64_t)*number_of(settings, row), text);
        buf_append_str(out, text);
        break;
    case TYPE_SIZE:
        units_format_size(*number_of(settings, row), text);
        buf_append_str(out, text);
        break;
    }
}

/* "text", "duration from 1m to 3650d", "logfmt|json": what a value may be. */
static void format_range(const struct row *row, struct buf *out)
{
    if (row->type == TYPE_CHOICE)
        buf_append_str(out, row->def);
    else
        buf_append_str(out, type_names[row->type]);
    if (row->min[0] != '\0')
        buf_printf(out, " from %s to %s", row->min, row->max);
}

void settings_print(const struct settings *settings, FILE *out)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf value, range;
        buf_init(&value, LINE_SIZE_MAX);
        buf_init(&range, LINE_SIZE_MAX);
        format_value(settings, &rows[i], &value);
        format_range(&rows[i], &range);
        fprintf(out, "# %s (%s%s)\n%s%s = %s\n\n", rows[i].help, buf_text(&range),
                rows[i].flags & RELOAD ? ", read again on SIGHUP" : "",
                rows[i].flags & SECRET ? "# " : "", rows[i].key, buf_text(&value));
        buf_done(&value);
        buf_done(&range);
    }
    fprintf(out, "# kafka.<property>: any property of librdkafka\n");
    for (size_t i = 0; i < settings->kafka_properties_len; i++) {
        const struct settings_property *property = &settings->kafka_properties[i];
        bool secret = strstr(property->name, "password") || strstr(property->name, "secret");
        fprintf(out, "%skafka.%s = %s\n", secret ? "# " : "", property->name,
                secret ? "(set)" : property->value);
    }
}

void settings_print_docs(FILE *out)
{
    fputs("# Settings\n\nMade from `base/settings.def` by `make docs`.\n\n"
          "One file serves all programs (`--config`, by default `bxb-ingest/bxb.conf` in the "
          "system's configuration directory). Default < file < environment < `--set`. "
          "`events.max_age` is `BXB_EVENTS_MAX_AGE` in the environment. A secret can be read from "
          "a file with `<key>_file`. `kafka.<property>` goes to librdkafka as it is.\n\n"
          "| setting | default | values | reload | meaning |\n|---|---|---|---|---|\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf range;
        buf_init(&range, LINE_SIZE_MAX);
        format_range(&rows[i], &range);
        int def =
            rows[i].type == TYPE_CHOICE ? (int)strcspn(rows[i].def, "|") : (int)strlen(rows[i].def);
        fprintf(out, "| `%s` | %s%.*s%s | ", rows[i].key, def ? "`" : "", def, rows[i].def,
                def ? "`" : "");
        for (const char *c = buf_text(&range); *c != '\0'; c++)
            fprintf(out, *c == '|' ? "\\|" : "%c", *c);
        fprintf(out, "%s | %s | %s |\n", rows[i].flags & SECRET ? ", secret" : "",
                rows[i].flags & RELOAD ? "yes" : "", rows[i].help);
        buf_done(&range);
    }
}
