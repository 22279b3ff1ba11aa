/* Fuzz targets: each takes any bytes and asserts what must hold for them. One program replays their
 * corpora (tests/fuzz/replay.c), another searches with libFuzzer (tests/fuzz/search.c).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H
#include "base/slice.h"
#include "schemas/event.h"

#define FUZZ_TARGET(name) void fuzz_##name(struct slice input);
#include "tests/fuzz/targets.def"
#undef FUZZ_TARGET

enum { FUZZ_ARENA_MAX = 1 << 20 }; /* bytes of memory for one reading */

/* Rules that refuse little: whatever time, 100 events of up to 4096 bytes. */
extern const struct event_rules fuzz_rules;

/* Cuts `rest` at the first `mark`; what stands before it is returned, and everything when there is
 * none. */
struct slice fuzz_take(struct slice *rest, const char *mark);

#endif
