/* Where our reader and jansson differ, and why. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "tests/fuzz/jansson.h"

json_t *jansson_read(struct slice text, json_error_t *ret_error)
{
    return json_loadb(text.size ? text.data : "", text.size,
                      JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, ret_error);
}

/* Both views of one text. */
struct views {
    struct slice text;
    enum err_code ours;
    bool taken; /* by jansson */
    enum json_error_code theirs;
};

static bool too_deep(const struct views *views)
{
    return views->ours == ERR_NESTING_TOO_DEEP;
}

static bool too_large(const struct views *views)
{
    return views->ours == ERR_BODY_TOO_LARGE || views->ours == ERR_EVENT_TOO_LARGE;
}

static bool has_nul(const struct views *views)
{
    return views->ours != ERR_NONE && views->text.size > 0 &&
           memchr(views->text.data, '\0', views->text.size) != NULL;
}

static bool number_overflows(const struct views *views)
{
    return views->ours == ERR_NONE && !views->taken && views->theirs == json_error_numeric_overflow;
}

static bool nul_in_name(const struct views *views)
{
    return views->ours == ERR_NONE && !views->taken && views->theirs == json_error_null_byte_in_key;
}

/* The known differences. Everything else is an error in one of the two. */
static const struct {
    const char *reason;
    bool (*is)(const struct views *views);
} differences[] = {
    {"we stop at 32 levels, jansson at 2048", too_deep},
    {"we have a cap on memory and on the size of an event", too_large},
    {"jansson overlooks some NUL bytes between tokens; RFC 8259 has none", has_nul},
    {"jansson puts numbers into int64 or double and refuses what overflows; we keep the text",
     number_overflows},
    {"jansson's members are C strings, so it refuses \\u0000 in a name; RFC 8259 takes it",
     nul_in_name},
};

bool jansson_agrees(struct slice text, enum err_code ours, const json_t *theirs,
                    const json_error_t *error)
{
    struct views views = {text, ours, theirs != NULL,
                          theirs ? json_error_unknown : json_error_code(error)};
    if ((ours == ERR_NONE) == (theirs != NULL))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(differences); i++)
        if (differences[i].is(&views))
            return true;
    return false;
}
