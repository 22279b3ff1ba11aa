/* From the records of a request to the producer, and back.
 *
 * Threads: produce_records on the connection's thread, produce_report on those of the producer.
 * They meet in `pending`: it starts at the number of records plus one for the sender, so that
 * reports that come while sending goes on cannot end the wait; whoever brings it to zero ends it.
 * And they meet in each record's `fate`: it is exchanged, so that either the answer has the fate or
 * the report sees that the caller was told without it. SPDX-License-Identifier: Apache-2.0 */
#include <config.h>
#include "server/produce.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "server/loop.h"
#include "server/request.h"
#include "server/server.h"
#include <stddef.h>

/* What is known of a record. The first three are enum producer_fate plus one. */
enum {
    FATE_PENDING = 0,
    FATE_ACKNOWLEDGED = 1 + PRODUCER_ACKNOWLEDGED,
    FATE_NOT_STORED = 1 + PRODUCER_NOT_STORED,
    FATE_UNKNOWN = 1 + PRODUCER_UNKNOWN,
    FATE_TOLD, /* the caller was told 503 while it was pending */
};

struct produced {
    struct request *request;
    atomic_uchar fate;
};

/* After the last report: the broker's part is over. Lets go of the request. */
static void end_wait(struct request *request)
{
    const int64_t now_us = clock_mono_us(), waited_us = now_us - request->gathered_us;
    metrics_observe_us(HISTOGRAM_SERVER_ACKNOWLEDGE, waited_us);
    delay_tell(&request->server->acknowledged, waited_us, now_us);
    request_resume(request);
    request_unref(request);
}

void produce_report(void *opaque, enum producer_fate fate)
{
    struct produced *produced = opaque;
    struct request *request = produced->request;
    if (atomic_exchange(&produced->fate, (unsigned char)(1 + fate)) == FATE_TOLD)
        metrics_add(METRIC_SERVER_EVENTS_LATE, 1);
    if (atomic_fetch_sub(&request->pending, 1) == 1)
        end_wait(request);
}

/* Record i, for the producer. */
static struct slice next_record(void *context, size_t i, void **ret_opaque)
{
    struct request *request = context;
    struct produced *produced = &request->produced[i];
    produced->request = request;
    *ret_opaque = produced;
    return request->batch.records[i].value;
}

/* Record i was not taken. */
static void on_refused(void *context, size_t i, const struct err *err)
{
    struct request *request = context;
    if (request->send_err.code == ERR_NONE)
        request->send_err = *err;
    struct events_result *result = &request->batch.results[request->batch.records[i].result];
    if (err->code == ERR_EVENT_TOO_LARGE) {
        struct err *kept = arena_alloc(&request->arena, sizeof(*kept));
        if (kept) {
            *kept = *err;
            result->error = kept;
            result->status = EVENTS_REJECTED;
        }
    }
    atomic_store(&request->produced[i].fate, FATE_NOT_STORED);
}

size_t produce_arena_max(size_t records)
{
    /* One error more for each record that the producer finds too large. */
    return records * (sizeof(struct produced) + sizeof(struct err)) + 2 * _Alignof(max_align_t);
}

/* Hands every record over. */
static void send_records(struct loop_task *task)
{
    struct request *request = (struct request *)((char *)task - offsetof(struct request, sending));
    struct server *server = request->server;
    const struct events_batch *batch = &request->batch;
    const struct slice key = request->rules.organization_id;
    const struct producer_batch records = {
        .partition = partition_of(key, producer_partitions(server->producer)),
        .key = key,
        .traceparent = request->headers.traceparent,
        .len = batch->records_len,
        .next = next_record,
        .refused = on_refused,
        .context = request,
    };
    request->sent = producer_send_batch(server->producer, &records);
    const size_t unsent = batch->records_len - request->sent;
    if (atomic_fetch_sub(&request->pending, unsent + 1) == unsent + 1)
        end_wait(request);
}

bool produce_records(struct request *request, struct err *reterr)
{
    struct server *server = request->server;
    const struct events_batch *batch = &request->batch;
    request->produced = arena_calloc(&request->arena, batch->records_len, sizeof(struct produced));
    if (!request->produced) {
        *reterr = request->refusal; /* of the arena's memory: its cap has room for this */
        return false;
    }
    const uint64_t queued = (uint64_t)batch->records_len * PRODUCER_RECORD_BYTES;
    account_charge(&request->account, queued);
    atomic_store(&request->pending, batch->records_len + 1);
    atomic_fetch_add(&request->refs, 1);
    atomic_store(&request->state, REQUEST_WAITING);
    MHD_suspend_connection(request->connection);
    deadline_add(&server->deadlines, request);
    request->sending.run = send_records;
    loop_put_off(request->loop, &request->sending);
    return true;
}

/* What became of record i; PENDING becomes TOLD, since from now on the caller is told without it.
 */
static unsigned char final_fate(struct request *request, size_t i)
{
    if (!request->produced)
        return FATE_NOT_STORED;
    unsigned char fate = atomic_load(&request->produced[i].fate);
    if (fate != FATE_PENDING)
        return fate;
    if (atomic_compare_exchange_strong(&request->produced[i].fate, &fate, FATE_TOLD))
        return FATE_TOLD;
    return fate;
}

void produce_settle(struct request *request)
{
    const struct events_batch *batch = &request->batch;
    uint64_t accepted = 0, late = 0;
    uint64_t rejected = batch->results_len - batch->records_len; /* or withheld */
    for (size_t i = 0; i < batch->records_len; i++) {
        struct events_result *result = &batch->results[batch->records[i].result];
        if (result->status == EVENTS_REJECTED) {
            rejected++;
            continue;
        }
        unsigned char fate = final_fate(request, i);
        result->status = fate == FATE_ACKNOWLEDGED ? EVENTS_ACCEPTED : EVENTS_FAILED;
        accepted += fate == FATE_ACKNOWLEDGED;
        late += fate == FATE_TOLD;
        request->failed += fate != FATE_ACKNOWLEDGED;
    }
    metrics_add(METRIC_SERVER_EVENTS_ACCEPTED, accepted);
    metrics_add(METRIC_SERVER_EVENTS_FAILED, request->failed - late);
    metrics_add(METRIC_SERVER_EVENTS_REJECTED, rejected);
    metrics_add(METRIC_SERVER_SCHEMA_REJECTED, batch->schema_rejected);
    metrics_add(METRIC_SERVER_SCHEMA_WARNED, batch->schema_warned);
    request->counted = true;
}
