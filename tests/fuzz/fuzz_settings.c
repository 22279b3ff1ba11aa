/* A settings file of any bytes. What must hold:
 *
 *   - it is read, or refused with the file, the line and a reason
 *   - what was read, printed and read again, is printed the same
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/assert.h"
#include "base/mem.h"
#include "base/settings.h"
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static bool read_settings(struct settings *settings, const char *data, size_t size,
                          struct err *reterr)
{
    int fd = memfd_create("settings", MFD_CLOEXEC);
    CLEANUP(mem_freep) char *path = xasprintf("/proc/self/fd/%d", fd);
    ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    settings_init(settings);
    bool good = settings_read_file(settings, path, reterr);
    if (!good) {
        ASSERT(reterr->code == ERR_SETTINGS_UNKNOWN || reterr->code == ERR_SETTINGS_INVALID);
        ASSERT(strncmp(reterr->text, path, strlen(path)) == 0);
    }
    close(fd);
    return good;
}

/* Owned by the caller. */
static char *print(const struct settings *settings, size_t *ret_size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_size);
    ASSERT(out != NULL);
    settings_print(settings, out);
    ASSERT(fclose(out) == 0);
    return text;
}

/* The next line that is no comment, "" when there is none: of secrets there are only comments. */
static struct slice next_line(struct slice *rest)
{
    while (rest->size > 0) {
        struct slice line = fuzz_take(rest, "\n");
        if (line.size > 0 && line.data[0] != '#')
            return line;
    }
    return SLICE("");
}

static void check_same_lines(struct slice a, struct slice b)
{
    while (a.size > 0 || b.size > 0)
        ASSERT(slice_equal(next_line(&a), next_line(&b)));
}

void fuzz_settings(struct slice input)
{
    struct settings settings, again;
    struct err err;
    size_t size, size_again;
    /* A secret's twin would open whatever file the input names. */
    if (input.size > 0 && memmem(input.data, input.size, "_file", 5) != NULL)
        return;
    if (read_settings(&settings, input.size ? input.data : "", input.size, &err)) {
        if (!settings_check(&settings, &err))
            ASSERT(err.code == ERR_SETTINGS_INVALID);
        CLEANUP(mem_freep) char *text = print(&settings, &size);
        ASSERT(read_settings(&again, text, size, &err));
        CLEANUP(mem_freep) char *text_again = print(&again, &size_again);
        check_same_lines((struct slice){text, size}, (struct slice){text_again, size_again});
        settings_done(&again);
    }
    settings_done(&settings);
}
