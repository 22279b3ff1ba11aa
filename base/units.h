/* Durations and sizes as people write them: 250ms, 30s, 5m, 12h, 35d; 64KiB, 16MiB, 1GiB.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H
#include <stdbool.h>
#include <stdint.h>

enum { UNITS_TEXT_SIZE = 32 };

/* Digits alone, without sign, up to 2^63-1. */
bool units_parse_number(const char *text, uint64_t *ret_number);

/* Milliseconds. A unit is required, except for 0. */
bool units_parse_duration(const char *text, int64_t *ret_ms);

/* Bytes. Without a unit: bytes. */
bool units_parse_size(const char *text, uint64_t *ret_size);

/* The shortest exact text that parses to the same. */
void units_format_duration(int64_t ms, char ret_text[UNITS_TEXT_SIZE]);
void units_format_size(uint64_t size, char ret_text[UNITS_TEXT_SIZE]);

#endif
