/* Tables with one place for each hash, which the newest text takes.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/shared.h"
#include "batch/text_hash.h"

static void share(struct shared_text places[], size_t len, struct slice *text)
{
    uint64_t hash = text_hash(*text);
    struct shared_text *place = &places[hash & (len - 1)];
    if (place->hash == hash && slice_equal(place->text, *text))
        *text = place->text;
    else
        *place = (struct shared_text){*text, hash};
}

void shared_take(struct shared *shared, struct record *record)
{
    share(shared->names, SHARED_NAMES, &record->organization_id);
    share(shared->names, SHARED_NAMES, &record->external_customer_id);
    share(shared->names, SHARED_NAMES, &record->code);
    share(shared->values, SHARED_VALUES, &record->value);
}

void shared_reset(struct shared *shared)
{
    memset(shared, 0, sizeof *shared);
}
