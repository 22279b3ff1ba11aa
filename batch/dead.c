/* Dead letters. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/dead.h"
#include "base/assert.h"
#include "base/mem.h"
#include "batch/fate.h"
#include <stdlib.h>

enum { FIRST_CAPACITY = 16 };

void dead_letters_done(struct dead_letters *letters)
{
    mem_freep(&letters->list);
    *letters = (struct dead_letters){0};
}

static bool copy(struct arena *arena, struct slice *slice)
{
    *slice = arena_copy(arena, *slice);
    return slice->data != NULL;
}

bool dead_letters_add(struct dead_letters *letters, const struct row *row, struct arena *arena,
                      struct err *reterr)
{
    ASSERT(row->fate.kind == FATE_DEAD);
    struct dead_letter letter = {
        .partition = row->message.partition,
        .offset = row->message.offset,
        .timestamp_ms = row->message.timestamp_ms,
        .reason = row->fate.reason,
        .detail = slice_from(row->detail),
        .organization_id = fate_organization(row),
        .key = row->message.key,
        .value = row->message.value,
    };
    if (!copy(arena, &letter.organization_id) || !copy(arena, &letter.key) ||
        !copy(arena, &letter.value))
        return err_set(reterr, ERR_OVERLOADED, "the dead letters of a batch are too large");
    if (letters->len == letters->capacity) {
        letters->capacity = letters->capacity ? letters->capacity * 2 : FIRST_CAPACITY;
        letters->list = xrealloc(letters->list, letters->capacity * sizeof letter);
    }
    letters->list[letters->len++] = letter;
    return true;
}
