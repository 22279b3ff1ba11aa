/* The clocks. Where a test must steer time, functions take it as a parameter instead.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
#include <stdint.h>

int64_t clock_wall_ms(void); /* Unix time, milliseconds */
int64_t clock_mono_ms(void); /* for time-outs and durations inside this process */
int64_t clock_mono_us(void);
int64_t clock_boot_ms(void); /* counts suspend too: for leases */
void clock_sleep_ms(int64_t ms);

/* The date of the Gregorian calendar that many days after 1970-01-01; any from year 0 on. */
void clock_date(int64_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day);

enum { CLOCK_TEXT_SIZE = 25 };

/* Writes "2026-11-23T08:00:00.123Z" and a NUL. `wall_ms` from year 0 to 9999. */
void clock_format(int64_t wall_ms, char ret_text[CLOCK_TEXT_SIZE]);

#endif
