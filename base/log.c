/* Log lines: one write each, so that lines of several threads do not mix.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/log.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/thread.h"

#include <errno.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 8192, TEXT_MAX_SIZE = 1024 };

static const char *const event_names[LOG_EVENT_COUNT] = {
#define LOG_EVENT(name, text) [LOG_EVENT_##name] = text,
#include "base/log_events.def"
#undef LOG_EVENT
};
static const char *const level_names[] = {"debug", "info", "warning", "error"};

/* Set at start, then read-only. */
static const char *program_name = "";
static enum log_level lowest_level = LOG_LEVEL_INFO;
static enum log_format line_format = LOG_FORMAT_LOGFMT;

/* What was written of each event lately. Guarded by the mutex. */
static pthread_mutex_t repeats_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
    int64_t window_start; /* clock_mono_ms */
    uint32_t written, held_back;
} repeats[LOG_EVENT_COUNT];

void log_setup(const char *program, enum log_level lowest, enum log_format format)
{
    program_name = program;
    lowest_level = lowest;
    line_format = format;
}

/* Whether this line may be written; *ret_held_back lines of its event were not since the last. */
static bool may_write(enum log_event event, uint32_t *ret_held_back)
{
    int64_t now = clock_mono_ms();
    pthread_mutex_lock(&repeats_mutex);
    if (repeats[event].written == 0 || now - repeats[event].window_start >= LOG_WINDOW_MS) {
        repeats[event].window_start = now;
        repeats[event].written = 0;
    }
    bool write_it = repeats[event].written < LOG_BURST;
    if (write_it) {
        repeats[event].written++;
        *ret_held_back = repeats[event].held_back;
        repeats[event].held_back = 0;
    } else {
        repeats[event].held_back++;
    }
    pthread_mutex_unlock(&repeats_mutex);
    return write_it;
}

/* The length of the well-formed UTF-8 character at `at`, or 0. What a message quotes may come from
 * anywhere, and a log that is not UTF-8 breaks whoever reads it. */
static size_t character_size(const unsigned char *at, size_t left)
{
    if (at[0] < 0x80)
        return 1;
    size_t size = at[0] >= 0xF0 ? 4 : at[0] >= 0xE0 ? 3 : 2;
    if (at[0] < 0xC2 || at[0] > 0xF4 || left < size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xC0) != 0x80)
            return 0;
    if ((at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xED && at[1] > 0x9F) ||
        (at[0] == 0xF0 && at[1] < 0x90) || (at[0] == 0xF4 && at[1] > 0x8F))
        return 0;
    return size;
}

/* A JSON string; bytes that are not UTF-8 become U+FFFD, and a long text is cut. */
static void put_quoted(struct buf *line, struct slice text)
{
    struct buf clean;
    buf_init(&clean, TEXT_MAX_SIZE);
    for (size_t i = 0; i < text.size && !clean.overflow;) {
        size_t size = character_size((const unsigned char *)text.data + i, text.size - i);
        buf_append(&clean, size ? text.data + i : "\xEF\xBF\xBD", size ? size : 3);
        i += size ? size : 1;
    }
    buf_append_json(line, buf_slice(&clean));
    buf_done(&clean);
}

static bool needs_quotes(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c >= 0x7F)
            return true;
    }
    return text.size == 0 || text.size > TEXT_MAX_SIZE;
}

static void put_key(struct buf *line, const char *key)
{
    if (line_format == LOG_FORMAT_JSON) {
        buf_append_str(line, line->size ? "," : "{");
        put_quoted(line, slice_from(key));
        buf_append_char(line, ':');
    } else {
        if (line->size)
            buf_append_char(line, ' ');
        buf_append_str(line, key);
        buf_append_char(line, '=');
    }
}

static void put_text(struct buf *line, const char *key, struct slice text)
{
    put_key(line, key);
    if (line_format == LOG_FORMAT_JSON || needs_quotes(text))
        put_quoted(line, text);
    else
        buf_append_slice(line, text);
}

static void put_field(struct buf *line, const struct log_field *field)
{
    switch (field->kind) {
    case LOG_FIELD_TEXT:
        put_text(line, field->key, field->text);
        break;
    case LOG_FIELD_U64:
        put_key(line, field->key);
        buf_append_u64(line, field->u64);
        break;
    case LOG_FIELD_I64:
        put_key(line, field->key);
        buf_append_i64(line, field->i64);
        break;
    case LOG_FIELD_ERR:
        put_text(line, "code", slice_from(err_code_name(field->err->code)));
        put_text(line, field->key, slice_from(field->err->text));
        break;
    }
}

static void write_line(const struct buf *line)
{
    for (size_t at = 0; at < line->size;) {
        ssize_t n = write(STDERR_FILENO, line->data + at, line->size - at);
        if (n < 0 && errno != EINTR)
            return; /* nowhere to complain to */
        at += n > 0 ? (size_t)n : 0;
    }
}

void log_write(enum log_level level, enum log_event event, const struct log_field fields[])
{
    uint32_t held_back = 0;
    if (level < lowest_level || !may_write(event, &held_back))
        return;
    char time[CLOCK_TEXT_SIZE];
    clock_format(clock_wall_ms(), time);
    struct buf line;
    buf_init(&line, LINE_MAX_SIZE);
    put_text(&line, "time", slice_from(time));
    put_text(&line, "level", slice_from(level_names[level]));
    put_text(&line, "program", slice_from(program_name));
    put_text(&line, "event", slice_from(event_names[event]));
    for (const struct log_field *field = fields; field->key != NULL; field++)
        put_field(&line, field);
    if (held_back > 0) {
        struct log_field count = log_u64("held_back", held_back);
        put_field(&line, &count);
    }
    if (line_format == LOG_FORMAT_JSON)
        buf_append_char(&line, '}');
    buf_append_char(&line, '\n');
    write_line(&line);
    buf_done(&line);
}
