/* The fates that an intent pins: of every record of the batch that is not stored. Who is not in the
 * list is stored.
 *
 * As text a partition's fates are runs of consecutive records with one fate, "skip,count,what"
 * joined by ';'. skip: offsets since the end of the run before (of the first run: since 0). what: a
 * number for duplicates, how far before the record the first one stands, 0 when that is not known;
 * the code of the reason for dead letters. "17,3,1200;0,1,record_invalid" says that 17 to 19 are
 * duplicates of records 1200 before them, and 20 is a dead letter.
 *
 * Memory: 32 bytes a record that is not stored. Its text is at most FATES_RUN_MAX bytes a record.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_FATES_H
#define BATCH_FATES_H
#include "base/buf.h"
#include "batch/row.h"

enum { FATES_RUN_MAX = 64 };

struct pinned_fate {
    int64_t offset;
    uint32_t partition;
    struct fate fate;
};

struct fates {
    struct pinned_fate *list; /* by partition and offset; owned */
    size_t len, capacity;
};

void fates_done(struct fates *fates); /* a zeroed one is fine */

/* Adds one; in any order, fates_sort before the list is used. */
void fates_add(struct fates *fates, uint32_t partition, int64_t offset, const struct fate *fate);
void fates_sort(struct fates *fates);

/* The fate of a record that is not stored, or NULL. */
const struct fate *fates_find(const struct fates *fates, uint32_t partition, int64_t offset);

/* The number of elements from `at` on that are of its partition. */
size_t fates_of_partition(const struct fates *fates, size_t at);

/* Appends the text of `len` elements from `at` on, all of one partition. */
void fates_encode(const struct fates *fates, size_t at, size_t len, uint32_t incarnation,
                  struct buf *out);

/* Adds the fates of a partition's text. False when it is damaged. */
bool fates_decode(struct fates *fates, uint32_t partition, uint32_t incarnation,
                  struct slice text) MUST_CHECK;

#endif
