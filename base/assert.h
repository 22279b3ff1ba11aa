/* Assertions for bugs: always on, also in release builds. What a client, a broker or a disk can
 * cause is never an assertion but a struct err (base/err.h).
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

/* Stops the process with file, line and expression when `condition` is false. */
#define ASSERT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition))                                                                          \
            assert_failed(__FILE__, __LINE__, #condition);                                         \
    } while (0)

#define UNREACHABLE(why) assert_failed(__FILE__, __LINE__, why)

_Noreturn void assert_failed(const char *file, int line, const char *what);

#endif
