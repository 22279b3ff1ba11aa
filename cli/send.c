/* bxb send: events from a file or pipe to bxb-server, until each has its fate.
 *
 * Lines are gathered into batches; each batch is sent, and sent again, as the same bytes: a server
 * that took it before counts it once. Batches overtake one another.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/clock.h"
#include "base/digest.h"
#include "cli/args.h"
#include "cli/cli.h"
#include "cli/http.h"
#include "cli/lines.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/send_answer.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BATCH_EVENTS_MAX = 10000,
    BATCH_SIZE_CLOSE = 8 * 1024 * 1024, /* bytes; a batch that has so many is sent */
    BATCH_SIZE_MAX = BATCH_SIZE_CLOSE + LINES_SIZE_MAX + 1,
    BATCH_LINGER_MS = 250, /* how long a batch waits for more lines of a slow pipe */
    CONCURRENCY_MAX = 256,
    ANSWER_TIMEOUT_MS = 120000,
    BACKOFF_FIRST_MS = 250,
    BACKOFF_MAX_MS = 10000,
    RETRY_AFTER_MAX_S = 300,
};

enum batch_state {
    BATCH_FREE,
    BATCH_WAITING, /* to be sent when it is due */
    BATCH_FLYING,
};

struct batch {
    enum batch_state state;
    struct buf body;
    uint64_t *lines; /* the line number of each event; room for batch_events */
    uint64_t events;
    unsigned attempts;
    int64_t due_mono_ms;
    int64_t first_failed_mono_ms; /* 0: not yet */
    struct http_request request;
};

struct sender {
    /* Set at start. */
    const struct settings *settings;
    const char *source; /* for messages */
    char *url;
    uint64_t batch_events;
    uint64_t concurrency;
    int64_t give_up_ms; /* 0: never */

    struct http *http;
    struct lines input;
    uint64_t input_size; /* bytes; 0: not known */
    bool input_ended;
    struct batch gathering; /* what is being filled; its state is not used */
    int64_t gathering_since_mono_ms;
    struct batch *batches; /* `concurrency` of them */

    struct send_counts counts;
    uint64_t sent, retried, settled_bytes;
    bool stopped; /* take no more: err says why */
    struct err err;
    struct err trouble; /* why the last attempt failed */
    int64_t started_mono_ms;
    struct progress progress;
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

static void batch_init(struct batch *batch, uint64_t events)
{
    buf_init(&batch->body, BATCH_SIZE_MAX);
    batch->lines = xcalloc(events, sizeof(*batch->lines));
}

static void batch_done(struct batch *batch)
{
    buf_done(&batch->body);
    http_request_done(&batch->request);
    free(batch->lines);
}

static void stop(struct sender *sender, const struct err *err)
{
    if (!sender->stopped)
        sender->err = *err;
    sender->stopped = true;
}

static struct batch *free_batch(struct sender *sender)
{
    for (uint64_t i = 0; i < sender->concurrency; i++)
        if (sender->batches[i].state == BATCH_FREE)
            return &sender->batches[i];
    return NULL;
}

static bool is_blank(struct slice line)
{
    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] != ' ' && line.data[i] != '\t')
            return false;
    return true;
}

/* Reads lines until the batch is full or there is nothing to read now. */
static void gather(struct sender *sender)
{
    struct batch *batch = &sender->gathering;
    while (batch->events < sender->batch_events && batch->body.size < BATCH_SIZE_CLOSE) {
        struct slice line;
        struct err err;
        enum lines_step step = lines_next(&sender->input, &line, &err);
        if (step == LINES_FAILED)
            stop(sender, &err);
        if (step == LINES_END || step == LINES_FAILED)
            sender->input_ended = true;
        if (step != LINES_LINE)
            return;
        if (is_blank(line))
            continue;
        if (batch->events == 0)
            sender->gathering_since_mono_ms = clock_mono_ms();
        batch->lines[batch->events++] = sender->input.number;
        buf_append_slice(&batch->body, line);
        buf_append_char(&batch->body, '\n');
    }
}

static bool gathered(const struct sender *sender, int64_t now_mono_ms)
{
    const struct batch *batch = &sender->gathering;
    return batch->events > 0 && (sender->input_ended || batch->events >= sender->batch_events ||
                                 batch->body.size >= BATCH_SIZE_CLOSE ||
                                 now_mono_ms - sender->gathering_since_mono_ms >= BATCH_LINGER_MS);
}

/* Gives a gathered batch to a free one, by exchanging their buffers. */
static void queue(struct sender *sender, struct batch *batch, int64_t now_mono_ms)
{
    struct batch *from = &sender->gathering;
    struct buf body = batch->body;
    uint64_t *lines = batch->lines;
    batch->body = from->body;
    batch->lines = from->lines;
    batch->events = from->events;
    batch->attempts = 0;
    batch->due_mono_ms = now_mono_ms;
    batch->first_failed_mono_ms = 0;
    batch->state = BATCH_WAITING;
    from->body = body;
    from->lines = lines;
    from->events = 0;
    buf_reset(&from->body);
}

/* Takes in what can be read while there is a free batch for it. */
static void take_in(struct sender *sender)
{
    while (!sender->stopped) {
        struct batch *batch = free_batch(sender);
        if (!batch)
            return;
        if (!sender->input_ended)
            gather(sender);
        int64_t now_mono_ms = clock_mono_ms();
        if (sender->stopped || !gathered(sender, now_mono_ms))
            return;
        queue(sender, batch, now_mono_ms);
    }
}

static void send_batch(struct sender *sender, struct batch *batch)
{
    if (batch->attempts++ == 0)
        sender->sent += batch->events;
    else
        sender->retried++;
    batch->request.url = sender->url;
    batch->request.api_key = sender->settings->api_key;
    batch->request.content_type = "application/x-ndjson";
    batch->request.body = buf_slice(&batch->body);
    batch->request.timeout_ms = ANSWER_TIMEOUT_MS;
    batch->request.context = batch;
    batch->state = BATCH_FLYING;
    http_start(sender->http, &batch->request);
}

struct rejecting {
    struct sender *sender;
    const struct batch *batch;
    uint64_t told;
};

static void tell_rejection(void *context, const struct send_rejection *rejection)
{
    struct rejecting *rejecting = context;
    const struct batch *batch = rejecting->batch;
    rejecting->told++;
    progress_clear(&rejecting->sender->progress);
    fprintf(stderr, "%s:", rejecting->sender->source);
    if (rejection->index < batch->events)
        fprintf(stderr, "%llu:", (unsigned long long)batch->lines[rejection->index]);
    fprintf(stderr, " %s%s%s: %s\n", rejection->code, rejection->pointer[0] ? " at " : "",
            rejection->pointer, rejection->detail);
}

/* Doubles, up to a limit, and spreads: many senders must not come back at the same moment. */
static int64_t backoff_ms(const struct batch *batch)
{
    int64_t ms = BACKOFF_FIRST_MS;
    for (unsigned i = 1; i < batch->attempts && ms < BACKOFF_MAX_MS; i++)
        ms *= 2;
    int64_t asked_ms = batch->request.retry_after_s < RETRY_AFTER_MAX_S
                           ? batch->request.retry_after_s * 1000
                           : RETRY_AFTER_MAX_S * 1000;
    if (ms > BACKOFF_MAX_MS)
        ms = BACKOFF_MAX_MS;
    if (ms < asked_ms)
        ms = asked_ms;
    uint16_t random;
    digest_random(&random, sizeof(random));
    return ms + ms / 4 * random / UINT16_MAX;
}

static void send_later(struct sender *sender, struct batch *batch, const struct err *err)
{
    int64_t now_mono_ms = clock_mono_ms();
    sender->trouble = *err;
    if (batch->first_failed_mono_ms == 0)
        batch->first_failed_mono_ms = now_mono_ms;
    if (sender->give_up_ms > 0 && now_mono_ms - batch->first_failed_mono_ms >= sender->give_up_ms) {
        batch->state = BATCH_FREE;
        stop(sender, err);
        return;
    }
    batch->due_mono_ms = now_mono_ms + backoff_ms(batch);
    batch->state = BATCH_WAITING;
}

static void settle(struct sender *sender, struct batch *batch)
{
    struct rejecting rejecting = {.sender = sender, .batch = batch};
    struct send_counts counts;
    struct err err;
    enum send_verdict verdict =
        send_judge(batch->request.status, buf_slice(&batch->request.answer), batch->request.error,
                   batch->events, tell_rejection, &rejecting, &counts, &err);
    if (verdict == SEND_AGAIN) {
        send_later(sender, batch, &err);
        return;
    }
    batch->state = BATCH_FREE;
    if (verdict == SEND_STOP) {
        stop(sender, &err);
        return;
    }
    if (rejecting.told < counts.rejected) {
        progress_clear(&sender->progress);
        fprintf(stderr, "%s: %llu more events of lines %llu to %llu were rejected\n",
                sender->source, (unsigned long long)(counts.rejected - rejecting.told),
                (unsigned long long)batch->lines[0],
                (unsigned long long)batch->lines[batch->events - 1]);
    }
    sender->counts.accepted += counts.accepted;
    sender->counts.duplicates += counts.duplicates;
    sender->counts.rejected += counts.rejected;
    sender->settled_bytes += batch->body.size;
}

static uint64_t settled(const struct sender *sender)
{
    return sender->counts.accepted + sender->counts.duplicates + sender->counts.rejected;
}

static void show_progress(struct sender *sender)
{
    int64_t now_mono_ms = clock_mono_ms();
    if (!progress_due(&sender->progress, now_mono_ms))
        return;
    double seconds = (double)(now_mono_ms - sender->started_mono_ms) / 1000;
    char text[PROGRESS_TEXT_SIZE];
    int size = snprintf(text, sizeof(text), "%llu events, %.0f/s",
                        (unsigned long long)settled(sender), (double)settled(sender) / seconds);
    if (sender->counts.rejected > 0)
        size += snprintf(text + size, sizeof(text) - (size_t)size, ", %llu rejected",
                         (unsigned long long)sender->counts.rejected);
    if (sender->retried > 0)
        size += snprintf(text + size, sizeof(text) - (size_t)size, ", %llu retried",
                         (unsigned long long)sender->retried);
    if (sender->trouble.code != ERR_NONE && (size_t)size < sizeof(text))
        snprintf(text + size, sizeof(text) - (size_t)size, " (%.*s)",
                 sender->progress.terminal ? 40 : 200, sender->trouble.text);
    progress_show(&sender->progress, sender->settled_bytes, sender->input_size, text, now_mono_ms);
    sender->trouble.code = ERR_NONE; /* shown; what goes on will come again */
}

/* Starts what is due. Returns how long nothing needs to be done, at most a redraw; -1: all is
 * finished. */
static int64_t start_due(struct sender *sender)
{
    int64_t now_mono_ms = clock_mono_ms(), wait_ms = PROGRESS_REDRAW_MS;
    bool busy = !sender->stopped && (!sender->input_ended || sender->gathering.events > 0);
    for (uint64_t i = 0; i < sender->concurrency; i++) {
        struct batch *batch = &sender->batches[i];
        if (batch->state == BATCH_WAITING && sender->stopped)
            batch->state = BATCH_FREE; /* left unsent, and counted as such */
        if (batch->state == BATCH_WAITING && batch->due_mono_ms <= now_mono_ms)
            send_batch(sender, batch);
        else if (batch->state == BATCH_WAITING && batch->due_mono_ms - now_mono_ms < wait_ms)
            wait_ms = batch->due_mono_ms - now_mono_ms;
        busy = busy || batch->state != BATCH_FREE;
    }
    return busy ? wait_ms : -1;
}

static void run(struct sender *sender)
{
    for (;;) {
        if (interrupted && !sender->stopped) {
            struct err err;
            err_set(&err, ERR_IO, "interrupted");
            stop(sender, &err);
        }
        take_in(sender);
        int64_t wait_ms = start_due(sender);
        if (wait_ms < 0)
            return;
        bool reading = !sender->stopped && !sender->input_ended && free_batch(sender);
        struct http_request *done =
            http_wait(sender->http, wait_ms, reading ? sender->input.fd : -1);
        if (done)
            settle(sender, done->context);
        show_progress(sender);
    }
}

static void print_summary(const struct sender *sender, bool json)
{
    double seconds = (double)(clock_mono_ms() - sender->started_mono_ms) / 1000;
    double rate = seconds > 0 ? (double)settled(sender) / seconds : 0;
    unsigned long long open = sender->sent - settled(sender);
    const struct send_counts *counts = &sender->counts;
    if (json) {
        output_json(json_pack(
            "{s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:f}", "sent", (json_int_t)sender->sent, "accepted",
            (json_int_t)counts->accepted, "duplicates", (json_int_t)counts->duplicates, "rejected",
            (json_int_t)counts->rejected, "unsettled", (json_int_t)open, "retried_requests",
            (json_int_t)sender->retried, "seconds", seconds, "events_per_second", rate));
        return;
    }
    printf("sent %llu, accepted %llu, duplicates %llu, rejected %llu, ",
           (unsigned long long)sender->sent, (unsigned long long)counts->accepted,
           (unsigned long long)counts->duplicates, (unsigned long long)counts->rejected);
    if (open > 0)
        printf("unsettled %llu, ", open);
    printf("retried %llu requests, %.1f s, %.0f events/s\n", (unsigned long long)sender->retried,
           seconds, rate);
}

static bool open_input(struct sender *sender, const char *path, struct err *reterr)
{
    bool standard_input = strcmp(path, "-") == 0;
    int fd = standard_input ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    struct stat facts;
    if (fd < 0 || fstat(fd, &facts) != 0)
        return err_set(reterr, ERR_IO, "%s: %s", path, strerrordesc_np(errno));
    if (S_ISREG(facts.st_mode))
        sender->input_size = (uint64_t)facts.st_size;
    sender->source = standard_input ? "stdin" : path;
    lines_init(&sender->input, fd);
    return true;
}

static void sender_start(struct sender *sender, bool quiet)
{
    size_t size = strlen(sender->settings->url);
    while (size > 0 && sender->settings->url[size - 1] == '/')
        size--;
    sender->url = xasprintf("%.*s/v1/events", (int)size, sender->settings->url);
    sender->http = http_new();
    sender->batches = xcalloc(sender->concurrency, sizeof(*sender->batches));
    batch_init(&sender->gathering, sender->batch_events);
    for (uint64_t i = 0; i < sender->concurrency; i++)
        batch_init(&sender->batches[i], sender->batch_events);
    sender->started_mono_ms = clock_mono_ms();
    progress_init(&sender->progress, quiet, sender->started_mono_ms);
    /* The first ^C stops reading and waits for what is under way, the second one ends. */
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
}

static void sender_done(struct sender *sender)
{
    http_free(sender->http); /* before what its requests point to */
    for (uint64_t i = 0; i < sender->concurrency; i++)
        batch_done(&sender->batches[i]);
    batch_done(&sender->gathering);
    free(sender->batches);
    free(sender->url);
    close(sender->input.fd);
    lines_done(&sender->input);
}

static int fail_stopped(const struct err *err)
{
    bool key = err->code == ERR_UNAUTHORIZED || err->code == ERR_FORBIDDEN;
    return cli_fail(err,
                    key ? "Set BXB_API_KEY to a key that may send events."
                        : "Not everything was sent; sending it all again counts nothing twice.");
}

int send_run(const struct cli *cli, int argc, char **argv)
{
    const char *path = NULL;
    bool quiet = false, json = false;
    struct sender sender = {.settings = cli->settings, .batch_events = 500, .concurrency = 4};
    const struct args_option options[] = {
        {.name = "FILE|-",
         .kind = ARGS_TEXT,
         .target = &path,
         .required = true,
         .help = "one JSON event a line; - reads standard input"},
        {.name = "--batch",
         .value = "N",
         .kind = ARGS_NUMBER,
         .target = &sender.batch_events,
         .min = 1,
         .max = BATCH_EVENTS_MAX,
         .help = "events in one request (default 500)"},
        {.name = "--concurrency",
         .value = "N",
         .kind = ARGS_NUMBER,
         .target = &sender.concurrency,
         .min = 1,
         .max = CONCURRENCY_MAX,
         .help = "requests side by side (default 4)"},
        {.name = "--give-up",
         .value = "DURATION",
         .kind = ARGS_DURATION,
         .target = &sender.give_up_ms,
         .min = 1000,
         .max = 365ull * 24 * 3600 * 1000,
         .help = "end when a request was in vain for so long (default: try for ever)"},
        {.name = "--quiet", .kind = ARGS_FLAG, .target = &quiet, .help = "no progress on stderr"},
        {.name = "--json",
         .kind = ARGS_FLAG,
         .target = &json,
         .help = "print the summary as a JSON object"},
    };
    int exit_code;
    if (!args_read(cli, options, ARRAY_LEN(options), argc, argv, &exit_code))
        return exit_code;
    struct err err;
    if (cli->settings->api_key[0] == '\0') {
        err_set(&err, ERR_SETTINGS_INVALID, "there is no API key");
        return cli_fail(&err, "Set BXB_API_KEY, or api_key in the settings file.");
    }
    if (!open_input(&sender, path, &err))
        return cli_fail(&err, NULL);
    sender_start(&sender, quiet);
    run(&sender);
    progress_clear(&sender.progress);
    print_summary(&sender, json);
    exit_code = sender.counts.rejected > 0 ? EXIT_CODE_FINDING : EXIT_CODE_OK;
    if (sender.stopped)
        exit_code = fail_stopped(&sender.err);
    sender_done(&sender);
    return exit_code;
}
