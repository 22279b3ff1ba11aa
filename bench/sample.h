/* The event that every measurement uses, so that all of them speak of the same bytes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H
#include <stdint.h>

enum {
    SAMPLE_SIZE = 304,              /* bytes of an event, without a newline */
    SAMPLE_ID_AT = 19,              /* where its transaction_id begins */
    SAMPLE_ID_SIZE = 24,            /* hex digits */
    SAMPLE_RECEIVED_S = 1795420800, /* for measurements without a clock: 2026-11-23T08:00:00Z */
};

/* Writes SAMPLE_SIZE bytes (and no NUL): an event with six properties that happened at
 * `unix_s`. The same arguments give the same bytes. */
void sample_event(char *ret_bytes, uint32_t run, uint64_t number, int64_t unix_s);

/* Puts another transaction_id into an event of sample_event. */
void sample_renumber(char *bytes, uint32_t run, uint64_t number);

#endif
