/* Choosing and changing dead letters. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "cli/dead.h"
#include "catalog/organization.h"
#include "postgres/pg_columns.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct output_column dead_columns[DEAD_SHOWN] = {
    [DEAD_ID] = {"id", "ID", OUTPUT_TEXT},
    [DEAD_REASON] = {"reason", "REASON", OUTPUT_TEXT},
    [DEAD_DETAIL] = {"detail", "DETAIL", OUTPUT_TEXT},
    [DEAD_ORGANIZATION_ID] = {"organization_id", "ORGANIZATION", OUTPUT_TEXT},
    [DEAD_STATE] = {"state", "STATE", OUTPUT_TEXT},
    [DEAD_APPENDED_AT] = {"appended_at", "APPENDED", OUTPUT_TEXT},
    [DEAD_BYTES] = {"bytes", "BYTES", OUTPUT_NUMBER},
};

bool dead_choice_made(const struct dead_choice *choice, struct err *reterr)
{
    if (choice->id && (choice->reason || choice->org || choice->all))
        return err_set(reterr, ERR_USAGE, "ID names one letter; it goes with no other choice");
    return choice->id || choice->reason || choice->org || choice->all ||
           err_set(reterr, ERR_USAGE, "say which letters: ID, --reason, --org or --all");
}

static bool check_state(const char *state, struct err *reterr)
{
    static const char *const states[] = {"open", "redriven", "discarded"};
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (!state || strcmp(state, states[i]) == 0)
            return true;
    return err_set(reterr, ERR_USAGE, "--state is open, redriven or discarded");
}

bool dead_find(const struct cli *cli, struct pg *pg, const struct dead_choice *choice, size_t limit,
               const struct pg_result *behind, struct pg_result **ret_rows, struct err *reterr)
{
    char organization_id[UUID_TEXT_SIZE], most[PG_NUMBER_SIZE];
    if (!check_state(choice->state, reterr) ||
        (choice->org && !organization_find(pg, choice->org, organization_id, reterr)))
        return false;
    size_t last = behind ? pg_rows(behind) - 1 : 0;
    const char *params[] = {cli->settings->events_topic,
                            choice->id,
                            choice->reason,
                            choice->org ? organization_id : NULL,
                            choice->state,
                            behind ? pg_text(behind, last, DEAD_INCARNATION) : NULL,
                            behind ? pg_text(behind, last, DEAD_PARTITION) : NULL,
                            behind ? pg_text(behind, last, DEAD_OFFSET) : NULL,
                            pg_number((int64_t)limit, most),
                            choice->redrivable ? "true" : "false",
                            choice->before};
    if (!pg_query(
            pg,
            "SELECT d.incarnation || '/' || d.partition || '/' || d.log_offset, d.reason,"
            "  d.detail, d.organization_id, d.state,"
            "  to_char(d.appended_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),"
            "  length(d.value), d.incarnation, d.partition, d.log_offset,"
            "  encode(d.key, 'hex'), encode(d.value, 'hex')"
            " FROM dead_letter d JOIN topic t ON t.id = d.topic_id"
            " WHERE t.name = $1"
            "  AND ($2::text IS NULL"
            "   OR d.incarnation || '/' || d.partition || '/' || d.log_offset = $2)"
            "  AND ($3::text IS NULL OR d.reason = $3)"
            "  AND ($4::uuid IS NULL OR d.organization_id = $4::uuid)"
            "  AND ($5::text IS NULL OR d.state = $5)"
            "  AND (NOT $10::boolean OR d.reason <> 'duplicate_conflict')"
            "  AND ($11::timestamptz IS NULL OR d.state_at <= $11::timestamptz)"
            "  AND ($6::integer IS NULL OR (d.incarnation, d.partition, d.log_offset)"
            "   > ($6::integer, $7::integer, $8::bigint))"
            " ORDER BY d.incarnation, d.partition, d.log_offset LIMIT $9::bigint",
            params, ARRAY_LEN(params), ret_rows, reterr))
        return false;
    return !choice->id || behind || pg_rows(*ret_rows) > 0 ||
           err_set(reterr, ERR_NOT_FOUND, "there is no%s%s letter %s", choice->state ? " " : "",
                   choice->state ? choice->state : "", choice->id);
}

bool dead_set_state(const struct cli *cli, struct pg *pg, const struct pg_result *rows,
                    const bool chosen[], const char *state, struct err *reterr)
{
    const char *params[] = {cli->settings->events_topic, state};
    struct pg_columns columns;
    pg_columns_init(&columns, 3);
    for (size_t i = 0; i < pg_rows(rows); i++) {
        if (chosen && !chosen[i])
            continue;
        pg_columns_add(&columns, 0, pg_slice(rows, i, DEAD_INCARNATION));
        pg_columns_add(&columns, 1, pg_slice(rows, i, DEAD_PARTITION));
        pg_columns_add(&columns, 2, pg_slice(rows, i, DEAD_OFFSET));
    }
    bool good = pg_columns_query(
        pg,
        "UPDATE dead_letter AS d SET state = $2, state_at = now() FROM topic t,"
        " unnest($3::integer[], $4::integer[], $5::bigint[]) AS c (incarnation, partition, at)"
        " WHERE t.name = $1 AND d.topic_id = t.id AND d.incarnation = c.incarnation"
        " AND d.partition = c.partition AND d.log_offset = c.at AND d.state = 'open'",
        params, ARRAY_LEN(params), &columns, reterr);
    pg_columns_done(&columns);
    return good;
}

void dead_print_count(const char *done, size_t count, size_t skipped, bool dry_run, bool json)
{
    if (json) {
        output_json(json_pack("{s:I,s:I,s:b}", done, (json_int_t)count, "skipped",
                              (json_int_t)skipped, "dry_run", dry_run));
        return;
    }
    printf("%zu letters %s%s", count, dry_run ? "would be " : "", done);
    if (skipped > 0)
        printf(", %zu skipped: an event with their transaction_id is stored with another content",
               skipped);
    printf("\n");
}
