/* Usage totals in a hash table, and their text for PostgreSQL.
 *
 * SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "batch/usage.h"
#include "clickhouse/fixed.h"
#include <inttypes.h>
#include <stdlib.h>

enum {
    SLOTS_MIN = 256,
    MS_PER_HOUR = 3600000,
};

static const int64_t FRACTION_UNIT = 1000000000000000000; /* 10^18 */

void usage_sum_add(struct usage_sum *sum, __int128 value_scaled)
{
    sum->whole += value_scaled / FRACTION_UNIT;
    sum->fraction += value_scaled % FRACTION_UNIT;
}

void usage_sum_format(const struct usage_sum *sum, char ret_text[USAGE_SUM_SIZE])
{
    __int128 whole = sum->whole + sum->fraction / FRACTION_UNIT;
    int64_t fraction = (int64_t)(sum->fraction % FRACTION_UNIT);
    /* Both parts get the sign of the whole sum. */
    if (whole > 0 && fraction < 0) {
        whole--;
        fraction += FRACTION_UNIT;
    } else if (whole < 0 && fraction > 0) {
        whole++;
        fraction -= FRACTION_UNIT;
    }
    bool negative = whole < 0 || fraction < 0;
    unsigned __int128 rest = negative ? -(unsigned __int128)whole : (unsigned __int128)whole;
    char digits[40];
    size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest > 0);
    snprintf(ret_text, USAGE_SUM_SIZE, "%s%s.%018" PRId64, negative ? "-" : "", digits + at,
             negative ? -fraction : fraction);
}

void usage_init(struct usage *usage, size_t max)
{
    *usage = (struct usage){.slots_len = SLOTS_MIN};
    usage->slots = xcalloc(usage->slots_len, sizeof *usage->slots);
    arena_init(&usage->arena, max);
}

void usage_done(struct usage *usage)
{
    arena_done(&usage->arena);
    mem_freep(&usage->entries);
    mem_freep(&usage->slots);
    *usage = (struct usage){0};
}

void usage_reset(struct usage *usage)
{
    arena_reset(&usage->arena);
    usage->entries_len = 0;
    memset(usage->slots, 0, usage->slots_len * sizeof *usage->slots);
}

static uint64_t mix(uint64_t hash, struct slice text)
{
    for (size_t i = 0; i < text.size; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * 1099511628211u; /* FNV-1a */
    return (hash ^ text.size) * 1099511628211u;
}

static bool same_key(const struct usage_entry *entry, const struct record *record, int64_t hour)
{
    return entry->hour == hour && slice_equal(entry->customer, record->external_customer_id) &&
           slice_equal(entry->code, record->code) &&
           slice_equal(entry->organization_id, record->organization_id);
}

static void grow(struct usage *usage)
{
    usage->entries_capacity = usage->entries_capacity ? usage->entries_capacity * 2 : SLOTS_MIN / 2;
    usage->entries = xrealloc(usage->entries, usage->entries_capacity * sizeof *usage->entries);
    while (usage->slots_len < usage->entries_capacity * 2)
        usage->slots_len *= 2;
    mem_freep(&usage->slots);
    usage->slots = xcalloc(usage->slots_len, sizeof *usage->slots);
    for (size_t i = 0; i < usage->entries_len; i++) {
        size_t at = usage->entries[i].hash & (usage->slots_len - 1);
        while (usage->slots[at] != 0)
            at = (at + 1) & (usage->slots_len - 1);
        usage->slots[at] = (uint32_t)(i + 1);
    }
}

/* The entry of the record's key, made when it is new; NULL beyond the cap. */
static struct usage_entry *entry_of(struct usage *usage, const struct record *record)
{
    int64_t hour = record->timestamp_ms / MS_PER_HOUR;
    /* Records come sorted: mostly it is the key of the one before. */
    if (usage->last < usage->entries_len && same_key(&usage->entries[usage->last], record, hour))
        return &usage->entries[usage->last];
    uint64_t hash = mix(mix(mix(14695981039346656037u ^ (uint64_t)hour, record->organization_id),
                            record->external_customer_id),
                        record->code);
    hash ^= hash >> 32;
    if (usage->entries_len == usage->entries_capacity)
        grow(usage);
    size_t at = hash & (usage->slots_len - 1);
    for (; usage->slots[at] != 0; at = (at + 1) & (usage->slots_len - 1)) {
        struct usage_entry *entry = &usage->entries[usage->slots[at] - 1];
        if (entry->hash == hash && same_key(entry, record, hour)) {
            usage->last = usage->slots[at] - 1;
            return entry;
        }
    }
    struct usage_entry entry = {
        .organization_id = arena_copy(&usage->arena, record->organization_id),
        .customer = arena_copy(&usage->arena, record->external_customer_id),
        .code = arena_copy(&usage->arena, record->code),
        .hour = hour,
        .hash = hash,
    };
    if (!entry.organization_id.data || !entry.customer.data || !entry.code.data)
        return NULL;
    usage->last = usage->entries_len;
    usage->entries[usage->entries_len] = entry;
    usage->slots[at] = (uint32_t)(usage->entries_len + 1);
    return &usage->entries[usage->entries_len++];
}

bool usage_add(struct usage *usage, const struct record *record, struct err *reterr)
{
    __int128 value = 0;
    if (record->value.size > 0 &&
        !fixed_parse(record->value, USAGE_WHOLE_DIGITS + USAGE_SCALE, USAGE_SCALE, &value, reterr))
        return false;
    struct usage_entry *entry = entry_of(usage, record);
    if (!entry)
        return err_set(reterr, ERR_OVERLOADED, "too many different usage keys in one batch");
    entry->events++;
    usage_sum_add(&entry->sum, value);
    return true;
}

static int compare_slices(struct slice a, struct slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_entries(const void *left, const void *right)
{
    const struct usage_entry *a = left, *b = right;
    int order = compare_slices(a->organization_id, b->organization_id);
    if (order == 0)
        order = compare_slices(a->customer, b->customer);
    if (order == 0)
        order = compare_slices(a->code, b->code);
    return order ? order : (a->hour > b->hour) - (a->hour < b->hour);
}

enum { COLUMNS = 6 };

void usage_columns(struct usage *usage, struct pg_columns *ret_columns)
{
    /* The hash table, and `last`, are of no use after this, until the next reset. */
    if (usage->entries_len > 1)
        qsort(usage->entries, usage->entries_len, sizeof *usage->entries, compare_entries);
    pg_columns_init(ret_columns, COLUMNS);
    for (size_t i = 0; i < usage->entries_len; i++) {
        const struct usage_entry *entry = &usage->entries[i];
        char sum[USAGE_SUM_SIZE];
        usage_sum_format(&entry->sum, sum);
        pg_columns_add(ret_columns, 0, entry->organization_id);
        pg_columns_add(ret_columns, 1, entry->customer);
        pg_columns_add(ret_columns, 2, entry->code);
        pg_columns_add_i64(ret_columns, 3, entry->hour);
        pg_columns_add_i64(ret_columns, 4, entry->events);
        pg_columns_add(ret_columns, 5, slice_from(sum));
    }
}
