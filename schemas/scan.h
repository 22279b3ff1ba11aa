/* A cursor over JSON text: strict (RFC 8259), one pass, no tree, no recursion.
 *
 *     struct scan scan;
 *     scan_init(&scan, bytes, &keys, arena);
 *     if (!scan_open(&scan, SCAN_OBJECT)) …
 *     while ((step = scan_member(&scan, &name)) == SCAN_ITEM)
 *         if (!scan_read(&scan, &value)) …
 *
 * What is wrong with a text is of two kinds. A *break* is a syntax error, or memory at its cap: the
 * function returns false or SCAN_BROKEN, and the cursor is not used further. A *flaw* leaves the
 * structure readable: a member named twice, bytes that are not UTF-8, half a surrogate pair, too
 * many levels, too many bytes. The first one is kept in `err`, and the cursor goes on, so that the
 * caller can refuse one event and read the next. Whoever reads to the end therefore looks at
 * err.code there.
 *
 * Memory: texts are slices of the input; only a text with a backslash is copied, into the arena.
 * Threads: one at a time. SPDX-License-Identifier: Apache-2.0 */
#ifndef SCHEMAS_SCAN_H
#define SCHEMAS_SCAN_H
#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "schemas/keys.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SCAN_DEPTH_MAX = 32,  /* levels above the base; more is a flaw */
    SCAN_NEST_MAX = 1024, /* levels in all; more is a break */
    SCAN_BASE_MAX = 2,    /* levels that may lie below the base */
};

enum scan_kind {
    SCAN_OBJECT,
    SCAN_ARRAY,
    SCAN_STRING,
    SCAN_NUMBER,
    SCAN_TRUE,
    SCAN_FALSE,
    SCAN_NULL,
};

struct scan_value {
    enum scan_kind kind;
    bool escaped;     /* a string with a backslash in it: see scan_text */
    bool valid;       /* false: a string that is not valid Unicode (a flaw is noted) */
    bool printable;   /* a string found to be printable ASCII, not escaped; false tells nothing */
    struct slice raw; /* all its bytes; of a string those between the quotes */
};

enum scan_step {
    SCAN_ITEM,
    SCAN_CLOSE, /* the object or array has ended and is left */
    SCAN_BROKEN,
};

/* A level that is open: enough to write a JSON Pointer to the place of the cursor. */
struct scan_level {
    struct slice name; /* of the member being read, as it stands in the input */
    size_t index;      /* of the element being read */
    uint32_t object;   /* its number in keys */
};

struct scan {
    struct slice bytes; /* borrowed */
    const char
        *readable;       /* the end of the memory around it; what is not the text's ends its line */
    struct keys *keys;   /* borrowed */
    struct arena *arena; /* borrowed */
    size_t at;           /* offset of the cursor */
    size_t flaw_at;      /* an offset behind which everything is too large (EVENT_TOO_LARGE) */
    size_t depth;        /* levels open */
    size_t base; /* levels that pointers and SCAN_DEPTH_MAX leave out; at most SCAN_BASE_MAX */
    bool first;  /* nothing was read yet in the innermost level */
    bool broken;
    struct err err; /* the break, or else the first flaw; only err.code is set when there is none */
    struct scan_level levels[SCAN_BASE_MAX + SCAN_DEPTH_MAX]; /* deeper ones are not kept */
    uint8_t kinds[SCAN_NEST_MAX];                             /* SCAN_OBJECT or SCAN_ARRAY */
};

void scan_init(struct scan *scan, struct slice bytes, struct keys *keys, struct arena *arena);

/* Starts a value of its own at the place of the cursor: pointers, SCAN_DEPTH_MAX, flaws and `keys`
 * count from here, and what goes on for more than `size_max` bytes is a flaw. At most SCAN_BASE_MAX
 * levels are open. */
void scan_begin(struct scan *scan, struct keys *keys, size_t size_max);

/* Goes on with what lies around such values, whose members are in `keys`. */
void scan_resume(struct scan *scan, struct keys *keys, size_t size_max);

/* Skips white space and tells the kind of the value that begins there, by its first byte. */
bool scan_peek(struct scan *scan, enum scan_kind *ret_kind) MUST_CHECK;

/* Skips white space; true when nothing else is left. */
bool scan_at_end(struct scan *scan);

/* Enters the object or array that scan_peek saw. */
bool scan_open(struct scan *scan, enum scan_kind kind) MUST_CHECK;

/* The next member of the innermost level, an object: the cursor then stands before its value, which
 * must be read before the next call. The name is unescaped. */
enum scan_step scan_member(struct scan *scan, struct slice *ret_name) MUST_CHECK;

/* The same for an array. */
enum scan_step scan_element(struct scan *scan) MUST_CHECK;

/* Reads a whole value, of whatever depth. */
bool scan_read(struct scan *scan, struct scan_value *ret_value) MUST_CHECK;

/* The text of a valid string value, in the input or in the arena. */
bool scan_text(struct scan *scan, const struct scan_value *value,
               struct slice *ret_text) MUST_CHECK;

/* Steps over exactly these bytes if they come next; for texts whose order is known. */
bool scan_expect(struct scan *scan, struct slice bytes) MUST_CHECK;

/* Notes a flaw of the caller's own at the place of the cursor, unless there is one already. */
void scan_flaw(struct scan *scan, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Breaks off at the place of the cursor with JSON_MALFORMED; returns false. */
bool scan_break(struct scan *scan, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
