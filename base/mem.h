/* Memory that is never NULL, and cleanup at the end of a scope.
 *
 * Running out of memory stops the process. That is sound here because every growing buffer has a
 * cap (base/buf.h, base/arena.h) and no event is acknowledged before the broker has it: a crash
 * loses nothing that a caller was told we have.
 *
 *     CLEANUP(mem_freep) char *name = xstrdup("x");
 *     return TAKE(name);
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MEM_H
#define BASE_MEM_H
#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *old, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *text) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *text, size_t size) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *format, ...) __attribute__((malloc, format(printf, 1, 2)));

/* Lets the process keep up to `size` bytes that were freed for each of its threads, and take blocks
 * of up to that size from there: for a program whose work comes and goes, to which the kernel would
 * else give the same pages, cleared, for every piece of it. To be called first. */
void mem_keep_freed(size_t size);

/* Runs `function(&variable)` when the variable goes out of scope. Never mix with goto. */
#define CLEANUP(function) __attribute__((cleanup(function)))

/* Gives the pointer away: returns it and leaves NULL behind, so that CLEANUP does nothing. */
#define TAKE(pointer)                                                                              \
    __extension__({                                                                                \
        __typeof__(pointer) taken_ = (pointer);                                                    \
        (pointer) = NULL;                                                                          \
        taken_;                                                                                    \
    })

/* For CLEANUP of anything that came from malloc. */
static inline void mem_freep(void *pointer_to_pointer)
{
    extern void free(void *);
    free(*(void **)pointer_to_pointer);
}

/* The number of elements of an array (not of a pointer). */
#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#define MUST_CHECK        __attribute__((warn_unused_result))
#define ALWAYS_INLINE     inline __attribute__((always_inline)) /* for constant arguments */
#define RARE              __attribute__((noinline, cold))       /* keeps the ordinary path short */
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

#endif
