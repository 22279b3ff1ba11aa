/* What `bxb status` found out, between collecting and showing it.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_STATUS_H
#define CLI_STATUS_H
#include "base/err.h"
#include "kafka/topic.h"
#include "postgres/pg.h"
#include <stdbool.h>
#include <stdint.h>

enum status_part_name {
    STATUS_SERVER,
    STATUS_WRITER,
    STATUS_KAFKA,
    STATUS_POSTGRES,
    STATUS_CLICKHOUSE,
    STATUS_PARTS
};

struct status_part {
    bool reachable;
    bool ready;                 /* takes part: reachable, and as it must be */
    char address[256];          /* for people; no password */
    char detail[ERR_TEXT_SIZE]; /* what is wrong when it is not ready; else more about it, or "" */
};

enum { STATUS_UNKNOWN = -1 }; /* a number that could not be found out */

struct status_partition {
    int64_t log_end; /* the next offset; STATUS_UNKNOWN */
    int64_t hwm;     /* the last offset done in both stores, -1: none; see `assigned` */
    int64_t lag;     /* log_end - hwm - 1; STATUS_UNKNOWN */
    bool assigned;   /* a lane has it, so that hwm is known */
};

struct status {
    struct status_part parts[STATUS_PARTS];
    struct pg_result *writers; /* columns as in enum status_writer_column; NULL: not known */
    struct pg_result *lanes;   /* columns as in enum status_lane_column; NULL: not known */
    struct status_partition *partitions;
    uint32_t partitions_len;
    int64_t lag;             /* of all partitions */
    double freshness_s;      /* of the writer; negative: not known */
    int64_t clickhouse_rows; /* all of these: STATUS_UNKNOWN */
    int64_t usage_events;
    int64_t ledger_stored;
    int64_t ledger_duplicates;
    int64_t ledger_dead;
    struct pg_result *repeating; /* columns as in enum status_repeating_column; NULL: not known */
};

enum status_writer_column {
    STATUS_WRITER_OWNER, /* as it stands in the lanes that it owns */
    STATUS_WRITER_NAME,  /* host:process */
    STATUS_WRITER_VERSION,
    STATUS_WRITER_STARTED,
    STATUS_WRITER_SEEN_MS, /* since it last said that it lives */
    STATUS_WRITER_LANES,   /* that it owns */
};

enum status_lane_column {
    STATUS_LANE_NAME,
    STATUS_LANE_OWNER,      /* NULL: nobody holds its lease */
    STATUS_LANE_WRITER,     /* host:process; NULL: no owner, or one that is not registered */
    STATUS_LANE_LEASE_MS,   /* that is left; NULL: no owner */
    STATUS_LANE_PARTITIONS, /* "0,4,8" */
    STATUS_LANE_EPOCH,
    STATUS_LANE_BATCH_SEQ,
    STATUS_LANE_INTENT, /* t: a batch is on its way */
};

/* Organizations with the most duplicates of the last week. */
enum status_repeating_column {
    STATUS_REPEATING_ID,
    STATUS_REPEATING_NAME, /* "" when the catalog does not have it */
    STATUS_REPEATING_DUPLICATES,
};

/* status_collect.c */
void status_collect(const struct settings *settings, struct status *ret_status);
void status_done(struct status *status);

/* status_show.c */
bool status_good(const struct status *status); /* every part is reachable and ready */
void status_print(const struct status *status);
void status_print_json(const struct status *status);

#endif
