/* Rows of `writer` and `lane`. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "ledger/roster.h"
#include "base/clock.h"
#include "postgres/pg_columns.h"
#include "ledger/owner.h"
#include <stdlib.h>
#include <unistd.h>

enum {
    BEATS = 5, /* times within writer.lease that a writer says that it lives */
    HOST_SIZE = 256,
};

void roster_init(struct roster *roster, const struct settings *settings, const char *owner,
                 int64_t topic_id, size_t lanes)
{
    *roster = (struct roster){
        .settings = settings,
        .owner = owner,
        .topic_id = topic_id,
        .lanes = lanes,
        .owners = xcalloc(lanes, sizeof *roster->owners),
        .mine = xcalloc(lanes, sizeof *roster->mine),
    };
}

static bool connect_to(struct roster *roster, struct err *reterr)
{
    const struct settings *settings = roster->settings;
    if (roster->pg && pg_alive(roster->pg))
        return true;
    pg_free(roster->pg);
    roster->pg =
        pg_connect(settings->postgres, "bxb-writer roster", settings->postgres_schema, reterr);
    if (roster->pg)
        pg_set_timeout(roster->pg, settings->writer_lease / 3);
    return roster->pg != NULL;
}

/* Rows of writers that are long gone are removed on the way. */
static bool say_alive(struct roster *roster, struct err *reterr)
{
    int64_t now = clock_mono_ms();
    if (roster->seen_ms && now - roster->seen_ms < roster->settings->writer_lease / BEATS)
        return true;
    char host[HOST_SIZE] = "", process[PG_NUMBER_SIZE], topic[PG_NUMBER_SIZE];
    gethostname(host, sizeof host - 1);
    const char *params[] = {roster->owner, pg_number(roster->topic_id, topic), host,
                            pg_number(getpid(), process), PACKAGE_VERSION};
    if (!pg_query(roster->pg,
                  "INSERT INTO writer (owner, topic_id, host, process, version)"
                  " VALUES ($1, $2::integer, $3, $4::integer, $5)"
                  " ON CONFLICT (owner) DO UPDATE SET seen_at = clock_timestamp()",
                  params, ARRAY_LEN(params), NULL, reterr) ||
        !pg_query(roster->pg,
                  "DELETE FROM writer WHERE seen_at < clock_timestamp() - interval '1 hour'", NULL,
                  0, NULL, reterr))
        return false;
    roster->seen_ms = now;
    return true;
}

/* The writers that take part, in the same order for everybody. */
static bool read_writers(struct roster *roster, struct pg_result **ret_writers, struct err *reterr)
{
    char topic[PG_NUMBER_SIZE], lease[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(roster->topic_id, topic),
                            pg_number(roster->settings->writer_lease, lease)};
    return pg_query(roster->pg,
                    "SELECT owner FROM writer WHERE topic_id = $1::integer"
                    " AND seen_at > clock_timestamp() - $2::bigint * interval '1 ms'"
                    " ORDER BY owner COLLATE \"C\"",
                    params, ARRAY_LEN(params), ret_writers, reterr);
}

/* Numbers those that are not provably dead: ret_numbers[row], or SHARE_FREE. */
static void number_writers(struct roster *roster, const struct pg_result *writers,
                           int ret_numbers[])
{
    roster->writers = 0;
    roster->me = SIZE_MAX;
    for (size_t row = 0; row < pg_rows(writers); row++) {
        const char *owner = pg_text(writers, row, 0);
        bool me = strcmp(owner, roster->owner) == 0;
        ret_numbers[row] = !me && owner_is_dead(owner) ? SHARE_FREE : (int)roster->writers++;
        if (me)
            roster->me = (size_t)ret_numbers[row];
    }
}

static int owner_of(const struct pg_result *writers, const int numbers[], const char *owner)
{
    for (size_t row = 0; row < pg_rows(writers); row++)
        if (strcmp(pg_text(writers, row, 0), owner) == 0)
            return numbers[row];
    return owner_is_dead(owner) ? SHARE_FREE : SHARE_STRANGER;
}

static bool read_lanes(struct roster *roster, const struct pg_result *writers, const int numbers[],
                       struct err *reterr)
{
    char topic[PG_NUMBER_SIZE];
    const char *params[] = {pg_number(roster->topic_id, topic)};
    CLEANUP(pg_result_freep) struct pg_result *lanes = NULL;
    if (!pg_query(roster->pg,
                  "SELECT owner, coalesce(lease_until > clock_timestamp(), false) FROM lane"
                  " WHERE topic_id = $1::integer ORDER BY name::integer",
                  params, 1, &lanes, reterr))
        return false;
    if (pg_rows(lanes) != roster->lanes)
        return err_set(reterr, ERR_INTERNAL, "the topic has %zu lanes instead of %zu",
                       pg_rows(lanes), roster->lanes);
    for (size_t i = 0; i < roster->lanes; i++) {
        const char *owner = pg_text(lanes, i, 0);
        bool leased = pg_bool(lanes, i, 1);
        roster->owners[i] = leased ? owner_of(writers, numbers, owner) : SHARE_FREE;
        roster->mine[i] = leased && strcmp(owner, roster->owner) == 0;
    }
    return true;
}

bool roster_read(struct roster *roster, bool well, struct err *reterr)
{
    CLEANUP(pg_result_freep) struct pg_result *writers = NULL;
    if (!connect_to(roster, reterr) || (well && !say_alive(roster, reterr)) ||
        !read_writers(roster, &writers, reterr))
        return false;
    CLEANUP(mem_freep) int *numbers = xcalloc(pg_rows(writers) + 1, sizeof *numbers);
    number_writers(roster, writers, numbers);
    if (!read_lanes(roster, writers, numbers, reterr))
        return false;
    if (roster->me != SIZE_MAX)
        return true;
    roster->seen_ms = 0; /* to be said at once */
    return err_set(reterr, ERR_NOT_READY, "this writer takes part no longer: it %s",
                   well ? "was too slow to say that it lives"
                        : "has a lane that hangs, and its lease ran out");
}

void roster_leave(struct roster *roster)
{
    const char *params[] = {roster->owner};
    struct err ignored;
    if (roster->pg && pg_alive(roster->pg) &&
        !pg_query(roster->pg, "DELETE FROM writer WHERE owner = $1", params, 1, NULL, &ignored))
        pg_free(TAKE(roster->pg));
    pg_free(roster->pg);
    mem_freep(&roster->owners);
    mem_freep(&roster->mine);
    *roster = (struct roster){0};
}
