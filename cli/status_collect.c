/* Asks every part how it is. A part that does not answer leaves its numbers unknown, and never
 * keeps the others from being asked.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/mem.h"
#include "cli/http.h"
#include "cli/status.h"
#include "clickhouse/client.h"
#include "schemas/migrations.h"
#include "kafka/topic_check.h"
#include <stdlib.h>
#include <string.h>

enum {
    HTTP_TIMEOUT_MS = 5000,
    QUERY_TIMEOUT_MS = 30000,
    SQL_SIZE_MAX = 4096,
    ANSWER_SIZE_MAX = 64 * 1024,
};

static void fail(struct status_part *part, const struct err *err)
{
    part->ready = false;
    snprintf(part->detail, sizeof(part->detail), "%s", err->text);
}

static void topic_closep(struct topic **topic)
{
    topic_close(*topic);
}

/* --- bxb-server and bxb-writer ------------------------------------------------------------------
 */

/* A line for people from what /readyz answers. */
static void take_first_line(const struct buf *answer, char *ret_text, size_t size)
{
    size_t line = 0;
    while (line < answer->size && line + 1 < size && answer->data[line] != '\n')
        line++;
    memcpy(ret_text, answer->data ? answer->data : "", line);
    ret_text[line] = '\0';
}

static void ask_program(struct http *http, const char *url, struct status_part *part)
{
    snprintf(part->address, sizeof(part->address), "%s", url);
    CLEANUP(mem_freep) char *readyz = xasprintf("%s/readyz", url);
    CLEANUP(http_request_done) struct http_request request;
    part->reachable = http_get(http, readyz, HTTP_TIMEOUT_MS, &request);
    part->ready = request.status == 200;
    if (!part->reachable)
        snprintf(part->detail, sizeof(part->detail), "%s", request.error);
    else if (!part->ready)
        take_first_line(&request.answer, part->detail, sizeof(part->detail));
}

/* The value of a metric without labels in Prometheus' text format; negative: not there. */
static double metric_of(const char *text, const char *name)
{
    size_t size = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, size) == 0 && line[size] == ' ')
            return strtod(line + size, NULL);
    }
    return STATUS_UNKNOWN;
}

static double ask_freshness(struct http *http, const char *url)
{
    CLEANUP(mem_freep) char *metrics = xasprintf("%s/metrics", url);
    CLEANUP(http_request_done) struct http_request request;
    if (!http_get(http, metrics, HTTP_TIMEOUT_MS, &request) || request.status != 200)
        return STATUS_UNKNOWN;
    return metric_of(buf_text(&request.answer), "bxb_writer_freshness_seconds");
}

static void ask_programs(const struct settings *settings, struct status *status)
{
    CLEANUP(http_freep) struct http *http = http_new();
    ask_program(http, settings->admin_url, &status->parts[STATUS_SERVER]);
    ask_program(http, settings->writer_admin_url, &status->parts[STATUS_WRITER]);
    if (status->parts[STATUS_WRITER].reachable)
        status->freshness_s = ask_freshness(http, settings->writer_admin_url);
}

/* --- Kafka --------------------------------------------------------------------------------------
 */

static bool ask_offsets(struct topic *topic, struct status *status, const struct topic_facts *facts,
                        struct err *reterr)
{
    CLEANUP(mem_freep)
    struct topic_range *ranges = xcalloc(facts->partitions, sizeof(*ranges));
    if (!topic_watermarks(topic, ranges, facts->partitions, reterr))
        return false;
    status->partitions_len = facts->partitions;
    status->partitions = xcalloc(facts->partitions, sizeof(*status->partitions));
    for (uint32_t i = 0; i < facts->partitions; i++)
        status->partitions[i] =
            (struct status_partition){.log_end = ranges[i].high, .hwm = -1, .lag = STATUS_UNKNOWN};
    return true;
}

static void ask_kafka(const struct settings *settings, struct status *status)
{
    struct status_part *part = &status->parts[STATUS_KAFKA];
    snprintf(part->address, sizeof(part->address), "%s", settings->kafka);
    struct err err;
    CLEANUP(topic_closep) struct topic *topic = topic_open(settings, &err);
    struct topic_facts facts;
    if (!topic || !topic_describe(topic, &facts, &err)) {
        part->reachable = topic && err.code == ERR_NOT_FOUND; /* it answered: no such topic */
        fail(part, &err);
        return;
    }
    part->reachable = true;
    if (!topic_check(settings->events_topic, &facts, settings->server_event_max, &err) ||
        !ask_offsets(topic, status, &facts, &err)) {
        fail(part, &err);
        return;
    }
    part->ready = facts.leaderless == 0;
    snprintf(part->detail, sizeof(part->detail),
             "topic %s, %u partitions%s, replication %u, %u broker%s", settings->events_topic,
             facts.partitions, part->ready ? "" : " (some without a leader)", facts.replication,
             facts.brokers, facts.brokers == 1 ? "" : "s");
}

/* --- PostgreSQL ---------------------------------------------------------------------------------
 */

static bool ask_lanes(struct pg *pg, struct status *status, const char *topic, struct err *reterr)
{
    const char *params[] = {topic};
    return pg_query(pg,
                    "SELECT l.name, CASE WHEN l.lease_until > now() THEN l.owner END,"
                    " CASE WHEN l.lease_until > now() THEN w.host || ':' || w.process END,"
                    " CASE WHEN l.lease_until > now() THEN"
                    "  (extract(epoch FROM l.lease_until - now()) * 1000)::bigint END,"
                    " (SELECT string_agg(p.partition::text, ',' ORDER BY p.partition)"
                    "  FROM lane_partition p WHERE p.lane_id = l.id),"
                    " l.epoch, l.batch_seq, l.intent IS NOT NULL"
                    " FROM lane l JOIN topic t ON t.id = l.topic_id"
                    " LEFT JOIN writer w ON w.owner = l.owner"
                    " WHERE t.name = $1 ORDER BY l.name::integer",
                    params, ARRAY_LEN(params), &status->lanes, reterr);
}

/* All that were seen within the last minute, however long their lease is. */
static bool ask_writers(struct pg *pg, struct status *status, const char *topic, struct err *reterr)
{
    const char *params[] = {topic};
    return pg_query(pg,
                    "SELECT w.owner, w.host || ':' || w.process, w.version,"
                    " to_char(w.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
                    " greatest(0, (extract(epoch FROM now() - w.seen_at) * 1000)::bigint),"
                    " (SELECT count(*) FROM lane l"
                    "  WHERE l.topic_id = t.id AND l.owner = w.owner AND l.lease_until > now())"
                    " FROM writer w JOIN topic t ON t.id = w.topic_id WHERE t.name = $1"
                    " AND w.seen_at > now() - interval '1 minute'"
                    " ORDER BY w.host, w.process, w.started_at",
                    params, ARRAY_LEN(params), &status->writers, reterr);
}

static bool ask_hwms(struct pg *pg, struct status *status, const char *topic, struct err *reterr)
{
    const char *params[] = {topic};
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(pg,
                  "SELECT p.partition, p.hwm FROM lane_partition p"
                  " JOIN lane l ON l.id = p.lane_id JOIN topic t ON t.id = l.topic_id"
                  " WHERE t.name = $1",
                  params, ARRAY_LEN(params), &rows, reterr))
        return false;
    for (size_t row = 0; row < pg_rows(rows); row++) {
        int64_t partition = pg_i64(rows, row, 0);
        if (partition < 0 || partition >= status->partitions_len)
            continue;
        status->partitions[partition].hwm = pg_i64(rows, row, 1);
        status->partitions[partition].assigned = true;
    }
    status->lag = 0;
    for (uint32_t i = 0; i < status->partitions_len; i++) {
        struct status_partition *partition = &status->partitions[i];
        partition->lag = partition->log_end - partition->hwm - 1;
        status->lag += partition->lag;
    }
    return true;
}

static bool ask_totals(struct pg *pg, struct status *status, struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *rows = NULL;
    if (!pg_query(pg,
                  "SELECT (SELECT coalesce(sum(events), 0) FROM usage_hourly),"
                  " coalesce(sum(stored), 0), coalesce(sum(duplicates), 0),"
                  " coalesce(sum(dead_letters), 0) FROM batch",
                  NULL, 0, &rows, reterr))
        return false;
    status->usage_events = pg_i64(rows, 0, 0);
    status->ledger_stored = pg_i64(rows, 0, 1);
    status->ledger_duplicates = pg_i64(rows, 0, 2);
    status->ledger_dead = pg_i64(rows, 0, 3);
    return true;
}

static bool ask_repeating(struct pg *pg, struct status *status, struct err *reterr)
{
    return pg_query(pg,
                    "SELECT d.organization_id, coalesce(max(o.name), ''), sum(d.duplicates)::bigint"
                    " FROM duplicate_daily d LEFT JOIN organization o ON o.id = d.organization_id"
                    " WHERE d.day > current_date - 7 GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT 10",
                    NULL, 0, &status->repeating, reterr);
}

static void ask_postgres(const struct settings *settings, struct status *status)
{
    struct status_part *part = &status->parts[STATUS_POSTGRES];
    struct err err;
    CLEANUP(pg_freep)
    struct pg *pg = pg_connect(settings->postgres, "bxb", settings->postgres_schema, &err);
    part->reachable = pg != NULL;
    if (!pg) {
        fail(part, &err);
        return;
    }
    pg_set_timeout(pg, QUERY_TIMEOUT_MS);
    pg_address(pg, part->address, sizeof(part->address));
    part->ready = ask_writers(pg, status, settings->events_topic, &err) &&
                  ask_lanes(pg, status, settings->events_topic, &err) &&
                  ask_hwms(pg, status, settings->events_topic, &err) &&
                  ask_totals(pg, status, &err) && ask_repeating(pg, status, &err);
    if (!part->ready)
        fail(part, &err);
    else
        snprintf(part->detail, sizeof(part->detail), "schema %s", settings->postgres_schema);
}

/* --- ClickHouse ---------------------------------------------------------------------------------
 */

static void ask_clickhouse(const struct settings *settings, struct status *status)
{
    struct status_part *part = &status->parts[STATUS_CLICKHOUSE];
    snprintf(part->address, sizeof(part->address), "%s", settings->clickhouse_url);
    const struct ch_options options = {
        .url = settings->clickhouse_url,
        .user = settings->clickhouse_user,
        .password = settings->clickhouse_password,
        .database = "default",
    };
    CLEANUP(buf_done) struct buf sql = {0};
    CLEANUP(buf_done) struct buf answer = {0};
    buf_init(&sql, SQL_SIZE_MAX);
    buf_init(&answer, ANSWER_SIZE_MAX);
    migration_fill(&sql, SLICE("SELECT count() FROM {database}.{table} FORMAT TSV"),
                   settings->clickhouse_database, settings->clickhouse_table);
    struct ch_client *client = ch_new(&options);
    struct err err;
    part->ready = ch_query(client, buf_text(&sql), NULL, 0, QUERY_TIMEOUT_MS, &answer, &err);
    part->reachable = part->ready || err.code == ERR_CLICKHOUSE_REFUSED;
    if (part->ready) {
        status->clickhouse_rows = strtoll(buf_text(&answer), NULL, 10);
        snprintf(part->detail, sizeof(part->detail), "table %s.%s", settings->clickhouse_database,
                 settings->clickhouse_table);
    } else {
        fail(part, &err);
    }
    ch_free(client);
}

void status_collect(const struct settings *settings, struct status *ret_status)
{
    *ret_status = (struct status){
        .lag = STATUS_UNKNOWN,
        .freshness_s = STATUS_UNKNOWN,
        .clickhouse_rows = STATUS_UNKNOWN,
        .usage_events = STATUS_UNKNOWN,
        .ledger_stored = STATUS_UNKNOWN,
        .ledger_duplicates = STATUS_UNKNOWN,
        .ledger_dead = STATUS_UNKNOWN,
    };
    ask_programs(settings, ret_status);
    ask_kafka(settings, ret_status); /* before PostgreSQL: lag is the difference of the two */
    ask_postgres(settings, ret_status);
    ask_clickhouse(settings, ret_status);
}

void status_done(struct status *status)
{
    pg_result_free(status->writers);
    pg_result_free(status->lanes);
    pg_result_free(status->repeating);
    free(status->partitions);
}
