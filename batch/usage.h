/* Usage totals of a batch: events and the exact sum of their values, by organization, customer,
 * code and hour. They are added to usage_hourly in the transaction that completes the batch.
 *
 * Memory: an entry per distinct key and a copy of its texts.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef BATCH_USAGE_H
#define BATCH_USAGE_H
#include "base/arena.h"
#include "base/err.h"
#include "postgres/pg_columns.h"
#include "schemas/record.h"

enum {
    USAGE_WHOLE_DIGITS = 20, /* of one value, before the point */
    USAGE_SCALE = 18,        /* after it */
    USAGE_SUM_SIZE = 64,     /* text of a sum */
};

/* A sum that cannot overflow: 2^60 values of 38 digits fit. */
struct usage_sum {
    __int128 whole;
    __int128 fraction; /* of 10^-18, carried when the text is made */
};

void usage_sum_add(struct usage_sum *sum, __int128 value_scaled);
void usage_sum_format(const struct usage_sum *sum, char ret_text[USAGE_SUM_SIZE]);

struct usage_entry {
    struct slice organization_id; /* in the arena */
    struct slice customer;
    struct slice code;
    int64_t hour; /* Unix hours */
    int64_t events;
    struct usage_sum sum;
    uint64_t hash;
};

struct usage {
    struct usage_entry *entries; /* owned */
    size_t entries_len, entries_capacity;
    uint32_t *slots; /* hash table of entry numbers + 1; owned */
    size_t slots_len;
    size_t last; /* the entry that was counted last; entries_len: none */
    struct arena arena;
};

void usage_init(struct usage *usage, size_t max); /* at most `max` bytes of texts */
void usage_done(struct usage *usage);
void usage_reset(struct usage *usage);

/* Counts the record. Errors: VALUE_INVALID, VALUE_OUT_OF_RANGE; OVERLOADED beyond the cap. */
bool usage_add(struct usage *usage, const struct record *record, struct err *reterr) MUST_CHECK;

/* The entries as rows for PostgreSQL, in the order of their keys (so that lanes that meet in the
 * table take its locks in one order): organization_id, customer, code, hour, events, sum.
 * Initializes *ret_columns, which the caller ends with pg_columns_done. */
void usage_columns(struct usage *usage, struct pg_columns *ret_columns);

#endif
