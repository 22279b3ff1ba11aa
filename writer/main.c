/* bxb-writer: stores the topic's records in ClickHouse and counts them in PostgreSQL, each once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "admin/admin.h"
#include "base/log.h"
#include "base/options.h"
#include "base/thread.h"
#include "writer/coordinator.h"
#include <signal.h>
#include <unistd.h>

enum {
    WATCH_MS = 500,
    KEPT_MEMORY = 16 << 20, /* bytes: what librdkafka fetches at once, a few times over */
};

static const struct program program = {
    .name = "bxb-writer",
    .summary = "Stores usage events from Kafka in ClickHouse and PostgreSQL, each exactly once.",
    .usage = "[OPTION]…",
};

static bool on_ready(void *context, struct err *reterr)
{
    return coordinator_ready(context, reterr);
}

static void on_metrics(void *context, struct buf *out)
{
    coordinator_metrics(context, out);
}

/* Until SIGTERM or SIGINT. */
static void serve(struct coordinator *coordinator, struct settings *settings, int argc, char **argv)
{
    for (;;) {
        struct err err;
        int signal_number = signals_wait(WATCH_MS);
        if (signal_number == SIGTERM || signal_number == SIGINT)
            return;
        if (signal_number == SIGHUP && options_reload(argc, argv, settings, &err)) {
            coordinator_reload(coordinator, settings);
            log_info(SETTINGS_RELOADED);
        } else if (signal_number == SIGHUP) {
            log_error(SETTINGS_KEPT, log_error_of(&err));
        }
        coordinator_watch(coordinator);
    }
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct coordinator coordinator;
    struct err err;
    int first, code;
    mem_keep_freed(KEPT_MEMORY);
    if (!options_read(&program, argc, argv, &settings, &first, &code))
        return code;
    signals_block();
    log_info(STARTING, log_str("version", PACKAGE_VERSION),
             log_u64("lanes", settings.writer_lanes));
    coordinator_start(&coordinator, &settings);
    const struct admin_hooks hooks = {"bxb-writer", on_ready, on_metrics, &coordinator};
    struct admin *admin = admin_start(settings.writer_admin_listen, &hooks, &err);
    if (admin)
        serve(&coordinator, &settings, argc, argv);
    else
        log_error(START_FAILED, log_error_of(&err));
    log_info(STOPPING);
    bool finished = coordinator_stop(&coordinator, admin ? settings.shutdown_grace : 0);
    admin_stop(admin);
    log_info(STOPPED, log_str("batches", finished ? "finished" : "left to the next writer"));
    if (!finished) /* a thread may hang; stopping here is as safe as kill -9 */
        _exit(EXIT_CODE_FAILURE);
    coordinator_done(&coordinator);
    settings_done(&settings);
    return admin ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}
