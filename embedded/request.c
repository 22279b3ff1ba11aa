/* From arguments and body to statements in a session of the engine.
 *
 * A body is either the statement, or the rest of one that the argument `query` begins, or the data
 * of an INSERT. It is text until the head of an INSERT is recognised in it; from there on it is
 * data and is streamed. The last bytes of data are held back until the body is known to be whole,
 * so that an INSERT of one block lands nothing when the body is cut, wherever it is cut.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "embedded/request.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/digest.h"
#include "embedded/data.h"
#include "embedded/decode.h"
#include "embedded/exception.h"
#include "embedded/statement.h"

#include <stdlib.h>

enum {
    ARGUMENTS_MAX = 4 << 20, /* bytes of all arguments; the URL itself is bounded by the listener */
    SETTINGS_MAX = 256,      /* settings in one URL */
    PARAMETERS_MAX = 1024,   /* param_… in one URL */
    CHUNK_SIZE = 256 << 10,  /* bytes handed to the engine at a time */
    SET_MAX = 1 << 20,       /* bytes of the SET statement made of the settings */
};

enum phase {
    PHASE_TEXT,   /* collecting a statement */
    PHASE_DATA,   /* streaming an INSERT's data */
    PHASE_FAILED, /* `error` is the reply; what comes is dropped */
};

struct argument {
    struct slice name;
    struct slice value;
};

struct request {
    struct host *host;
    bool is_get;
    enum phase phase;
    char *error; /* owned */
    struct arena arena;

    /* From the arguments; slices live in the arena. */
    struct slice query;
    struct slice database;
    struct slice user;
    struct slice password;
    struct slice format;
    struct slice query_id;
    struct argument settings[SETTINGS_MAX];
    size_t settings_len;
    struct engine_parameter parameters[PARAMETERS_MAX];
    size_t parameters_len;

    struct running_entry running;
    bool is_running; /* entered, and not left yet */
    bool is_held;    /* admitted; released with the request */
    struct session *session;
    struct decode decode;
    struct buf text;
    bool is_query; /* the text is known to be no INSERT with data */
    struct insert *insert;
    struct buf chunk;
};

static void fail(struct request *request, char *error)
{
    insert_abandon(TAKE(request->insert));
    if (request->phase == PHASE_FAILED) {
        mem_freep(&error);
        return;
    }
    request->phase = PHASE_FAILED;
    request->error = error;
}

struct request *request_new(struct host *host, bool is_get)
{
    struct request *request = xcalloc(1, sizeof *request);
    request->host = host;
    request->is_get = is_get;
    request->user = SLICE("default");
    request->format = SLICE("TabSeparated");
    arena_init(&request->arena, ARGUMENTS_MAX);
    buf_init(&request->text, host->query_max);
    buf_init(&request->chunk, CHUNK_SIZE);
    return request;
}

static void leave(struct request *request)
{
    insert_abandon(TAKE(request->insert));
    session_close(TAKE(request->session));
    if (request->is_running)
        running_leave(&request->host->running, &request->running);
    request->is_running = false;
}

void request_free(struct request *request)
{
    if (request == NULL)
        return;
    leave(request);
    if (request->is_held)
        running_release(&request->host->running);
    decode_done(&request->decode);
    buf_done(&request->text);
    buf_done(&request->chunk);
    arena_done(&request->arena);
    mem_freep(&request->error);
    mem_freep(&request);
}

/* Arguments that are neither settings nor change anything here. */
static bool is_ignored(struct slice name)
{
    static const char *const ignored[] = {
        "buffer_size",     "wait_end_of_query", "session_id",
        "session_timeout", "session_check",     "quota_key",
        "stacktrace",      "close_session",     "client_protocol_version",
    };
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
        if (slice_equal(name, slice_from(ignored[i])))
            return true;
    }
    return false;
}

static void add_setting(struct request *request, struct slice name, struct slice value)
{
    for (size_t i = 0; i < name.size; i++) {
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.",
                   name.data[i]) == NULL ||
            name.data[i] == '\0') {
            fail(request, exception_text(EXCEPTION_UNKNOWN_SETTING, "Unknown setting '%.*s'",
                                         SLICE_ARG(name)));
            return;
        }
    }
    if (request->settings_len == SETTINGS_MAX) {
        fail(request, exception_text(EXCEPTION_BAD_ARGUMENTS,
                                     "More than %d settings in one request", SETTINGS_MAX));
        return;
    }
    request->settings[request->settings_len++] = (struct argument){name, value};
}

static void add_parameter(struct request *request, struct slice name, struct slice value)
{
    if (request->parameters_len == PARAMETERS_MAX)
        fail(request, exception_text(EXCEPTION_BAD_ARGUMENTS,
                                     "More than %d parameters in one request", PARAMETERS_MAX));
    else
        request->parameters[request->parameters_len++] = (struct engine_parameter){name, value};
}

void request_argument(struct request *request, struct slice name, struct slice value)
{
    static const struct slice prefix = {"param_", 6};
    struct {
        const char *name;
        struct slice *value;
    } known[] = {
        {"query", &request->query},
        {"database", &request->database},
        {"user", &request->user},
        {"password", &request->password},
        {"default_format", &request->format},
        {"query_id", &request->query_id},
    };
    name = arena_copy(&request->arena, name);
    value = arena_copy(&request->arena, value);
    if (name.data == NULL || value.data == NULL) {
        fail(request, exception_text(EXCEPTION_QUERY_IS_TOO_LARGE, "The arguments are too large"));
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (slice_equal(name, slice_from(known[i].name))) {
            *known[i].value = value;
            return;
        }
    }
    if (name.size > prefix.size && memcmp(name.data, prefix.data, prefix.size) == 0) {
        add_parameter(request, (struct slice){name.data + prefix.size, name.size - prefix.size},
                      value);
    } else if (slice_equal(name, SLICE("compress")) || slice_equal(name, SLICE("decompress"))) {
        if (!slice_equal(value, SLICE("0")) && value.size > 0)
            fail(request, exception_text(EXCEPTION_NOT_IMPLEMENTED,
                                         "ClickHouse's own compression is not supported; "
                                         "use Content-Encoding"));
    } else if (!is_ignored(name)) {
        add_setting(request, name, value);
    }
}

void request_encoding(struct request *request, const char *content_encoding)
{
    enum decode_method method;
    if (!decode_find(content_encoding, &method))
        fail(request, exception_text(EXCEPTION_NOT_IMPLEMENTED,
                                     "Content-Encoding %.40s is not known", content_encoding));
    else
        decode_init(&request->decode, method);
}

const char *request_query_id(const struct request *request)
{
    return request->query_id.size > 0 ? request->query_id.data : "";
}

bool request_has_query(const struct request *request)
{
    return request->query.size > 0;
}

uint64_t request_receive_timeout_s(const struct request *request)
{
    for (size_t i = 0; i < request->settings_len; i++) {
        if (slice_equal(request->settings[i].name, SLICE("http_receive_timeout")))
            return strtoull(request->settings[i].value.data, NULL,
                            10); /* the arena ends it with NUL */
    }
    return 0;
}

/* Compared as hashes, so that the time it takes tells nothing. */
static bool same(struct slice given, const char *wanted)
{
    uint8_t a[DIGEST_SHA256_SIZE];
    uint8_t b[DIGEST_SHA256_SIZE];
    digest_sha256(given, a);
    digest_sha256(slice_from(wanted), b);
    return digest_equal(a, b, sizeof a);
}

static void authenticate(struct request *request)
{
    if (!same(request->user, request->host->user) ||
        !same(request->password, request->host->password))
        fail(request, exception_text(EXCEPTION_AUTHENTICATION_FAILED,
                                     "%.*s: Authentication failed: password is incorrect, or there "
                                     "is no user with such name",
                                     SLICE_ARG(request->user)));
}

static void enter(struct request *request)
{
    if (request->query_id.size == 0) {
        char id[DATA_ID_SIZE];
        data_make_uuid(id);
        request->query_id = arena_copy(&request->arena, slice_from(id));
        ASSERT(request->query_id.data != NULL || request->phase == PHASE_FAILED);
    }
    if (request->phase == PHASE_FAILED)
        return;
    switch (running_enter(&request->host->running, &request->running, request->query_id)) {
    case RUNNING_ADMITTED:
        request->is_running = request->is_held = true;
        return;
    case RUNNING_FULL:
        fail(request, exception_text(EXCEPTION_TOO_MANY_SIMULTANEOUS_QUERIES,
                                     "Too many simultaneous queries. Maximum: %zu",
                                     request->host->running.max));
        return;
    case RUNNING_SAME_ID:
        fail(request, exception_text(EXCEPTION_QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING,
                                     "Query with id = %.*s is already running",
                                     SLICE_ARG(request->query_id)));
        return;
    case RUNNING_CLOSING:
        fail(request, exception_text(EXCEPTION_ABORTED, "The server is shutting down"));
        return;
    }
}

/* Runs a statement that is not the caller's own. */
static void run_aside(struct request *request, struct slice text)
{
    struct answer answer;
    session_query(request->session, text, "Null", /*parameters*/ NULL, 0, &answer);
    if (answer.error != NULL)
        fail(request, TAKE(answer.error));
    engine_answer_done(&answer);
}

static void append_quoted(struct buf *out, char quote, struct slice text)
{
    buf_append_char(out, quote);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == quote || text.data[i] == '\\')
            buf_append_char(out, '\\');
        buf_append_char(out, text.data[i]);
    }
    buf_append_char(out, quote);
}

static void append_setting(struct buf *out, struct slice name, struct slice value)
{
    buf_append_str(out, out->size == 0 ? "SET " : ", ");
    buf_append_slice(out, name);
    buf_append_str(out, " = ");
    append_quoted(out, '\'', value);
}

/* The id that the caller gave travels as a comment (see STATEMENT_QUERY_ID_MARK). */
static void append_query_id(const struct request *request, struct buf *out)
{
    for (size_t i = 0; i < request->settings_len; i++) {
        if (slice_equal(request->settings[i].name, SLICE("log_comment")))
            return;
    }
    CLEANUP(mem_freep)
    char *comment = xasprintf("%s%s", STATEMENT_QUERY_ID_MARK, request->query_id.data);
    append_setting(out, SLICE("log_comment"), slice_from(comment));
}

static void apply_settings(struct request *request)
{
    CLEANUP(buf_done) struct buf set;
    buf_init(&set, SET_MAX);
    append_query_id(request, &set);
    for (size_t i = 0; i < request->settings_len; i++)
        append_setting(&set, request->settings[i].name, request->settings[i].value);
    if (request->is_get)
        append_setting(&set, SLICE("readonly"), SLICE("2"));
    if (set.overflow)
        fail(request, exception_text(EXCEPTION_QUERY_IS_TOO_LARGE, "The settings are too large"));
    else
        run_aside(request, buf_slice(&set));
}

static void use_database(struct request *request)
{
    CLEANUP(buf_done) struct buf use;
    buf_init(&use, SET_MAX);
    buf_append_str(&use, "USE ");
    append_quoted(&use, '`', request->database);
    run_aside(request, buf_slice(&use));
}

static bool is_blank(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (strchr(" \t\r\n", text.data[i]) == NULL || text.data[i] == '\0')
            return false;
    }
    return true;
}

static void hand_over(struct request *request, struct slice bytes)
{
    if (bytes.size == 0 || insert_append(request->insert, bytes))
        return;
    struct answer answer;
    insert_end(TAKE(request->insert), &answer);
    fail(request, answer.error != NULL
                      ? TAKE(answer.error)
                      : exception_text(EXCEPTION_UNKNOWN, "The engine takes no more data"));
    engine_answer_done(&answer);
}

/* Keeps the last bytes back: only request_finish gives them to the engine. */
static void take_data(struct request *request, struct slice bytes)
{
    struct buf *chunk = &request->chunk;
    while (bytes.size > 0 && request->phase == PHASE_DATA) {
        if (chunk->size == CHUNK_SIZE) {
            hand_over(request, buf_slice(chunk));
            buf_reset(chunk);
        }
        size_t room = CHUNK_SIZE - chunk->size;
        size_t size = bytes.size < room ? bytes.size : room;
        buf_append(chunk, bytes.data, size);
        bytes = (struct slice){bytes.data + size, bytes.size - size};
    }
}

static void begin_insert(struct request *request, const struct statement *statement)
{
    CLEANUP(buf_done) struct buf head;
    buf_init(&head, request->text.max + 16);
    buf_append_slice(&head, statement->head);
    buf_append_str(&head, "\n"); /* ends a comment, should it stand there */
    buf_append_slice(&head, statement->settings);
    struct answer answer;
    request->insert = insert_begin(request->session, buf_slice(&head), statement->format,
                                   request->parameters, request->parameters_len, &answer);
    if (request->insert == NULL) {
        fail(request, TAKE(answer.error));
        engine_answer_done(&answer);
        return;
    }
    request->phase = PHASE_DATA;
}

/* Looks for the head of an INSERT in the text so far. */
static void recognise(struct request *request, bool complete)
{
    struct slice text = buf_slice(&request->text);
    if (text.size == 0 || request->is_query)
        return;
    struct statement statement;
    statement_parse(text, complete, &statement);
    switch (statement.kind) {
    case STATEMENT_MORE:
        return;
    case STATEMENT_QUERY:
        request->is_query = !complete; /* behind a complete URL the body may still go on */
        return;
    case STATEMENT_INPUT:
        fail(request, exception_text(EXCEPTION_NOT_IMPLEMENTED,
                                     "INSERT … SELECT … FROM input() is not supported"));
        return;
    case STATEMENT_DATA:
        begin_insert(request, &statement);
        struct slice data = {text.data + statement.data, text.size - statement.data};
        /* Blanks behind the statement in the URL are no data; in the body they may be. */
        if (text.size != request->query.size || !is_blank(data))
            take_data(request, data);
        return;
    }
}

void request_begin(struct request *request)
{
    if (request->phase != PHASE_FAILED)
        authenticate(request);
    enter(request);
    if (request->phase == PHASE_FAILED)
        return;
    request->session = session_open(request->host->engine);
    if (request->session == NULL) {
        fail(request, exception_text(EXCEPTION_UNKNOWN, "The engine gives no connection"));
        return;
    }
    apply_settings(request);
    if (request->phase == PHASE_TEXT && request->database.size > 0)
        use_database(request);
    if (request->phase != PHASE_TEXT)
        return;
    /* A statement that is whole in the URL: all of the body is its data. */
    buf_append_slice(&request->text, request->query);
    recognise(request, /*complete*/ true);
    if (request->phase == PHASE_TEXT && request->query.size > 0)
        buf_append_char(&request->text, '\n');
}

/* The body, decoded. */
static void take(struct request *request, struct slice bytes)
{
    if (request->phase == PHASE_DATA) {
        take_data(request, bytes);
    } else if (request->phase == PHASE_TEXT) {
        buf_append_slice(&request->text, bytes);
        recognise(request, /*complete*/ false);
        if (request->phase == PHASE_TEXT && request->text.overflow)
            fail(request, exception_text(EXCEPTION_QUERY_IS_TOO_LARGE,
                                         "The statement has more than %llu bytes",
                                         (unsigned long long)request->host->query_max));
    }
}

void request_body(struct request *request, struct slice bytes)
{
    if (request->phase == PHASE_FAILED || request->decode.method == DECODE_IDENTITY) {
        take(request, bytes);
        return;
    }
    char decoded[16384];
    size_t size;
    do {
        struct err err;
        if (!decode_step(&request->decode, &bytes, decoded, sizeof decoded, &size, &err)) {
            fail(request, exception_text(EXCEPTION_CANNOT_DECOMPRESS, "%s", err.text));
            return;
        }
        take(request, (struct slice){decoded, size});
    } while (size > 0 && request->phase != PHASE_FAILED);
}

static void run_query(struct request *request, struct reply *reply)
{
    if (is_blank(buf_slice(&request->text))) {
        fail(request, exception_text(EXCEPTION_SYNTAX_ERROR, "Syntax error: Empty query"));
        return;
    }
    CLEANUP(buf_done) struct buf text;
    buf_init(&text, request->text.max + (1 << 20));
    statement_restore_query_ids(buf_slice(&request->text), &text);
    if (text.overflow) {
        fail(request, exception_text(EXCEPTION_QUERY_IS_TOO_LARGE, "The statement is too large"));
        return;
    }
    if (session_count_statements(request->session, buf_slice(&text)) > 1) {
        fail(request, exception_text(EXCEPTION_SYNTAX_ERROR,
                                     "Syntax error (Multi-statements are not allowed)"));
        return;
    }
    session_query(request->session, buf_slice(&text), request->format.data, request->parameters,
                  request->parameters_len, &reply->answer);
    struct slice format = statement_output_format(buf_slice(&request->text));
    reply->format = format.size > 0 ? format : request->format;
}

static void finish_insert(struct request *request, struct reply *reply)
{
    hand_over(request, buf_slice(&request->chunk));
    if (request->phase == PHASE_DATA)
        insert_end(TAKE(request->insert), &reply->answer);
    reply->format = request->format;
}

void request_finish(struct request *request, struct reply *ret_reply)
{
    *ret_reply = (struct reply){0};
    if (request->phase != PHASE_FAILED && !decode_is_complete(&request->decode) &&
        request->decode.started)
        fail(request, exception_text(EXCEPTION_CANNOT_DECOMPRESS, "The compressed body is cut"));
    if (request->phase == PHASE_TEXT)
        recognise(request, /*complete*/ true);
    if (request->phase == PHASE_TEXT)
        run_query(request, ret_reply);
    else if (request->phase == PHASE_DATA)
        finish_insert(request, ret_reply);
    leave(request);
    if (ret_reply->answer.error != NULL)
        fail(request, TAKE(ret_reply->answer.error));
    ret_reply->error = TAKE(request->error);
    ret_reply->exception = ret_reply->error != NULL ? exception_code(ret_reply->error) : 0;
}

void reply_done(struct reply *reply)
{
    engine_answer_done(&reply->answer);
    mem_freep(&reply->error);
    *reply = (struct reply){0};
}
