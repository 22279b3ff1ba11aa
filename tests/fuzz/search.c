/* One fuzz target under libFuzzer: search --target=NAME CORPUS… (see scripts/fuzz).
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "base/mem.h"
#include "tests/fuzz/fuzz.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *name;
    void (*run)(struct slice input);
} targets[] = {
#define FUZZ_TARGET(name) {#name, fuzz_##name},
#include "tests/fuzz/targets.def"
#undef FUZZ_TARGET
};

static void (*chosen)(struct slice input);

/* libFuzzer leaves arguments that begin with -- alone. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char option[] = "--target=";
    const char *name = "";
    for (int i = 1; i < *argc; i++)
        if (strncmp((*argv)[i], option, sizeof option - 1) == 0)
            name = (*argv)[i] + sizeof option - 1;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        if (strcmp(targets[i].name, name) == 0)
            chosen = targets[i].run;
    if (chosen != NULL)
        return 0;
    fprintf(stderr, "%s: --target=NAME, one of:\n", (*argv)[0]);
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        fprintf(stderr, "  %s\n", targets[i].name);
    exit(2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    chosen((struct slice){(const char *)data, size});
    return 0;
}
