/* Shows what `bxb status` found out. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/mem.h"
#include "cli/output.h"
#include "cli/status.h"
#include <stdio.h>

static const struct {
    const char *title;
    const char *member; /* in JSON */
} part_names[STATUS_PARTS] = {
    [STATUS_SERVER] = {"bxb-server", "server"},
    [STATUS_WRITER] = {"bxb-writer", "writer"},
    [STATUS_KAFKA] = {"Kafka", "kafka"},
    [STATUS_POSTGRES] = {"PostgreSQL", "postgres"},
    [STATUS_CLICKHOUSE] = {"ClickHouse", "clickhouse"},
};

bool status_good(const struct status *status)
{
    bool good = true;
    for (int i = 0; i < STATUS_PARTS; i++)
        good = good && status->parts[i].reachable && status->parts[i].ready;
    return good;
}

/* "-" for what is not known. */
static const char *number(int64_t value, char text[24])
{
    if (value == STATUS_UNKNOWN)
        return "-";
    snprintf(text, 24, "%lld", (long long)value);
    return text;
}

static void print_parts(const struct status *status)
{
    for (int i = 0; i < STATUS_PARTS; i++) {
        const struct status_part *part = &status->parts[i];
        const char *state = !part->reachable ? "unreachable" : part->ready ? "ready" : "not ready";
        printf("%-11s %-12s %s%s%s\n", part_names[i].title, state, part->address,
               part->address[0] && part->detail[0] ? "  " : "", part->detail);
    }
}

static void print_writers(const struct status *status)
{
    if (!status->writers || pg_rows(status->writers) == 0)
        return;
    printf("\n%-32s  %5s  %-20s  %10s  %s\n", "WRITER", "LANES", "STARTED", "SEEN", "VERSION");
    for (size_t row = 0; row < pg_rows(status->writers); row++)
        printf("%-32s  %5s  %-20s  %7.1f s  %s\n",
               pg_text(status->writers, row, STATUS_WRITER_NAME),
               pg_text(status->writers, row, STATUS_WRITER_LANES),
               pg_text(status->writers, row, STATUS_WRITER_STARTED),
               (double)pg_i64(status->writers, row, STATUS_WRITER_SEEN_MS) / 1000,
               pg_text(status->writers, row, STATUS_WRITER_VERSION));
}

/* Who works on a lane, for people. */
static const char *lane_writer(const struct status *status, size_t row)
{
    if (!pg_is_null(status->lanes, row, STATUS_LANE_WRITER))
        return pg_text(status->lanes, row, STATUS_LANE_WRITER);
    return pg_is_null(status->lanes, row, STATUS_LANE_OWNER) ? "nobody" : "a writer that stops";
}

static void print_lanes(const struct status *status)
{
    if (!status->lanes || pg_rows(status->lanes) == 0)
        return;
    printf("\n%4s  %-32s  %8s  %8s  %10s  %-7s  %s\n", "LANE", "WRITER", "LEASE", "EPOCH",
           "BATCHES", "PENDING", "PARTITIONS");
    for (size_t row = 0; row < pg_rows(status->lanes); row++)
        printf("%4s  %-32s  %6.1f s  %8s  %10s  %-7s  %s\n",
               pg_text(status->lanes, row, STATUS_LANE_NAME), lane_writer(status, row),
               (double)pg_i64(status->lanes, row, STATUS_LANE_LEASE_MS) / 1000,
               pg_text(status->lanes, row, STATUS_LANE_EPOCH),
               pg_text(status->lanes, row, STATUS_LANE_BATCH_SEQ),
               pg_bool(status->lanes, row, STATUS_LANE_INTENT) ? "a batch" : "-",
               pg_text(status->lanes, row, STATUS_LANE_PARTITIONS));
}

static void print_partitions(const struct status *status)
{
    char end[24], hwm[24], lag[24];
    if (status->partitions_len > 0)
        printf("\n%9s  %12s  %12s  %12s\n", "PARTITION", "LOG END", "DONE UP TO", "LAG");
    for (uint32_t i = 0; i < status->partitions_len; i++) {
        const struct status_partition *partition = &status->partitions[i];
        printf("%9u  %12s  %12s  %12s\n", i, number(partition->log_end, end),
               partition->assigned ? number(partition->hwm, hwm) : "-",
               number(partition->lag, lag));
    }
}

static void print_repeating(const struct status *status)
{
    if (!status->repeating || pg_rows(status->repeating) == 0)
        return;
    printf("\n%12s  %s\n", "DUPLICATES", "ORGANIZATION, OF THE LAST 7 DAYS");
    for (size_t row = 0; row < pg_rows(status->repeating); row++)
        printf("%12s  %s %s\n", pg_text(status->repeating, row, STATUS_REPEATING_DUPLICATES),
               pg_text(status->repeating, row, STATUS_REPEATING_ID),
               pg_text(status->repeating, row, STATUS_REPEATING_NAME));
}

void status_print(const struct status *status)
{
    char lag[24], rows[24], usage[24], stored[24], duplicates[24], dead[24];
    print_parts(status);
    print_writers(status);
    print_lanes(status);
    print_partitions(status);
    print_repeating(status);
    printf("\nlag                   %s records\n", number(status->lag, lag));
    if (status->freshness_s < 0)
        printf("freshness             -\n");
    else
        printf("freshness             %g s\n", status->freshness_s);
    printf("rows in ClickHouse    %s\n", number(status->clickhouse_rows, rows));
    printf("stored by the ledger  %s\n", number(status->ledger_stored, stored));
    printf("duplicates            %s\n", number(status->ledger_duplicates, duplicates));
    printf("dead letters          %s\n", number(status->ledger_dead, dead));
    printf("events in usage       %s\n", number(status->usage_events, usage));
}

static json_t *number_json(int64_t value)
{
    return value == STATUS_UNKNOWN ? json_null() : json_integer(value);
}

static json_t *parts_json(const struct status *status)
{
    json_t *parts = json_object();
    for (int i = 0; i < STATUS_PARTS; i++) {
        const struct status_part *part = &status->parts[i];
        json_object_set_new(parts, part_names[i].member,
                            json_pack("{s:b,s:b,s:s,s:s}", "reachable", part->reachable, "ready",
                                      part->ready, "address", part->address, "detail",
                                      part->detail));
    }
    return parts;
}

static json_t *writers_json(const struct status *status)
{
    json_t *writers = json_array();
    for (size_t row = 0; status->writers && row < pg_rows(status->writers); row++)
        json_array_append_new(
            writers,
            json_pack("{s:s,s:s,s:s,s:s,s:I,s:I}", "owner",
                      pg_text(status->writers, row, STATUS_WRITER_OWNER), "name",
                      pg_text(status->writers, row, STATUS_WRITER_NAME), "version",
                      pg_text(status->writers, row, STATUS_WRITER_VERSION), "started_at",
                      pg_text(status->writers, row, STATUS_WRITER_STARTED), "seen_ms",
                      (json_int_t)pg_i64(status->writers, row, STATUS_WRITER_SEEN_MS), "lanes",
                      (json_int_t)pg_i64(status->writers, row, STATUS_WRITER_LANES)));
    return writers;
}

/* A text column that may be NULL. */
static const char *optional(const struct pg_result *rows, size_t row, size_t column)
{
    return pg_is_null(rows, row, column) ? NULL : pg_text(rows, row, column);
}

static json_t *lanes_json(const struct status *status)
{
    json_t *lanes = json_array();
    for (size_t row = 0; status->lanes && row < pg_rows(status->lanes); row++)
        json_array_append_new(
            lanes,
            json_pack("{s:s,s:s?,s:s?,s:I,s:s,s:I,s:I,s:b}", "name",
                      pg_text(status->lanes, row, STATUS_LANE_NAME), "owner",
                      optional(status->lanes, row, STATUS_LANE_OWNER), "writer",
                      optional(status->lanes, row, STATUS_LANE_WRITER), "lease_ms",
                      (json_int_t)pg_i64(status->lanes, row, STATUS_LANE_LEASE_MS), "partitions",
                      pg_text(status->lanes, row, STATUS_LANE_PARTITIONS), "epoch",
                      (json_int_t)pg_i64(status->lanes, row, STATUS_LANE_EPOCH), "batch_seq",
                      (json_int_t)pg_i64(status->lanes, row, STATUS_LANE_BATCH_SEQ),
                      "batch_pending", pg_bool(status->lanes, row, STATUS_LANE_INTENT)));
    return lanes;
}

static json_t *repeating_json(const struct status *status)
{
    json_t *organizations = json_array();
    for (size_t row = 0; status->repeating && row < pg_rows(status->repeating); row++)
        json_array_append_new(
            organizations,
            json_pack("{s:s,s:s,s:I}", "organization_id",
                      pg_text(status->repeating, row, STATUS_REPEATING_ID), "name",
                      pg_text(status->repeating, row, STATUS_REPEATING_NAME), "duplicates",
                      (json_int_t)pg_i64(status->repeating, row, STATUS_REPEATING_DUPLICATES)));
    return organizations;
}

static json_t *partitions_json(const struct status *status)
{
    json_t *partitions = json_array();
    for (uint32_t i = 0; i < status->partitions_len; i++) {
        const struct status_partition *partition = &status->partitions[i];
        json_t *hwm = partition->assigned ? json_integer(partition->hwm) : json_null();
        json_array_append_new(partitions,
                              json_pack("{s:I,s:o,s:o,s:o}", "partition", (json_int_t)i, "log_end",
                                        number_json(partition->log_end), "hwm", hwm, "lag",
                                        number_json(partition->lag)));
    }
    return partitions;
}

void status_print_json(const struct status *status)
{
    json_t *freshness = status->freshness_s < 0 ? json_null() : json_real(status->freshness_s);
    output_json(json_pack(
        "{s:b,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "ok", status_good(status), "parts",
        parts_json(status), "writers", writers_json(status), "lanes", lanes_json(status),
        "partitions", partitions_json(status), "lag", number_json(status->lag), "freshness_seconds",
        freshness, "clickhouse_rows", number_json(status->clickhouse_rows), "ledger_stored",
        number_json(status->ledger_stored), "ledger_duplicates",
        number_json(status->ledger_duplicates), "ledger_dead_letters",
        number_json(status->ledger_dead), "usage_events", number_json(status->usage_events),
        "duplicates_last_7_days", repeating_json(status)));
}
