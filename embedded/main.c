/* bxb-clickhouse: a ClickHouse engine in one process, behind ClickHouse's HTTP interface. For the
 * quickstart and the tests; a production installation runs clickhouse-server.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/clock.h"
#include "base/log.h"
#include "base/options.h"
#include "base/thread.h"
#include "embedded/data.h"
#include "embedded/engine.h"
#include "embedded/listener.h"

#include <signal.h>
#include <unistd.h>

static const struct program program = {
    .name = "bxb-clickhouse",
    .summary = "a ClickHouse engine behind ClickHouse's HTTP interface",
    .usage = "[OPTION]…",
    .details = "The settings engine.… say where it listens, where its data is and where the\n"
               "engine's library libchdb.so is. SIGTERM stops it: running statements are finished\n"
               "for as long as shutdown.grace allows.\n",
};

enum { NAME_SIZE = 128 };

struct service {
    struct data data;
    struct host host;
    struct listener *listener;
    char name[NAME_SIZE];
    char timezone[NAME_SIZE];
};

/* One value out of the engine, for the headers. */
static bool ask(struct engine *engine, struct slice query, char ret_text[NAME_SIZE],
                struct err *reterr)
{
    struct session *session = session_open(engine);
    if (session == NULL)
        return err_set(reterr, ERR_ENGINE_UNUSABLE, "the engine gives no connection");
    struct answer answer;
    session_query(session, query, "TSVRaw", /*parameters*/ NULL, 0, &answer);
    bool good = answer.error == NULL
                    ? true
                    : err_set(reterr, ERR_ENGINE_UNUSABLE, "the engine says: %s", answer.error);
    if (good) {
        (void)snprintf(ret_text, NAME_SIZE, "%.*s", SLICE_ARG(answer.body));
        ret_text[strcspn(ret_text, "\n")] = '\0';
    }
    engine_answer_done(&answer);
    session_close(session);
    return good;
}

static bool start_listener(struct service *service, const struct settings *settings,
                           struct err *reterr)
{
    struct listener_options options = {
        .listen = settings->engine_listen,
        .connections_max = settings->engine_connections_max,
        .timeout_ms = settings->engine_timeout,
        .host = &service->host,
        .identity = service->data.id,
        .display_name = service->name,
        .timezone = service->timezone,
    };
    service->listener = listener_start(&options, reterr);
    return service->listener != NULL;
}

static bool start(struct service *service, const struct settings *settings, struct err *reterr)
{
    struct engine_options options = {
        .library = settings->engine_library,
        .data = settings->engine_data,
        .threads = settings->engine_threads,
    };
    if (!data_open(&service->data, settings->engine_data, reterr))
        return false;
    service->host.user = settings->engine_user;
    service->host.password = settings->engine_password;
    service->host.query_max = settings->engine_query_max;
    service->host.engine = engine_open(&options, reterr);
    return service->host.engine != NULL &&
           ask(service->host.engine, SLICE("SELECT hostName()"), service->name, reterr) &&
           ask(service->host.engine, SLICE("SELECT timezone()"), service->timezone, reterr) &&
           start_listener(service, settings, reterr);
}

/* False when statements were still running at the end of the grace. Then nothing may be torn down
 * under them, and the process just ends: the engine's data is safe at any moment. */
static bool stop(struct service *service, int64_t grace_ms)
{
    if (service->listener != NULL)
        listener_quiesce(service->listener);
    if (running_close(&service->host.running, clock_mono_ms() + grace_ms) > 0)
        return false;
    listener_stop(service->listener);
    engine_close(service->host.engine);
    running_done(&service->host.running);
    data_close(&service->data);
    return true;
}

static int run(const struct settings *settings)
{
    struct service service = {.data = {.lock = -1}};
    struct err err;
    running_init(&service.host.running, settings->engine_queries_max);
    log_info(STARTING, log_str("data", settings->engine_data));
    if (!start(&service, settings, &err)) {
        log_error(START_FAILED, log_error_of(&err));
        (void)stop(&service, 0);
        return EXIT_CODE_FAILURE;
    }
    log_info(READY, log_str("listen", settings->engine_listen), log_str("data_id", service.data.id),
             log_str("engine", engine_version(service.host.engine)));
    while (signals_wait(/*timeout_ms*/ -1) == SIGHUP) {
    }
    log_info(STOPPING);
    if (stop(&service, settings->shutdown_grace)) {
        log_info(STOPPED);
        return EXIT_CODE_OK;
    }
    log_warning(STOPPED, log_str("reason", "statements were still running"));
    return EXIT_CODE_FAILURE;
}

int main(int argc, char **argv)
{
    struct settings settings;
    int first;
    int code;
    signals_block();
    if (!options_read(&program, argc, argv, &settings, &first, &code))
        return code;
    if (first < argc) {
        fprintf(stderr, "%s takes no arguments; try --help\n", program.name);
        settings_done(&settings);
        return EXIT_CODE_USAGE;
    }
    code = run(&settings);
    settings_done(&settings);
    /* The engine's threads cannot be ended: leave without the destructors they would meet. */
    _exit(code);
}
