/* One test vocabulary, two runners: Criterion normally; a plain in-process loop under
 * ThreadSanitizer, where Criterion 2.4.1 aborts before main.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_CHECK_H
#define TESTS_UNIT_CHECK_H
#ifndef PLAIN_RUNNER
#include <criterion/criterion.h>
#define TEST(suite, name) Test(suite, name)
#define CHECK(c)          cr_assert(c)
#else
#include <stdio.h>
#include <stdlib.h>
void plain_register(const char *name, void (*fn)(void));
#define TEST(suite, name)                                                                          \
    static void suite##_##name(void);                                                              \
    __attribute__((constructor)) static void reg_##suite##_##name(void)                            \
    {                                                                                              \
        plain_register(#suite "/" #name, suite##_##name);                                          \
    }                                                                                              \
    static void suite##_##name(void)
#define CHECK(c)                                                                                   \
    do {                                                                                           \
        if (!(c)) {                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #c);                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)
#endif
#endif
