/* libchdb.so through dlopen. The package has no header: the declarations below are its interface.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "embedded/engine.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

typedef struct chdb_handle *chdb_connection;

/* What chdb_classify_query_n fills in. */
struct analysis {
    uint32_t struct_size;
    uint32_t statement_count;
    uint32_t flags;
    uint32_t query_class;
};

#define PARAMETER_TYPES                                                                            \
    const char *const *names, const size_t *name_sizes, const char *const *values,                 \
        const size_t *value_sizes, size_t len

struct library {
    void *handle;
    chdb_connection *(*chdb_connect)(int argc, char **argv);
    void (*chdb_close_conn)(chdb_connection *connection);
    const char *(*chdb_version)(void);
    void (*chdb_set_signal_handlers_enabled)(int enabled);
    int (*chdb_classify_query_n)(chdb_connection connection, const char *text, size_t size,
                                 const char *database, size_t database_size,
                                 struct analysis *analysis);
    void *(*chdb_query_with_params_n)(chdb_connection connection, const char *text, size_t size,
                                      const char *format, size_t format_size, PARAMETER_TYPES);
    void *(*chdb_stream_insert_with_params_n)(chdb_connection connection, const char *text,
                                              size_t size, const char *format, size_t format_size,
                                              PARAMETER_TYPES);
    int (*chdb_stream_append)(void *stream, const void *data, size_t size);
    void *(*chdb_stream_done)(void *stream);
    void (*chdb_stream_cancel_insert)(void *stream);
    const char *(*chdb_stream_insert_error)(void *stream);
    void (*chdb_destroy_insert_stream)(void *stream);
    char *(*chdb_result_buffer)(void *result);
    size_t (*chdb_result_length)(void *result);
    uint64_t (*chdb_result_rows_read)(void *result);
    uint64_t (*chdb_result_storage_rows_read)(void *result);
    uint64_t (*chdb_result_storage_bytes_read)(void *result);
    uint64_t (*chdb_result_rows_written)(void *result);
    uint64_t (*chdb_result_bytes_written)(void *result);
    const char *(*chdb_result_error)(void *result);
    void (*chdb_destroy_query_result)(void *result);
};

#define SYMBOL(name)                                                                               \
    {                                                                                              \
#name, offsetof(struct library, name)                                                      \
    }
static const struct {
    const char *name;
    size_t offset;
} symbols[] = {
    SYMBOL(chdb_connect),
    SYMBOL(chdb_close_conn),
    SYMBOL(chdb_version),
    SYMBOL(chdb_set_signal_handlers_enabled),
    SYMBOL(chdb_classify_query_n),
    SYMBOL(chdb_query_with_params_n),
    SYMBOL(chdb_stream_insert_with_params_n),
    SYMBOL(chdb_stream_append),
    SYMBOL(chdb_stream_done),
    SYMBOL(chdb_stream_cancel_insert),
    SYMBOL(chdb_stream_insert_error),
    SYMBOL(chdb_destroy_insert_stream),
    SYMBOL(chdb_result_buffer),
    SYMBOL(chdb_result_length),
    SYMBOL(chdb_result_rows_read),
    SYMBOL(chdb_result_storage_rows_read),
    SYMBOL(chdb_result_storage_bytes_read),
    SYMBOL(chdb_result_rows_written),
    SYMBOL(chdb_result_bytes_written),
    SYMBOL(chdb_result_error),
    SYMBOL(chdb_destroy_query_result),
};

struct engine {
    struct library library;
    chdb_connection *anchor; /* held open: the engine ends with its last connection */
    char *path_argument;
    char *threads_argument; /* or NULL */
};

struct session {
    struct engine *engine;
    chdb_connection *connection;
};

struct insert {
    const struct library *library;
    void *stream;
};

static bool library_load(struct library *library, const char *path, struct err *reterr)
{
    library->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library->handle == NULL)
        return err_set(reterr, ERR_ENGINE_UNUSABLE, "cannot load the engine: %s", dlerror());
    for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
        void *symbol = dlsym(library->handle, symbols[i].name);
        if (symbol == NULL)
            return err_set(reterr, ERR_ENGINE_UNUSABLE, "%s has no %s: another version is needed",
                           path, symbols[i].name);
        memcpy((char *)library + symbols[i].offset, &symbol, sizeof symbol);
    }
    return true;
}

static chdb_connection *connect_engine(struct engine *engine)
{
    static char program[] = "clickhouse";
    /* The library's own default would take a bare expression for a SELECT; the server does not. */
    static char implicit_select[] = "--implicit_select=0";
    char *arguments[] = {program, engine->path_argument, implicit_select, engine->threads_argument};
    return engine->library.chdb_connect(engine->threads_argument != NULL ? 4 : 3, arguments);
}

static void engine_freep(struct engine **engine)
{
    engine_close(*engine);
}

struct engine *engine_open(const struct engine_options *options, struct err *reterr)
{
    CLEANUP(engine_freep) struct engine *engine = xcalloc(1, sizeof *engine);
    if (!library_load(&engine->library, options->library, reterr))
        return NULL;
    engine->library.chdb_set_signal_handlers_enabled(0);
    engine->path_argument = xasprintf("--path=%s", options->data);
    if (options->threads > 0)
        engine->threads_argument =
            xasprintf("--max_threads=%llu", (unsigned long long)options->threads);
    engine->anchor = connect_engine(engine);
    if (engine->anchor == NULL) {
        err_set(reterr, ERR_ENGINE_UNUSABLE, "the engine cannot open the data in %s",
                options->data);
        return NULL;
    }
    return TAKE(engine);
}

/* The library stays loaded: its threads run on until the process ends. */
void engine_close(struct engine *engine)
{
    if (engine == NULL)
        return;
    if (engine->anchor != NULL)
        engine->library.chdb_close_conn(engine->anchor);
    mem_freep(&engine->path_argument);
    mem_freep(&engine->threads_argument);
    mem_freep(&engine);
}

const char *engine_version(const struct engine *engine)
{
    return engine->library.chdb_version();
}

struct session *session_open(struct engine *engine)
{
    chdb_connection *connection = connect_engine(engine);
    if (connection == NULL)
        return NULL;
    struct session *session = xmalloc(sizeof *session);
    *session = (struct session){engine, connection};
    return session;
}

void session_close(struct session *session)
{
    if (session == NULL)
        return;
    session->engine->library.chdb_close_conn(session->connection);
    mem_freep(&session);
}

size_t session_count_statements(struct session *session, struct slice text)
{
    struct analysis analysis = {.struct_size = sizeof analysis};
    int refused = session->engine->library.chdb_classify_query_n(
        *session->connection, text.data, text.size, /*database*/ NULL, 0, &analysis);
    return refused ? 0 : analysis.statement_count;
}

/* Parameters as the library takes them: four arrays. */
struct parameter_arrays {
    const char **names;
    size_t *name_sizes;
    const char **values;
    size_t *value_sizes;
    size_t len;
};

static struct parameter_arrays arrays_make(const struct engine_parameter *parameters, size_t len)
{
    struct parameter_arrays arrays = {
        xcalloc(len + 1, sizeof *arrays.names), xcalloc(len + 1, sizeof *arrays.name_sizes),
        xcalloc(len + 1, sizeof *arrays.values), xcalloc(len + 1, sizeof *arrays.value_sizes), len};
    for (size_t i = 0; i < len; i++) {
        arrays.names[i] = parameters[i].name.data;
        arrays.name_sizes[i] = parameters[i].name.size;
        arrays.values[i] = parameters[i].value.data;
        arrays.value_sizes[i] = parameters[i].value.size;
    }
    return arrays;
}

static void arrays_done(struct parameter_arrays *arrays)
{
    mem_freep(&arrays->names);
    mem_freep(&arrays->name_sizes);
    mem_freep(&arrays->values);
    mem_freep(&arrays->value_sizes);
}

static struct answer error_of(const char *text)
{
    return (struct answer){.error = xstrdup(text)};
}

/* Takes the result. */
static struct answer answer_of(const struct library *library, void *result)
{
    if (result == NULL)
        return error_of("Code: 1002. DB::Exception: The engine gave no result.");
    struct answer answer = {.result = result, .release = library->chdb_destroy_query_result};
    const char *error = library->chdb_result_error(result);
    answer.error = error != NULL ? xstrdup(error) : NULL;
    answer.body =
        (struct slice){library->chdb_result_buffer(result), library->chdb_result_length(result)};
    answer.rows = library->chdb_result_rows_read(result);
    answer.read_rows = library->chdb_result_storage_rows_read(result);
    answer.read_bytes = library->chdb_result_storage_bytes_read(result);
    answer.written_rows = library->chdb_result_rows_written(result);
    answer.written_bytes = library->chdb_result_bytes_written(result);
    return answer;
}

void session_query(struct session *session, struct slice text, const char *format,
                   const struct engine_parameter *parameters, size_t parameters_len,
                   struct answer *ret_answer)
{
    const struct library *library = &session->engine->library;
    CLEANUP(arrays_done) struct parameter_arrays arrays = arrays_make(parameters, parameters_len);
    void *result = library->chdb_query_with_params_n(
        *session->connection, text.data, text.size, format, strlen(format), arrays.names,
        arrays.name_sizes, arrays.values, arrays.value_sizes, arrays.len);
    *ret_answer = answer_of(library, result);
}

struct insert *insert_begin(struct session *session, struct slice head, struct slice format,
                            const struct engine_parameter *parameters, size_t parameters_len,
                            struct answer *ret_answer)
{
    const struct library *library = &session->engine->library;
    CLEANUP(arrays_done) struct parameter_arrays arrays = arrays_make(parameters, parameters_len);
    void *stream = library->chdb_stream_insert_with_params_n(
        *session->connection, head.data, head.size, format.data, format.size, arrays.names,
        arrays.name_sizes, arrays.values, arrays.value_sizes, arrays.len);
    const char *error = library->chdb_stream_insert_error(stream);
    if (error != NULL) {
        *ret_answer = error_of(error);
        library->chdb_destroy_insert_stream(stream);
        return NULL;
    }
    struct insert *insert = xmalloc(sizeof *insert);
    *insert = (struct insert){library, stream};
    return insert;
}

bool insert_append(struct insert *insert, struct slice bytes)
{
    return insert->library->chdb_stream_append(insert->stream, bytes.data, bytes.size) == 0;
}

void insert_end(struct insert *insert, struct answer *ret_answer)
{
    *ret_answer = answer_of(insert->library, insert->library->chdb_stream_done(insert->stream));
    insert->library->chdb_destroy_insert_stream(insert->stream);
    mem_freep(&insert);
}

void insert_abandon(struct insert *insert)
{
    if (insert == NULL)
        return;
    insert->library->chdb_stream_cancel_insert(insert->stream);
    insert->library->chdb_destroy_insert_stream(insert->stream);
    mem_freep(&insert);
}

void engine_answer_done(struct answer *answer)
{
    if (answer->result != NULL)
        answer->release(answer->result);
    mem_freep(&answer->error);
    *answer = (struct answer){0};
}
