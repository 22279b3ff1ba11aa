/* bxb-server: takes usage events over HTTP and answers when Kafka has them.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/log.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/thread.h"
#include "server/server.h"

#include <signal.h>

enum {
    WATCH_EVERY_MS = 1000,
    KEPT_MEMORY = 16 << 20, /* bytes: a large request with its records and its answer */
};

static const struct program program = {
    .name = "bxb-server",
    .summary = "takes usage events over HTTP and answers when Kafka has them",
    .usage = "[OPTION]…",
};

/* SIGHUP: all settings are read again as at start; those that can change do, or none. */
static void reload(struct settings *settings, struct server *server, int argc, char **argv)
{
    struct err err;
    if (!options_reload(argc, argv, settings, &err)) {
        log_error(SETTINGS_KEPT, log_error_of(&err));
        return;
    }
    server_reload(server, settings);
    log_info(SETTINGS_RELOADED);
}

static void serve(struct settings *settings, struct server *server, int argc, char **argv)
{
    for (;;) {
        int signal_number = signals_wait(WATCH_EVERY_MS);
        if (signal_number == SIGTERM || signal_number == SIGINT)
            return;
        if (signal_number == SIGHUP)
            reload(settings, server, argc, argv);
        server_watch(server);
    }
}

int main(int argc, char **argv)
{
    struct settings settings;
    int first, exit_code;
    mem_keep_freed(KEPT_MEMORY);
    signals_block();
    if (!options_read(&program, argc, argv, &settings, &first, &exit_code))
        return exit_code;
    log_info(STARTING, log_str("version", PACKAGE_VERSION),
             log_str("listen", settings.server_listen), log_str("kafka", settings.kafka));
    struct server server;
    struct err err;
    if (!server_start(&server, &settings, &err)) {
        log_error(START_FAILED, log_error_of(&err));
        settings_done(&settings);
        return err.code == ERR_SETTINGS_INVALID ? EXIT_CODE_SETTINGS : EXIT_CODE_FAILURE;
    }
    serve(&settings, &server, argc, argv);
    log_info(STOPPING);
    server_stop(&server, settings.shutdown_grace);
    settings_done(&settings);
    log_info(STOPPED);
    return EXIT_CODE_OK;
}
