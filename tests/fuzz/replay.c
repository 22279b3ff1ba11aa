/* Runs each fuzz target over each file of its corpus, once, with any compiler.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/mem.h"
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { INPUT_MAX = 1 << 20 };

/* The input lies in memory of exactly its size, so that a sanitizer sees the first byte behind it.
 */
static bool replay(void (*run)(struct slice input), const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: %m\n", path);
        return false;
    }
    char *read = xmalloc(INPUT_MAX);
    size_t size = fread(read, 1, INPUT_MAX, file);
    fclose(file);
    CLEANUP(mem_freep) char *exact = xrealloc(read, size ? size : 1);
    printf("%s\n", path); /* the last one printed is the one that stopped it */
    fflush(stdout);
    run((struct slice){exact, size});
    return true;
}

/* The number of files, 0 when one of them cannot be read. */
static size_t replay_all(const char *name, void (*run)(struct slice input))
{
    size_t files = 0;
    CLEANUP(mem_freep) char *corpus = xasprintf("%s/tests/fuzz/corpus/%s", SRCDIR, name);
    DIR *directory = opendir(corpus);
    if (directory == NULL) {
        fprintf(stderr, "%s: %m\n", corpus);
        return 0;
    }
    bool good = true;
    for (const struct dirent *entry; good && (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        CLEANUP(mem_freep) char *path = xasprintf("%s/%s", corpus, entry->d_name);
        good = replay(run, path);
        files++;
    }
    closedir(directory);
    return good ? files : 0;
}

int main(void)
{
    bool good = true;
#define FUZZ_TARGET(name) good &= replay_all(#name, fuzz_##name) > 0;
#include "tests/fuzz/targets.def"
#undef FUZZ_TARGET
    return good ? 0 : 1;
}
