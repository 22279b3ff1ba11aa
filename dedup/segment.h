/* The format of a segment: stamps, one behind the other. A stamp has the ids of the records of one
 * batch and one Kafka partition that were stored, and says which batch that is, so that whoever has
 * the ledger can tell whether it is to be believed.
 *
 * All numbers are little-endian:
 *
 *     offset  size
 *          0     8  "bxbseen1"
 *          8    36  intent id, a UUID's text
 *         44     4  stamps of that intent
 *         48     8  id of the key (seen_key)
 *         56     8  first offset of the range
 *         64     8  last offset of the range
 *         72     8  when its last record was appended, Unix ms
 *         80     4  partition
 *         84     4  incarnation of the topic
 *         88    32  digest of the range's records
 *        120     4  number of ids
 *        124     4  CRC-32 (zlib's) of the ids
 *        128     4  CRC-32 of the 128 bytes before
 *        132    10  for each id: seen_id.stored (8), seen_id.place (2)
 *
 * A byte that changed is found by one of the two sums; that stamp is then passed over, and reading
 * goes on at the next one. So it does when the file was cut, and written on behind the cut.
 *
 * Threads: any. SPDX-License-Identifier: Apache-2.0 */
#ifndef DEDUP_SEGMENT_H
#define DEDUP_SEGMENT_H
#include "base/buf.h"
#include "base/digest.h"
#include "dedup/seen_id.h"

enum {
    SEGMENT_HEAD_SIZE = 132,
    SEGMENT_ID_SIZE = 10,
    SEGMENT_INTENT_SIZE = 36,
};

struct segment_stamp {
    char intent_id[SEGMENT_INTENT_SIZE + 1];
    uint32_t stamps; /* that the intent has: one for each of its ranges with stored records */
    uint64_t key_id;
    int64_t from, to;
    int64_t appended_ms;
    uint32_t partition;
    uint32_t incarnation;
    uint8_t digest[DIGEST_SHA256_SIZE];
    uint32_t ids_len;
};

/* Appends the stamp and its ids. */
void segment_append(struct buf *out, const struct segment_stamp *stamp, const struct seen_id ids[]);

/* Reading:
 *
 *     struct segment_reader reader = {.rest = bytes};
 *     while (segment_next(&reader, &stamp, &ids))
 *         … segment_id(ids, i) for i < stamp.ids_len …
 */
struct segment_reader {
    struct slice rest;
    uint64_t damaged; /* places where something else stood than a whole stamp */
};

/* The next whole stamp; false at the end. *ret_ids is a part of what is read. */
bool segment_next(struct segment_reader *reader, struct segment_stamp *ret_stamp,
                  struct slice *ret_ids);

struct seen_id segment_id(struct slice ids, size_t index);

#endif
