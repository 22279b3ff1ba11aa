/* Deciding, and the table of reasons. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/fate.h"

enum { UUID_SIZE = 36 };

static const struct reason {
    const char *code, *title;
    bool counts;
} reasons[FATE_REASONS] = {
    [FATE_NO_REASON] = {"", "", false},
#define FATE_REASON(name, code, counts, title) [FATE_##name] = {code, title, counts},
#include "batch/fate_reasons.def"
#undef FATE_REASON
};

const char *fate_reason_code(enum fate_reason reason)
{
    return reasons[reason].code;
}

const char *fate_reason_title(enum fate_reason reason)
{
    return reasons[reason].title;
}

bool fate_reason_counts(enum fate_reason reason)
{
    return reasons[reason].counts;
}

enum fate_reason fate_reason_of(struct slice code)
{
    for (int reason = FATE_NO_REASON + 1; reason < FATE_REASONS; reason++)
        if (slice_equal(code, slice_from(reasons[reason].code)))
            return (enum fate_reason)reason;
    return FATE_NO_REASON;
}

static bool is_uuid(struct slice text)
{
    static const char form[UUID_SIZE + 1] = "00000000-0000-0000-0000-000000000000";
    static const char kind_of[256] = {
        ['0'] = '0', ['1'] = '0', ['2'] = '0', ['3'] = '0', ['4'] = '0', ['5'] = '0',
        ['6'] = '0', ['7'] = '0', ['8'] = '0', ['9'] = '0', ['a'] = '0', ['b'] = '0',
        ['c'] = '0', ['d'] = '0', ['e'] = '0', ['f'] = '0', ['-'] = '-'};
    if (text.size != UUID_SIZE)
        return false;
    unsigned wrong = 0;
    for (size_t i = 0; i < UUID_SIZE; i++)
        wrong |= (unsigned)(kind_of[(unsigned char)text.data[i]] ^ form[i]);
    return wrong == 0;
}

struct slice fate_organization(const struct row *row)
{
    if (row->record.organization_id.size > 0)
        return row->record.organization_id;
    return is_uuid(row->message.key) ? row->message.key : (struct slice){NULL, 0};
}

static void bury(struct row *row, enum fate_reason reason, const struct err *why,
                 struct arena *arena)
{
    row->fate = (struct fate){.kind = FATE_DEAD, .reason = reason};
    row->detail = arena_copy(arena, slice_from(why->text)).data;
}

void fate_decide(struct row *row, const struct columns *columns, struct arena *arena)
{
    struct err why;
    row->fate = (struct fate){.kind = FATE_STORED};
    row->detail = NULL;
    bool read = record_decode(row->message.value, arena, &row->record, &why);
    if (read && !is_uuid(row->record.organization_id))
        read = err_set(&why, ERR_RECORD_INVALID, "organization_id is not a lower-case UUID");
    if (!read) {
        row->record = (struct record){0};
        row->period = 0;
        bury(row, FATE_RECORD_INVALID, &why, arena);
        return;
    }
    row->period = ch_period_at(columns->period, row->record.timestamp_ms);
    if (!columns_take(columns, row, &why))
        bury(row, FATE_VALUE_UNSTORABLE, &why, arena);
}
