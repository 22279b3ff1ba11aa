/* Runs the unit tests one after the other, where Criterion cannot: under ThreadSanitizer.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include <stdio.h>

/* Brings thrd_shim.c along when this file is taken out of a library. */
extern const int thrd_shim_is_linked;
const int *const plain_runner_shim = &thrd_shim_is_linked;

void plain_register(const char *name, void (*fn)(void));
static struct {
    const char *name;
    void (*fn)(void);
} tests[4096];
static int n;
void plain_register(const char *name, void (*fn)(void))
{
    tests[n].name = name;
    tests[n++].fn = fn;
}
int main(void)
{
    for (int i = 0; i < n; i++) {
        printf("%s\n", tests[i].name);
        fflush(stdout);
        tests[i].fn();
    }
    printf("%d passed\n", n);
    return n ? 0 : 77;
}
