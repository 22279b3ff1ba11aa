/* Runs a fuzz target over each file of a corpus, once, with any compiler.
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/mem.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20 };

/* The input lies in memory of exactly its size, so that a sanitizer sees the first byte behind it.
 */
static int replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s: %m\n", path);
        return 1;
    }
    uint8_t *read = xmalloc(INPUT_MAX);
    size_t size = fread(read, 1, INPUT_MAX, file);
    fclose(file);
    uint8_t *exact = xrealloc(read, size ? size : 1);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 0;
}

int main(void)
{
    int failed = 0, files = 0;
    DIR *directory = opendir(CORPUS);
    if (directory == NULL) {
        fprintf(stderr, "%s: %m\n", CORPUS);
        return 2;
    }
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        CLEANUP(mem_freep) char *path = xasprintf("%s/%s", CORPUS, entry->d_name);
        failed |= replay(path);
        files++;
    }
    closedir(directory);
    printf("%d files of %s\n", files, CORPUS);
    return files == 0 ? 2 : failed;
}
