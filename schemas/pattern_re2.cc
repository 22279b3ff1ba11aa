/* RE2 behind an interface of C. RE2 throws nothing; running out of memory ends the process here as
 * everywhere. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "schemas/pattern_re2.h"

#include <re2/re2.h>
#include <stdio.h>

extern "C" void *pattern_re2_new(const char *expression, size_t size, int64_t memory_max,
                                 char *text, size_t text_size)
{
    RE2::Options options;
    options.set_log_errors(false);
    options.set_never_capture(true);
    options.set_max_mem(memory_max);
    RE2 *re2 = new RE2(re2::StringPiece(expression, size), options);
    if (re2->ok())
        return re2;
    snprintf(text, text_size, "%s", re2->error().c_str());
    delete re2;
    return nullptr;
}

extern "C" void pattern_re2_free(void *re2)
{
    delete static_cast<RE2 *>(re2);
}

extern "C" bool pattern_re2_match(const void *re2, const char *text, size_t size)
{
    return static_cast<const RE2 *>(re2)->Match(re2::StringPiece(text, size), 0, size,
                                                RE2::UNANCHORED, nullptr, 0);
}
