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
    struct event_reader reader;
    size_t capacity; /* of results and of records */
    size_t rejected;
    struct arena *arena;            /* borrowed */
    char received[CLOCK_TEXT_SIZE]; /* when the request was */
};

/* The reader is too large to be cleared in vain. */
static void gather_init(struct gather *gather, struct slice body, enum event_body kind,
                        const struct event_rules *rules, struct arena *arena)
{
    gather->batch = (struct events_batch){.results = NULL};
    gather->capacity = gather->rejected = 0;
    gather->arena = arena;
    clock_format(rules->received_ms, gather->received);
    event_reader_init(&gather->reader, body, kind, rules, arena);
}

static bool no_memory(const struct gather *gather, struct err *reterr)
{
    return err_set(reterr, gather->reader.single ? ERR_EVENT_TOO_LARGE : ERR_BODY_TOO_LARGE,
                   "reading it needs more than the %zu bytes of memory that a request may have",
                   gather->arena->max);
}

/* How many events there will be if the rest of the body is like what was read, which is one event
 * more than there are results; at least half as many again as these. */
static size_t foresee(const struct gather *gather)
{
    const struct event_reader *reader = &gather->reader;
    const size_t len = gather->batch.results_len, max = reader->rules->events_max;
    const double all =
        (double)(len + 1) * (double)reader->body.size / (double)event_reader_at(reader);
    const size_t likely = all < (double)max ? (size_t)all + len / 8 : max;
    return likely > len + len / 2 ? likely : len + len / 2;
}

/* Makes the array longer. The old one stays behind in the arena: all of them together are less than
 * three times the last. NULL at the cap. */
static void *lengthen(struct arena *arena, void *array, size_t len, size_t wanted, size_t size)
{
    void *larger = arena_alloc(arena, wanted * size);
    if (larger != NULL && len > 0)
        memcpy(larger, array, len * size);
    return larger;
}

/* Makes room for one more result and record. */
static bool make_room(struct gather *gather)
{
    struct events_batch *batch = &gather->batch;
    struct arena *arena = gather->arena;
    const size_t len = batch->results_len;
    if (len < gather->capacity)
        return true;
    const size_t wanted = len > 0 ? foresee(gather) : FIRST_CAPACITY;
    if (len > 0)
        arena_expect(arena, arena->used / len * wanted);
    struct events_result *results = lengthen(arena, batch->results, len, wanted, sizeof *results);
    struct events_record *records =
        lengthen(arena, batch->records, batch->records_len, wanted, sizeof *records);
    if (results == NULL || records == NULL)
        return false;
    batch->results = results;
    batch->records = records;
    gather->capacity = wanted;
    return true;
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

/* The next result; there is room. */
static struct events_result *add_result(struct gather *gather, enum events_status status,
                                        const struct event *event)
{
    struct events_result *result = &gather->batch.results[gather->batch.results_len++];
    *result = (struct events_result){.status = status, .event = *event};
    gather->batch.warns |= has_warning(event);
    return result;
}

static bool add_accepted(struct gather *gather, const struct event *event,
                         const struct event_rules *rules)
{
    struct events_batch *batch = &gather->batch;
    const struct slice value = write_record(gather, event, rules);
    if (value.data == NULL)
        return false;
    batch->records[batch->records_len++] =
        (struct events_record){.value = value, .result = batch->results_len};
    add_result(gather, EVENTS_PENDING, event);
    batch->schema_warned += event->schema_warning != NULL;
    return true;
}

static bool add_rejected(struct gather *gather, const struct event *event, const struct err *why)
{
    struct err *error = arena_alloc(gather->arena, sizeof *error);
    if (error == NULL)
        return false;
    *error = *why;
    add_result(gather, EVENTS_REJECTED, event)->error = error;
    gather->rejected++;
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
    struct event event;
    struct err err;
    enum event_step step;
    struct gather gather;
    gather_init(&gather, body, kind, rules, arena);
    while ((step = event_reader_next(&gather.reader, &event, &err)) != EVENT_END) {
        if (step == EVENT_BROKEN) {
            if (reterr != NULL)
                *reterr = err;
            return false;
        }
        bool kept =
            make_room(&gather) && (step == EVENT_ACCEPTED ? add_accepted(&gather, &event, rules)
                                                          : add_rejected(&gather, &event, &err));
        if (!kept)
            return no_memory(&gather, reterr);
    }
    gather.batch.single = gather.reader.single;
    if (options->validate)
        keep_back(&gather.batch, EVENTS_VALID);
    else if (options->atomic && gather.rejected > 0)
        keep_back(&gather.batch, EVENTS_WITHHELD);
    *ret_batch = gather.batch;
    return true;
}
