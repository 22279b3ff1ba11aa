/* The distinct values of a LowCardinality column of a Native block, and which of them each row has.
 * For native.c only.
 *
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef CLICKHOUSE_NATIVE_DICTIONARY_H
#define CLICKHOUSE_NATIVE_DICTIONARY_H
#include "base/buf.h"
#include "base/slice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct native_dictionary {
    struct buf keys;     /* the distinct values, encoded */
    size_t fixed_size;   /* of a FixedString; 0: String */
    uint32_t *indexes;   /* per row; owned */
    uint32_t *slots;     /* hash table of key numbers + 1; owned */
    struct slice *texts; /* per key, borrowed; owned array */
    size_t indexes_len, keys_len, slots_len;
    uint32_t last; /* key of the row before */
};

/* For `rows` rows and `max` bytes of keys. `nullable`: key 0 stands for NULL. */
void native_dictionary_begin(struct native_dictionary *dictionary, size_t rows, size_t max,
                             size_t fixed_size, bool nullable);
void native_dictionary_done(struct native_dictionary *dictionary); /* a zeroed one is fine */

/* The next row. The text is borrowed until native_dictionary_write, and no longer than a
 * FixedString is. */
void native_dictionary_add(struct native_dictionary *dictionary, struct slice text);
void native_dictionary_add_null(struct native_dictionary *dictionary);

/* Appends keys and indexes to `out`; nothing when there are no rows. */
void native_dictionary_write(const struct native_dictionary *dictionary, struct buf *out);

#endif
