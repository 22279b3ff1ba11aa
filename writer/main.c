/* bxb-writer: stores the topic's records in ClickHouse and counts them in PostgreSQL, each once.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "admin/admin.h"
#include "base/log.h"
#include "base/options.h"
#include "base/thread.h"
#include "writer/lane.h"
#include <signal.h>
#include <unistd.h>

enum { WATCH_MS = 500 };

static const struct program program = {
    .name = "bxb-writer",
    .summary = "Stores usage events from Kafka in ClickHouse and PostgreSQL, each exactly once.",
    .usage = "[OPTION]…",
};

static bool on_ready(void *context, struct err *reterr)
{
    return status_ready(context, reterr);
}

static void on_metrics(void *context, struct buf *out)
{
    status_metrics(context, out);
}

/* Until SIGTERM or SIGINT. */
static void serve(struct lane *lane, struct settings *settings, int argc, char **argv)
{
    for (;;) {
        struct err err;
        int signal_number = signals_wait(WATCH_MS);
        if (signal_number == SIGTERM || signal_number == SIGINT)
            return;
        if (signal_number == SIGHUP && options_reload(argc, argv, settings, &err)) {
            lane_reload(lane, settings);
            log_info(SETTINGS_RELOADED);
        } else if (signal_number == SIGHUP) {
            log_error(SETTINGS_KEPT, log_error_of(&err));
        }
        status_watch(&lane->status);
    }
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct lane lane;
    struct err err;
    int first, code;
    if (!options_read(&program, argc, argv, &settings, &first, &code))
        return code;
    signals_block();
    log_info(STARTING, log_str("version", PACKAGE_VERSION), log_str("lane", settings.writer_lane));
    lane_start(&lane, &settings);
    const struct admin_hooks hooks = {"bxb-writer", on_ready, on_metrics, &lane.status};
    struct admin *admin = admin_start(settings.writer_admin_listen, &hooks, &err);
    if (admin)
        serve(&lane, &settings, argc, argv);
    else
        log_error(START_FAILED, log_error_of(&err));
    log_info(STOPPING);
    bool finished = lane_stop(&lane, admin ? settings.shutdown_grace : 0);
    admin_stop(admin);
    log_info(STOPPED, log_str("batch", finished ? "finished" : "left to the next writer"));
    if (!finished) /* a thread may hang; stopping here is as safe as kill -9 */
        _exit(EXIT_CODE_FAILURE);
    lane_done(&lane);
    settings_done(&settings);
    return admin ? EXIT_CODE_OK : EXIT_CODE_FAILURE;
}
