/* From the bytes of a body to records for the broker. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "handlers/events.h"
#include "base/clock.h"
#include "schemas/record.h"

enum { FIRST_CAPACITY = 16 };

/* What the arena is asked for, at most. Measured in the worst bodies: the table of member names in
 * an event of nothing but names, texts of nothing but escapes, lists of nothing but wrong events.
 */
enum {
    ARENA_PER_BODY_BYTE = 7,   /* unescaped texts and names (of properties twice), records */
    ARENA_PER_EVENT_BYTE = 32, /* member names, for the largest event */
    ARENA_PER_EVENT = 2304,    /* its result, its record's fixed parts, its error or warning */
    ARENA_LEAST = 98304,       /* what headers say, unescaped; the room of a record to be written */
};

size_t events_arena_max(size_t body_size, const struct event_rules *rules)
{
    size_t event_size = body_size < rules->event_max ? body_size : rules->event_max;
    size_t events = body_size / 2 + 1; /* none is shorter than a digit and a comma */
    if (events > rules->events_max)
        events = rules->events_max;
    return ARENA_PER_BODY_BYTE * body_size + ARENA_PER_EVENT_BYTE * event_size +
           (ARENA_PER_EVENT + 2 * rules->organization_id.size) * events + ARENA_LEAST;
}

/* A batch while it grows. */
struct gather {
    struct events_batch batch;
    size_t results_capacity;
    size_t records_capacity;
    size_t rejected;
    struct arena *arena;            /* borrowed */
    char received[CLOCK_TEXT_SIZE]; /* when the request was */
};

static bool no_memory(const struct gather *gather, bool single, struct err *reterr)
{
    return err_set(reterr, single ? ERR_EVENT_TOO_LARGE : ERR_BODY_TOO_LARGE,
                   "reading it needs more than the %zu bytes of memory that a request may have",
                   gather->arena->max);
}

/* Makes room for one more element of an array in the arena, which grows fourfold. The old array
 * stays behind: all of them together are a third of the last one. NULL at the cap. */
static void *make_room(struct arena *arena, void *array, size_t len, size_t *capacity, size_t size)
{
    if (len < *capacity)
        return array;
    size_t wanted = *capacity ? *capacity * 4 : FIRST_CAPACITY;
    void *larger = arena_alloc(arena, wanted * size);
    if (larger == NULL)
        return NULL;
    if (len > 0)
        memcpy(larger, array, len * size);
    *capacity = wanted;
    return larger;
}

static struct events_result *add_result(struct gather *gather)
{
    struct events_batch *batch = &gather->batch;
    struct events_result *results = make_room(gather->arena, batch->results, batch->results_len,
                                              &gather->results_capacity, sizeof *results);
    if (results == NULL)
        return NULL;
    batch->results = results;
    return &results[batch->results_len++];
}

static struct events_record *add_record(struct gather *gather)
{
    struct events_batch *batch = &gather->batch;
    struct events_record *records = make_room(gather->arena, batch->records, batch->records_len,
                                              &gather->records_capacity, sizeof *records);
    if (records == NULL)
        return NULL;
    batch->records = records;
    return &records[batch->records_len++];
}

/* Writes the canonical record of an event into the arena. */
static struct slice write_record(struct gather *gather, const struct event *event,
                                 const struct event_rules *rules)
{
    const struct record record = {
        .organization_id = rules->organization_id,
        .transaction_id = event->transaction_id,
        .external_customer_id = event->external_customer_id,
        .code = event->code,
        .external_subscription_id = event->external_subscription_id,
        .value = event->value,
        .properties = event->properties,
        .timestamp_ms = event->timestamp_ms,
        .timestamp_text = event->timestamp_text,
        .ingested_ms = rules->received_ms,
        .ingested_text = slice_from(gather->received),
        .transactional = event->transactional,
    };
    char *bytes = arena_alloc(gather->arena, record_size_max(&record));
    if (bytes == NULL)
        return (struct slice){NULL, 0};
    size_t size = record_write(&record, bytes);
    arena_trim(gather->arena, bytes, size);
    return (struct slice){bytes, size};
}

/* What events_answer looks for in each event; nearly no batch has any of it. */
static bool has_warning(const struct event *event)
{
    return event->unknown_member.size > 0 || event->value_ignored || event->schema_warning != NULL;
}

static bool add_accepted(struct gather *gather, const struct event *event,
                         const struct event_rules *rules)
{
    struct events_result *result = add_result(gather);
    struct events_record *record = add_record(gather);
    if (result == NULL || record == NULL)
        return false;
    *result = (struct events_result){.status = EVENTS_PENDING, .event = *event};
    gather->batch.schema_warned += event->schema_warning != NULL;
    gather->batch.warns |= has_warning(event);
    *record = (struct events_record){
        .value = write_record(gather, event, rules),
        .result = gather->batch.results_len - 1,
    };
    return record->value.data != NULL;
}

static bool add_rejected(struct gather *gather, const struct event *event, const struct err *why)
{
    struct events_result *result = add_result(gather);
    struct err *error = arena_alloc(gather->arena, sizeof *error);
    if (result == NULL || error == NULL)
        return false;
    *error = *why;
    *result = (struct events_result){.status = EVENTS_REJECTED, .error = error, .event = *event};
    gather->rejected++;
    gather->batch.warns |= has_warning(event);
    gather->batch.schema_rejected += why->code == ERR_PROPERTY_SCHEMA;
    return true;
}

/* Nothing is produced: all or nothing, and one is wrong; or it was only to be checked. */
static void keep_back(struct events_batch *batch, enum events_status status)
{
    for (size_t i = 0; i < batch->results_len; i++)
        if (batch->results[i].status == EVENTS_PENDING)
            batch->results[i].status = status;
    batch->records_len = 0;
}

bool events_accept(struct slice body, enum event_body kind, const struct event_rules *rules,
                   const struct events_options *options, struct arena *arena,
                   struct events_batch *ret_batch, struct err *reterr)
{
    struct event_reader reader;
    struct event event;
    struct err err;
    enum event_step step;
    struct gather gather = {.arena = arena};
    clock_format(rules->received_ms, gather.received);
    event_reader_init(&reader, body, kind, rules, arena);
    while ((step = event_reader_next(&reader, &event, &err)) != EVENT_END) {
        if (step == EVENT_BROKEN) {
            if (reterr != NULL)
                *reterr = err;
            return false;
        }
        bool kept = step == EVENT_ACCEPTED ? add_accepted(&gather, &event, rules)
                                           : add_rejected(&gather, &event, &err);
        if (!kept)
            return no_memory(&gather, reader.single, reterr);
    }
    gather.batch.single = reader.single;
    if (options->validate)
        keep_back(&gather.batch, EVENTS_VALID);
    else if (options->atomic && gather.rejected > 0)
        keep_back(&gather.batch, EVENTS_WITHHELD);
    *ret_batch = gather.batch;
    return true;
}
