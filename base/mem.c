/* Memory that is never NULL. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/mem.h"
#include "base/assert.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory, size_t size)
{
    if (memory == NULL && size != 0)
        assert_failed(__FILE__, __LINE__, "out of memory");
    return memory;
}

void *xmalloc(size_t size)
{
    return checked(malloc(size ? size : 1), 1);
}

void *xcalloc(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1), 1);
}

void *xrealloc(void *old, size_t size)
{
    return checked(realloc(old, size ? size : 1), 1);
}

void mem_keep_freed(size_t size)
{
#if defined(M_TRIM_THRESHOLD) && defined(M_MMAP_THRESHOLD)
    mallopt(M_TRIM_THRESHOLD, (int)size);
    mallopt(M_MMAP_THRESHOLD, (int)size);
#else
    (void)size;
#endif
}

char *xstrdup(const char *text)
{
    return xstrndup(text, strlen(text));
}

char *xstrndup(const char *text, size_t size)
{
    char *copy = xmalloc(size + 1);
    if (size)
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

char *xasprintf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = NULL;
    int size = vasprintf(&text, format, args);
    va_end(args);
    return checked(size < 0 ? NULL : text, 1);
}
