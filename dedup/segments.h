/* The segments of a lane: files in one directory, one for each Kafka partition and hour of log
 * time, which let a writer that begins know within seconds what it had seen.
 *
 *     segments = segments_open(directory, &err);
 *     segments_append(segments, &stamp, ids, &err);      // after the batch was completed
 *     segments_drop(segments, from_ms, &err);            // hours that are no longer wanted
 *     segments_read(segments, from_ms, take, arg, &err); // when the lane begins
 *
 * They are a cache: what is missing, damaged or not known to the ledger is read from the stores.
 * Therefore nothing is fsynced: a file that a crash of the machine cut, or left out, costs time,
 * not truth. A stamp is one write to a file opened for appending, so processes cannot mix theirs.
 *
 * DIRECTORY/p00003-h000498725.seg: partition 3, hours since 1970. The directory is made (0700) when
 * it is missing; other names in it are left alone.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef DEDUP_SEGMENTS_H
#define DEDUP_SEGMENTS_H
#include "base/err.h"
#include "dedup/segment.h"

struct segments;

/* Errors: IO. NULL then. */
struct segments *segments_open(const char *directory, struct err *reterr) MUST_CHECK;
void segments_close(struct segments *segments); /* NULL is fine */

/* Appends to the file of the stamp's partition and of the hour of its appended_ms. Errors: IO. */
bool segments_append(struct segments *segments, const struct segment_stamp *stamp,
                     const struct seen_id ids[], struct err *reterr) MUST_CHECK;

/* Removes the files of hours that end before from_ms. Errors: IO, after trying every one. */
bool segments_drop(struct segments *segments, int64_t from_ms, struct err *reterr) MUST_CHECK;

/* Takes one whole stamp and its ids (segment_id), which are gone afterwards. False ends the
 * reading. */
typedef bool segments_take(void *arg, const struct segment_stamp *stamp, struct slice ids);

/* What reading came upon. */
struct segments_found {
    uint64_t files;
    uint64_t unreadable; /* files that could not be read; passed over */
    uint64_t damaged;    /* places inside files; passed over */
};

/* Reads all files of hours that end at or after from_ms, hour by hour, each from its beginning.
 * Errors: IO (the directory). */
bool segments_read(struct segments *segments, int64_t from_ms, segments_take *take, void *arg,
                   struct segments_found *ret_found, struct err *reterr) MUST_CHECK;

#endif
